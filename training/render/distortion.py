"""Ink that is stretched, slanted, turned, seen in perspective or bent, and how a line is cut out of it."""

import math
import random

import numpy as np
from PIL import Image

FLAT = 0.45
"""Height of ink, in font sizes, under which a line is cut out by the font and not by its ink."""
ASCENT, DESCENT = 1.2, 2.1
"""Rows of a line, in font sizes from the top of what draw_ink draws; its base line is at 2."""


def _perspective(source: list[tuple[float, float]], target: list[tuple[float, float]]) -> list[float]:
    """The eight coefficients that Pillow needs to carry `target` corners back to `source` corners."""
    rows = []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return list(np.linalg.solve(np.array(rows, float), np.array(source, float).reshape(8)))


def distort(rng: random.Random, ink: Image.Image, scene: bool) -> Image.Image:
    """Stretch, slant and turn the ink; scene text also in perspective or along a curve."""
    width, height = ink.size
    stretch = rng.uniform(0.7, 1.35) if rng.random() < 0.5 else 1.0
    if scene and rng.random() < 0.1:
        stretch = rng.uniform(1.3, 2.2)  # letters of extended faces
    drift = min(math.tan(math.radians(6)) * width, height * (0.22 if scene else 0.1))
    turn = rng.gauss(0, 0.4) * drift if rng.random() < (0.6 if scene else 0.3) else 0.0
    slant = rng.gauss(0, 0.12) * height if rng.random() < (0.5 if scene else 0.15) else 0.0
    jitter = 0.1 * height if scene and rng.random() < 0.5 else 0.0
    new_width = max(8, int(width * stretch))
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    moves = [(slant, -turn), (slant, turn), (-slant, turn), (-slant, -turn)]
    target = [
        (x * stretch + dx + rng.uniform(-jitter, jitter), y + dy + rng.uniform(-jitter, jitter))
        for (x, y), (dx, dy) in zip(corners, moves, strict=True)
    ]
    if stretch != 1.0 or turn or slant or jitter:
        coefficients = _perspective([(float(x), float(y)) for x, y in corners], target)
        ink = ink.transform(
            (new_width, height), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR
        )
    return _curve(rng, ink) if scene and rng.random() < 0.12 else ink


def tilt(rng: random.Random, picture: Image.Image, reach: float) -> Image.Image:
    """A picture of a sheet, seen a little from the side: each corner moves by up to so many pixels."""
    width, height = picture.size
    corners = [(0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height))]
    target = [(x + rng.uniform(-reach, reach), y + rng.uniform(-reach, reach)) for x, y in corners]
    coefficients = _perspective(corners, target)
    return picture.transform(
        picture.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
    )


def _curve(rng: random.Random, ink: Image.Image) -> Image.Image:
    """Bend the base line into an arc or a wave."""
    levels = np.asarray(ink)
    height, width = levels.shape
    phase, bow = rng.uniform(0, 2 * math.pi), rng.uniform(0.05, 0.22) * height
    shift = bow * np.sin(np.linspace(0, rng.uniform(0.5, 1.2) * 2 * math.pi, width) + phase)
    rows = np.clip(np.arange(height)[:, None] + shift.round().astype(int)[None, :], 0, height - 1)
    return Image.fromarray(np.take_along_axis(levels, rows, axis=0))


def crop(rng: random.Random, ink: Image.Image, size: float) -> Image.Image:
    """Cut the line out: mostly tight, some with a margin, some a little into the letters at the ends.

    What is flat, as 一 or a hyphen, keeps the rows of its line, without which it would be a mere bar.
    """
    left, top, right, bottom = ink.getbbox() or (0, 0, *ink.size)
    if bottom - top < FLAT * size:
        top, bottom = min(top, int(ASCENT * size)), max(bottom, int(DESCENT * size))
    elif rng.random() < 0.5:  # by the font's own line height instead of by the ink
        middle = (top + bottom) / 2
        top, bottom = min(top, int(middle - 0.42 * size)), max(bottom, int(middle + 0.42 * size))
    loose = rng.random() ** 2
    wide = 3.0 if rng.random() < 0.06 else 0.9
    pad_y, pad_x = 0.45 * size * loose, wide * size * rng.random() ** 2
    left -= int(pad_x * rng.random()) if rng.random() < 0.75 else -int(rng.uniform(0, 0.08) * size)
    right += int(pad_x * rng.random()) if rng.random() < 0.75 else -int(rng.uniform(0, 0.08) * size)
    top -= int(pad_y * rng.random() - 0.05 * size * rng.random())
    bottom += int(pad_y * rng.random() - 0.05 * size * rng.random())
    return ink.crop((left, top, max(right, left + 6), max(bottom, top + 8)))
