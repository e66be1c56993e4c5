"""Colours of grounds and ink, as they meet on signs, paper and screens; grey pictures have one channel.

A colour is an array (C,) of levels 0 to 255 with one channel, or three: red, green, blue.
"""

import colorsys
import random

import numpy as np
from numpy.typing import NDArray

from handler.image import LUMINANCE

Levels = NDArray[np.float32]
CHANNEL_WEIGHTS = LUMINANCE.astype(np.float32)
EQUAL = 0.12
"""How often ink and ground of a coloured picture are nearly as bright as each other."""
MIDDLE = (40, 215)
"""Luminances between which ink and ground may be as bright as each other: white and black have no hues."""
INKS = (
    (25, 40, 150),
    (180, 25, 30),
    (20, 110, 50),
    (10, 10, 60),
    (120, 30, 110),
    (0, 90, 160),
    (200, 80, 10),
)
"""Of print and pens: blue, red, green, violet, orange."""


def grey(level: float, channels: int) -> Levels:
    """A level of grey in so many channels."""
    return np.full(channels, level, np.float32)


def luminance(colour: Levels) -> float:
    """Of a colour (C,); a grey one is its level."""
    return float(colour[0] if len(colour) == 1 else colour @ CHANNEL_WEIGHTS)


def vivid(rng: random.Random) -> Levels:
    """A colour as sign painters and designers take them: any hue, mostly saturated."""
    saturation = rng.choice([rng.uniform(0.5, 1), rng.uniform(0.1, 0.6)])
    shades = colorsys.hsv_to_rgb(
        rng.random(), saturation, rng.choice([rng.uniform(0.4, 1), rng.uniform(0.1, 0.9)])
    )
    return np.array(shades, np.float32) * 255


def any_ground(rng: random.Random, level: float, channels: int) -> Levels:
    """The colour of a ground where a grey picture has a level: near grey, or a vivid one."""
    if channels == 1:
        return grey(level, 1)
    if rng.random() < 0.4:
        return np.clip(level + np.array([rng.gauss(0, 9) for _ in range(3)], np.float32), 0, 255)
    return vivid(rng)


def paper(rng: random.Random, level: float, channels: int) -> Levels:
    """The colour of paper as bright as a level: white, yellowish, or tinted."""
    if channels == 1 or rng.random() < 0.4:
        return grey(level, channels)
    tint = rng.choice([(0, -4, -22), (-20, -6, 0), (0, -18, -14), (-16, 0, -14), (-3, -3, -8)])
    return np.clip(level + rng.uniform(0.3, 1.6) * np.array(tint, np.float32), 0, 255)


def apart(rng: random.Random, colour: Levels, distance: float) -> Levels:
    """A colour that can be told from another: by its level of grey, or as far away among the colours.

    Some coloured ones are as bright as the other, so that only their hue tells them apart.
    """
    if len(colour) == 1:
        return grey(_level_apart(rng, luminance(colour), distance), 1)
    if (
        MIDDLE[0] < luminance(colour) < MIDDLE[1]
        and rng.random() < EQUAL
        and (found := _as_bright(rng, colour)) is not None
    ):
        return found
    for _ in range(40):
        level = rng.choice([0.0, 255.0, rng.uniform(0, 255)])
        ink = vivid(rng) if rng.random() < 0.55 else grey(level, 3)
        if abs(luminance(ink) - luminance(colour)) >= distance:
            return ink
    return grey(255.0 if luminance(colour) < 128 else 0.0, 3)


def _level_apart(rng: random.Random, level: float, distance: float) -> float:
    """A grey level at least `distance` (at most 100) from another."""
    while True:
        found = rng.uniform(0, 255)
        if abs(found - level) >= distance:
            return found


def _as_bright(rng: random.Random, colour: Levels) -> Levels | None:
    """A colour nearly as bright as another but of another hue, if one is found."""
    for _ in range(20):
        ink = vivid(rng)
        ink = np.clip(ink * (luminance(colour) / max(luminance(ink), 1.0)), 0, 255)
        near = abs(luminance(ink) - luminance(colour)) < 14
        if near and float(np.abs(ink - colour).max()) > 90:
            return ink
    return None


def printed(rng: random.Random, level: float, channels: int) -> Levels:
    """The colour of print that is as dark or light as a level: grey, or now and then a coloured ink."""
    if channels == 1 or rng.random() < 0.45:
        return grey(level, channels)
    ink = np.array(rng.choice(INKS), np.float32)
    own = luminance(ink)
    if level > own:
        return 255 - (255 - ink) * (255 - level) / (255 - own)
    return ink * level / own


def on_screen(rng: random.Random, coloured: bool) -> tuple[Levels, Levels]:
    """Ground and front (3,) of a screen: mostly black on white or white on black, some in any two colours."""
    behind = np.array([rng.choice([255.0, rng.uniform(0, 255)]) for _ in range(3)], np.float32)
    if rng.random() < 0.6:
        behind[:] = rng.choice([255, 255, 245, 30, 0])
    front = np.array([rng.uniform(0, 120) for _ in range(3)], np.float32)
    if rng.random() < 0.5:
        front[:] = rng.choice([0, 0, 40, 90])
    if luminance(behind) < 130:
        front = 255 - front
    if coloured and rng.random() < 0.3:
        front = apart(rng, behind, 50)
    return behind, front
