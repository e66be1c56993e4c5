"""Kinds of pictures: what is written, in which fonts, and how it looks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.text import generator as texts


@dataclass(frozen=True)
class Domain:
    """A kind of picture: what is written, and in which sections of fonts.txt, by weight.

    `fonts` are for Latin text, `wide` for Chinese and Japanese.
    """

    text: texts.Mix
    fonts: dict[str, float]
    wide: dict[str, float]
    scene: float = 0.0
    """Chance of coloured grounds, perspective, curves, outlines and shadows."""
    worn: float = 0.0
    """Chance of print with gaps and bleeding, or of dots."""
    plate: bool = False
    """Characters in cells of one size, as on number plates."""
    screen: bool = False
    """Small and sharp, with the subpixels of a screen."""
    segments: bool = False
    """Figures of displays, whose unlit segments may be seen as well."""
    long: bool = False
    """Lines of wide columns: up to texts.LONG_CHARS."""
    coloured: float = 0.0
    """Chance of colours, where colour is asked for."""
    small: float = 0.0
    """Chance of print so small that it must be enlarged to be read."""
    emoji: float = 0.0
    """Chance of an emoji between the words, which is drawn but not labelled."""
    kinds: Mapping[str, float] = field(default_factory=dict)
    """Chances that a line of another domain of DOMAINS is drawn instead."""
    tracked: float = 0.25
    """Chance of letters that stand wider or closer than the font has them; on no screen."""


DOMAINS = {
    "scene": Domain(
        texts.SCENE,
        {"sans": 6, "serif": 3, "display": 4, "hand": 1, "mono": 0.5},
        {"wide-sans": 4, "wide-serif": 2, "wide-display": 2, "wide-hand": 1.5},
        scene=0.85,
        coloured=0.95,
        small=0.05,
        emoji=0.01,
        kinds={"digits": 0.025, "board": 0.025, "machine": 0.02},
    ),
    "receipt": Domain(
        texts.RECEIPT,
        {"receipt": 4, "mono": 3, "sans": 4, "serif": 0.7},
        {"wide-sans": 5, "wide-serif": 3, "wide-pixel": 0.5, "wide-hand": 0.3},
        scene=0.05,
        worn=0.5,
        coloured=0.1,
        small=0.08,
        kinds={"machine": 0.04, "digits": 0.01, "long": 0.02},
    ),
    "document": Domain(
        texts.DOCUMENT,
        {"serif": 5, "sans": 5, "mono": 1, "hand": 0.2},
        {"wide-sans": 5, "wide-serif": 5, "wide-hand": 0.3},
        scene=0.05,
        worn=0.15,
        coloured=0.3,
        small=0.15,
        emoji=0.005,
        kinds={"long": 0.12, "machine": 0.03, "code": 0.02},
    ),
    "screen": Domain(
        texts.DOCUMENT,
        {"sans": 6, "serif": 1.5, "mono": 2.5},
        {"wide-sans": 6, "wide-serif": 1, "wide-pixel": 0.5},
        screen=True,
        coloured=1.0,
        emoji=0.02,
        kinds={"code": 0.12, "long_screen": 0.1, "digits": 0.01},
    ),
    "plate": Domain(texts.PLATE, {"sans": 3, "mono": 1}, {"wide-sans": 1}, plate=True, coloured=0.9),
    "code": Domain(
        texts.CODE,
        {"mono": 8, "sans": 0.6},
        {"wide-sans": 3, "wide-pixel": 0.3},
        screen=True,
        coloured=1.0,
    ),
    "machine": Domain(
        texts.MACHINE,
        {"ocr": 4, "mono": 3, "sans": 2, "receipt": 0.5},
        {"wide-sans": 1},
        scene=0.15,
        worn=0.2,
        coloured=0.5,
        small=0.1,
        tracked=0.1,
    ),
    "digits": Domain(
        texts.DIGITS,
        {"segment": 1},
        {"wide-sans": 1},
        scene=0.9,
        segments=True,
        coloured=0.9,
        small=0.1,
    ),
    "board": Domain(
        texts.BOARD,
        {"dots": 1},
        {"wide-pixel": 1},
        scene=0.8,
        coloured=0.9,
        tracked=0.1,
    ),
    "long": Domain(
        texts.LONG,
        {"serif": 5, "sans": 5, "mono": 0.7},
        {"wide-sans": 5, "wide-serif": 5},
        worn=0.1,
        coloured=0.2,
        small=0.2,
        tracked=0.1,
        long=True,
    ),
    "long_screen": Domain(
        texts.LONG,
        {"sans": 6, "serif": 1.5, "mono": 1.5},
        {"wide-sans": 6, "wide-serif": 1},
        screen=True,
        coloured=1.0,
        long=True,
    ),
}
