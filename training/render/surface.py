"""Grounds, and how ink lies on them: colours, outlines and shadows, worn print, screens."""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from training.render import colour
from training.render.typesetting import TextRun, length, write

Levels = NDArray[np.float32]
"""Levels 0 to 255, or ink 0 to 1, (H, W) or (H, W, C)."""
Picture = NDArray[np.uint8]
"""Grey levels (H, W), or red, green and blue (H, W, 3)."""
LINKS = tuple(
    (np.array(behind, np.float32), np.array(front, np.float32))
    for behind, front in (
        ((255,) * 3, (0, 0, 238)),
        ((255,) * 3, (26, 13, 171)),
        ((30, 30, 30), (110, 170, 255)),
    )
)
"""Grounds and fronts of links."""


def wear(rng: random.Random, ink: Image.Image, fine: bool = False) -> Image.Image:
    """Print that bled, thinned, or lost dots and rows, as thermal and dot-matrix printers and fax do.

    `fine` tells that the letters have many strokes, which may not run into one another.
    """
    kind = rng.random()
    if kind < 0.2:
        bled = ink.filter(ImageFilter.MaxFilter(3))
        return Image.blend(ink, bled, rng.uniform(0.2, 0.5)) if fine else bled
    if kind < 0.4:
        return dot_matrix(rng, ink, (20, 28) if fine else (11, 20))
    levels = np.asarray(ink).copy()
    noise = np.random.default_rng(rng.getrandbits(32))
    if kind < 0.65:
        levels[noise.random(levels.shape) < rng.uniform(0.02, 0.3)] = 0
    elif kind < 0.8:
        levels[:: rng.choice([3, 4, 5])] //= rng.choice([2, 4])
    else:
        patches = noise.random((max(2, levels.shape[0] // 8), max(2, levels.shape[1] // 8)))
        fade = _enlarge(patches.astype(np.float32), levels.shape, Image.Resampling.BICUBIC)
        levels = (levels * np.clip(fade + rng.uniform(0.1, 0.6), 0, 1)).astype(np.uint8)
    return Image.fromarray(levels)


def dot_matrix(rng: random.Random, ink: Image.Image, rows_between: tuple[int, int] = (11, 20)) -> Image.Image:
    """The ink as round dots on a grid of so many rows."""
    rows, cell = rng.randint(*rows_between), rng.choice([3, 4])
    columns = max(4, round(ink.width * rows / ink.height))
    dots = np.asarray(ink.resize((columns, rows), Image.Resampling.BOX)) > rng.choice([70, 100])
    place = np.arange(cell) - (cell - 1) / 2
    reach = rng.uniform(0.3, 0.5) * cell
    dot = np.clip(reach + 0.5 - np.hypot(place[:, None], place[None, :]), 0, 1)
    return Image.fromarray((np.kron(dots, dot) * 255).astype(np.uint8))


def _enlarge(levels: Levels, shape: tuple[int, int], how: Image.Resampling) -> Levels:
    return np.asarray(Image.fromarray(levels).resize(shape[::-1], how))


def ground(rng: random.Random, shape: tuple[int, int], rough: bool) -> Levels:
    """A background (H, W): flat, with a gradient, textured, striped, or cluttered with shapes."""
    height, width = shape
    level = rng.uniform(0, 255) if rough else rng.choice([255, 250, rng.uniform(170, 255)])
    surface = np.full(shape, level, np.float32)
    if rough and rng.random() < 0.3:
        surface += np.linspace(-1, 1, width, dtype=np.float32) * rng.uniform(-70, 70)
    if rng.random() < 0.15:
        surface += np.linspace(-1, 1, height, dtype=np.float32)[:, None] * rng.uniform(-40, 40)
    noise = np.random.default_rng(rng.getrandbits(32))
    while rng.random() < (0.5 if rough else 0.15):
        cells = rng.choice([2, 4, 8, 16, 32])
        coarse = noise.normal(0, 1, (max(2, height // cells), max(2, width // cells))).astype(np.float32)
        how = rng.choice([Image.Resampling.BICUBIC, Image.Resampling.BOX])
        surface += _enlarge(coarse, shape, how) * rng.uniform(2, 30 if rough else 10)
    if rough and rng.random() < 0.2:
        surface = clutter(rng, surface)
    return surface


def clutter(rng: random.Random, surface: Levels) -> Levels:
    """Edges, bars, bricks and discs behind the text, less bright or dark than text would be."""
    height, width = surface.shape
    image = Image.fromarray(surface)
    pen = ImageDraw.Draw(image)
    level = float(surface.mean())
    if rng.random() < 0.3:
        step, shade = rng.randint(4, max(5, height // 2)), level + rng.uniform(-45, 45)
        for x in range(rng.randrange(step), width + height, step):
            pen.line([(x, 0), (x - rng.choice([0, height]), height)], fill=shade, width=rng.choice([1, 2, 3]))
        return np.asarray(image)
    for _ in range(rng.randint(1, 5)):
        x, y = rng.uniform(-0.2, 1) * width, rng.uniform(-0.5, 1) * height
        box = [(x, y), (x + rng.uniform(0.1, 3) * height, y + rng.uniform(0.1, 1.5) * height)]
        shade = level + rng.uniform(-60, 60)
        rng.choice([pen.rectangle, pen.ellipse])(box, fill=shade)
    return np.asarray(image)


def paint(
    rng: random.Random, ink: Image.Image, scene: bool, fine: bool = False, coloured: bool = False
) -> Picture:
    """Ink on a ground: dark on light in print; in a scene any pair that can be told apart, in some style.

    `fine` letters have many strokes: see wear. The picture is grey (H, W), or, `coloured`, (H, W, 3).
    """
    texture, channels = ground(rng, ink.size[::-1], scene), 3 if coloured else 1
    level = float(texture.mean())
    base = (colour.any_ground if scene else colour.paper)(rng, level, channels)
    surface = (texture - level)[:, :, None] + base
    level = colour.luminance(base)
    mask = np.asarray(ink, dtype=np.float32)[:, :, None] / 255
    if scene or rng.random() < 0.08:
        front = colour.apart(rng, base, rng.choice([30, 55, 55, 80]))
        painted = _styled(rng, ink, mask, surface, front, fine) if scene else _over(surface, mask, front)
    else:
        dark = level > 90
        shade = max(0.0, level - rng.uniform(70, 250)) if dark else level + rng.uniform(70, 190)
        painted = _over(surface, mask, colour.printed(rng, shade, channels))
    levels = np.clip(painted, 0, 255).astype(np.uint8)
    return levels if coloured else levels[:, :, 0]


def _over(surface: Levels, mask: Levels, front: Levels) -> Levels:
    return surface + mask * (front - surface)


def _styled(
    rng: random.Random, ink: Image.Image, mask: Levels, surface: Levels, front: Levels, fine: bool
) -> Levels:
    """Plain, shaded, hollow, outlined, or in relief, as sign painters have it; all but the ink (H, W, C)."""
    kind, channels = rng.random(), len(front)
    if kind < 0.55:
        return _over(surface, mask, front)
    width = rng.choice([3, 3, 5, 7] if ink.height > 40 and not fine else [3])
    around = np.asarray(ink.filter(ImageFilter.MaxFilter(width)), dtype=np.float32)[:, :, None] / 255
    if kind < 0.63:  # hollow letters
        return _over(surface, np.clip(around - mask, 0, 1), front)
    if kind < 0.75:  # an outline of another level
        return _over(_over(surface, around, colour.apart(rng, front, 50)), mask, front)
    down, right = rng.choice([-2, -1, 1, 2, 3]), rng.choice([-3, -2, -1, 1, 2, 3])
    if kind < 0.87:  # a shadow, or the sides of solid letters
        deep = rng.choice([1, 1, 2, 3])
        shade = colour.grey(rng.choice([rng.uniform(0, 255), 0.0]), channels)
        for step in range(deep, 0, -1):
            surface = _over(surface, np.roll(mask, (step * down, step * right), (0, 1)), shade)
        return _over(surface, mask, front)
    if kind < 0.94:  # carved or raised: a lit and a dark side, nearly the colour of the ground
        lit, dark = np.roll(mask, (1, 1), (0, 1)), np.roll(mask, (-1, -1), (0, 1))
        relief = (lit - dark) * rng.choice([-1, 1]) * rng.uniform(60, 140)
        return surface + relief + mask * rng.uniform(-30, 30)
    noise = np.random.default_rng(rng.getrandbits(32))  # letters that are textured or glare themselves
    coarse = noise.normal(0, 1, (max(2, ink.height // 8), max(2, ink.width // 8))).astype(np.float32)
    texture = _enlarge(coarse, mask.shape[:2], Image.Resampling.BICUBIC) * rng.uniform(10, 40)
    return _over(surface, mask, front + texture[:, :, None])


def show_on_screen(
    rng: random.Random, runs: Sequence[TextRun], size: int, coloured: bool = False, link: bool = False
) -> Picture:
    """Small text as a screen shows it; `size` and the runs are three times as large as what is seen.

    Drawn three times as wide as high, smoothed over five subpixels as FreeType's filter for LCDs does, and
    taken apart into red, green and blue; or without subpixels, in grey. A `link` is underlined, mostly in
    blue. The picture is grey (H, W), or, `coloured`, (H, W, 3).
    """
    margin = 3 * rng.randint(1, 5)
    image = Image.new("L", (int(length(runs)) // 3 * 3 + 3 + 2 * margin, 3 * (size // 2)))
    write(image, (margin, size), runs)
    if link:
        y = size + rng.choice((3, 6))
        ImageDraw.Draw(image).rectangle((margin, y, image.width - margin, y + 2), fill=255)
    fine = np.asarray(image.resize((image.width, image.height // 3), Image.Resampling.BOX), np.float32) / 255
    if rng.random() < 0.5:
        padded = np.pad(fine, ((0, 0), (2, 2)))
        taps = np.array([8, 77, 86, 77, 8], np.float32) / 256
        fine = sum(tap * padded[:, i : i + fine.shape[1]] for i, tap in enumerate(taps))  # type: ignore[assignment]
        parts = fine.reshape(len(fine), -1, 3)
    else:
        parts = np.repeat(fine.reshape(len(fine), -1, 3).mean(axis=2, keepdims=True), 3, axis=2)
    behind, front = colour.on_screen(rng, coloured)
    if link and rng.random() < 0.8:
        behind, front = rng.choice(LINKS)
    levels = behind + parts * (front - behind)
    shown = levels if coloured else levels @ colour.CHANNEL_WEIGHTS
    return np.clip(shown, 0, 255).astype(np.uint8)
