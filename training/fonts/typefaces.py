"""Font files that can draw a text: chosen by weighted sections of fonts.txt, loaded once a size."""

import inspect
import random
from functools import lru_cache
from unicodedata import normalize

import numpy as np
from PIL import ImageFont

from training.fonts.coverage import coverage, font_files

WIDE = "\u2190"
"""From here on characters are drawn by fonts of thousands of characters, where these can."""
WIDEST_HALF, NARROWEST_FULL = 0.85, 0.9
"""Font sizes: up to which a figure counts as half-width, and from which on as full-width."""
WIDEST_ACCENTED = 1.4
"""Times the width of the plain letter up to which an accented one is taken for a letter."""
LARGE = 44
"""Font size in pixels at which the shape of a character is looked at."""


@lru_cache(maxsize=1)
def _fonts() -> dict[str, tuple[str, ...]]:
    return {section: tuple(files) for section, files in font_files().items()}


@lru_cache(maxsize=20_000)
def load(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(maxsize=1024)
def is_wide(text: str) -> bool:
    """Whether a text, or an alphabet, has more than the letters and signs of Latin fonts."""
    return max(text) >= WIDE


@lru_cache(maxsize=32)
def _masks(files: tuple[str, ...]) -> dict[str, int]:
    """Character -> which of the files draw it, a bit each: a hundredth of the memory of a set a file."""
    masks: dict[str, int] = {}
    for place, path in enumerate(files):
        for char in inspect.unwrap(coverage)(path):  # the set itself is not kept
            masks[char] = masks.get(char, 0) | 1 << place
    return masks


@lru_cache(maxsize=1)
def emoji_font() -> str:
    """A font file with emoji, if one was fetched."""
    return next(iter(_fonts().get("emoji", ())), "")


def draws(path: str, text: str) -> bool:
    """Whether a font file has all characters of a text."""
    return set(text) <= inspect.unwrap(coverage)(path)


@lru_cache(maxsize=4096)
def _figure_widths(path: str) -> tuple[float, float]:
    """How wide a figure and its full-width form are drawn, in font sizes."""
    font = load(path, LARGE)
    return font.getlength("0") / LARGE, font.getlength("０") / LARGE


def tells_full_width(path: str, text: str) -> bool:
    """Whether figures and Latin letters look full-width where the text has such forms, and only there."""
    half, full = _figure_widths(path)
    has_half = any(char.isascii() and char.isalnum() for char in text)
    has_full = any("！" <= char <= "～" for char in text)
    return not (has_half and half > WIDEST_HALF) and not (has_full and full < NARROWEST_FULL)


@lru_cache(maxsize=4096)
def draws_backslash(path: str) -> bool:
    """Whether a backslash is one: many Japanese fonts have a yen sign in its place, which is symmetric."""
    mask = load(path, LARGE).getmask("\\")
    ink = np.asarray(mask, np.float32).reshape(mask.size[::-1])
    return bool(np.abs(ink - ink[:, ::-1]).mean() > 0.6 * ink.mean())


def _is_accented(char: str) -> bool:
    return "À" <= char <= "ɏ" and char.isalpha()


@lru_cache(maxsize=65536)
def _is_proportioned(path: str, letter: str) -> bool:
    """Whether a letter beyond ASCII is about as wide as the plain one: some fonts give it a square."""
    plain = normalize("NFD", letter)[0]
    plain = plain if plain.isascii() else "W" if letter in "ÆŒæœ" else "D"
    font = load(path, LARGE)
    return font.getlength(letter) <= WIDEST_ACCENTED * font.getlength(plain)


def _suits(path: str, text: str) -> bool:
    """Whether a font that has all characters of a text draws each as wide as it should be, and as itself."""
    if ("\\" in text and not draws_backslash(path)) or (is_wide(text) and not tells_full_width(path, text)):
        return False
    return text.isascii() or all(_is_proportioned(path, char) for char in text if _is_accented(char))


def pick_font(rng: random.Random, sections: dict[str, float], text: str) -> str | None:
    """A font file of one of the sections, by their weights, that has every character of the text, if any."""
    left = dict(sections)
    while left:
        section = rng.choices(list(left), list(left.values()))[0]
        del left[section]
        files = _fonts().get(section, ())
        able = (1 << len(files)) - 1
        for char in set(text):
            able &= _masks(files).get(char, 0)
        while able:
            place = rng.randrange(len(files))
            if able >> place & 1:
                if _suits(files[place], text):
                    return files[place]
                able ^= 1 << place
    return None
