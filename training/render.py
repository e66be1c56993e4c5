"""Draw lines of text as cameras, scanners and printers would have them: text -> grey image (H, W).

Only Pillow and numpy are needed. Each sample costs 2 to 4 ms.
"""

import io
import math
import random
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from handler.preprocess import Grey
from training import text as texts
from training.fonts import coverage, font_files

SIZES = (24, 32, 44)
"""Font sizes in pixels; what is smaller in life is scaled down afterwards."""
Mask = NDArray[np.float32]
"""How much ink lies on each pixel, 0 to 1, (H, W)."""


@dataclass(frozen=True)
class Domain:
    """A kind of picture: what is written, in which sections of fonts.txt, how likely distorted."""

    text: texts.Mix
    fonts: dict[str, float]
    scene: float
    """Chance of coloured grounds, perspective, curves, outlines and shadows."""
    thermal: float = 0.0
    """Chance of print with gaps and bleeding."""


DOMAINS = {
    "scene": Domain(texts.SCENE, {"sans": 6, "serif": 3, "display": 4, "hand": 1, "mono": 0.5}, scene=0.8),
    "receipt": Domain(
        texts.RECEIPT, {"receipt": 5, "mono": 2, "sans": 4, "serif": 0.7}, scene=0.05, thermal=0.5
    ),
    "document": Domain(
        texts.DOCUMENT, {"serif": 5, "sans": 5, "mono": 1, "hand": 0.2}, scene=0.05, thermal=0.15
    ),
}


@lru_cache(maxsize=1)
def _fonts() -> dict[str, list[str]]:
    return font_files()


@lru_cache(maxsize=3000)
def _load(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def choose_font(rng: random.Random, sections: dict[str, float], text: str) -> ImageFont.FreeTypeFont:
    """A font of one of the sections, by their weights, that has every character of the text."""
    needed = set(text)
    while True:
        section = rng.choices(list(sections), list(sections.values()))[0]
        path = rng.choice(_fonts()[section])
        if needed <= coverage(path):
            return _load(path, rng.choice(SIZES))


def draw_ink(rng: random.Random, text: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """The text in white on black with a margin of one font size, sometimes with wide or narrow spacing."""
    size = int(font.size)
    spacing = (
        rng.choice([rng.uniform(-0.04, 0.06), rng.uniform(0, 0.35)]) * size if rng.random() < 0.25 else 0.0
    )
    width = font.getlength(text) + max(spacing, 0) * len(text)
    image = Image.new("L", (int(width) + 2 * size + 2, 3 * size))
    pen = ImageDraw.Draw(image)
    stroke = 1 if rng.random() < 0.06 else 0
    if not spacing:
        pen.text((size, 2 * size), text, font=font, fill=255, anchor="ls", stroke_width=stroke)
        return image
    x = float(size)
    for char in text:
        pen.text((x, 2 * size), char, font=font, fill=255, anchor="ls", stroke_width=stroke)
        x += font.getlength(char) + spacing
    return image


def _perspective(source: list[tuple[float, float]], target: list[tuple[float, float]]) -> list[float]:
    """The eight coefficients that Pillow needs to carry `target` corners back to `source` corners."""
    rows = []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return list(np.linalg.solve(np.array(rows, float), np.array(source, float).reshape(8)))


def distort(rng: random.Random, ink: Image.Image, scene: bool) -> Image.Image:
    """Stretch, slant and turn the ink; scene text also in perspective or along a curve."""
    width, height = ink.size
    stretch = rng.uniform(0.75, 1.3) if rng.random() < 0.5 else 1.0
    drift = min(math.tan(math.radians(6)) * width, height * (0.22 if scene else 0.1))
    turn = rng.gauss(0, 0.4) * drift if rng.random() < 0.6 else 0.0
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


def _curve(rng: random.Random, ink: Image.Image) -> Image.Image:
    """Bend the base line into an arc or a wave."""
    levels = np.asarray(ink)
    height, width = levels.shape
    phase, bow = rng.uniform(0, 2 * math.pi), rng.uniform(0.05, 0.22) * height
    shift = bow * np.sin(np.linspace(0, rng.uniform(0.5, 1.2) * 2 * math.pi, width) + phase)
    rows = np.clip(np.arange(height)[:, None] + shift.round().astype(int)[None, :], 0, height - 1)
    return Image.fromarray(np.take_along_axis(levels, rows, axis=0))


def crop(rng: random.Random, ink: Image.Image, size: int) -> Image.Image:
    """Cut the line out, from as tight as the ink to with a loose margin, mostly tight."""
    left, top, right, bottom = ink.getbbox() or (0, 0, *ink.size)
    if rng.random() < 0.5:  # by the font's own line height instead of by the ink
        middle = (top + bottom) / 2
        top, bottom = min(top, int(middle - 0.42 * size)), max(bottom, int(middle + 0.42 * size))
    loose = rng.random() ** 2
    pad_y, pad_x = 0.45 * size * loose, 0.9 * size * rng.random() ** 2
    tight = 0.04 * size
    left -= int(pad_x * rng.random()) - rng.choice([0, 0, 1])
    right += int(pad_x * rng.random()) + rng.choice([0, 0, 1])
    top -= int(pad_y * rng.random() - tight * rng.random())
    bottom += int(pad_y * rng.random() - tight * rng.random())
    return ink.crop((left, top, max(right, left + 6), max(bottom, top + 8)))


def _add_neighbour(rng: random.Random, ink: Image.Image, font: ImageFont.FreeTypeFont) -> None:
    """The edge of the line above or below, a rule, or a frame, that a crop has caught."""
    pen = ImageDraw.Draw(ink)
    width, height = ink.size
    above = rng.random() < 0.5
    if rng.random() < 0.5:
        y, anchor = (rng.uniform(0, 0.1) * height, "ls") if above else (rng.uniform(0.92, 1.0) * height, "lt")
        other = "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHKLMNPRSTUVWXYZ0123456789  ", k=40))
        pen.text((rng.uniform(-1, 0.5) * height, y), other, font=font, fill=255, anchor=anchor)
    else:
        y = rng.uniform(0, 0.06) * height if above else rng.uniform(0.93, 1) * height
        pen.line([(0, y), (width, y + rng.uniform(-1, 1))], fill=255, width=rng.choice([1, 1, 2, 3]))


def wear(rng: random.Random, ink: Image.Image) -> Image.Image:
    """Print that bled, thinned, or lost dots and rows, as thermal and dot-matrix printers and fax do."""
    kind = rng.random()
    if kind < 0.25:
        return ink.filter(ImageFilter.MaxFilter(3))
    levels = np.asarray(ink).copy()
    noise = np.random.default_rng(rng.getrandbits(32))
    if kind < 0.6:
        levels[noise.random(levels.shape) < rng.uniform(0.02, 0.3)] = 0
    elif kind < 0.8:
        levels[:: rng.choice([3, 4, 5])] //= rng.choice([2, 4])
    else:
        patches = noise.random((max(2, levels.shape[0] // 8), max(2, levels.shape[1] // 8))).astype(
            np.float32
        )
        fade = np.asarray(Image.fromarray(patches).resize(ink.size, Image.Resampling.BICUBIC))
        levels = (levels * np.clip(fade + rng.uniform(0.1, 0.6), 0, 1)).astype(np.uint8)
    return Image.fromarray(levels)


def ground(rng: random.Random, shape: tuple[int, int], rough: bool) -> Mask:
    """A background (H, W) in grey levels: flat, with a gradient, textured, or striped."""
    height, width = shape
    surface = np.full(
        shape, rng.uniform(0, 255) if rough else rng.choice([255, 250, rng.uniform(170, 255)]), np.float32
    )
    kind = rng.random()
    if kind < 0.25 and rough:
        surface += np.linspace(-1, 1, width, dtype=np.float32) * rng.uniform(-70, 70)
    if kind < 0.15:
        surface += np.linspace(-1, 1, height, dtype=np.float32)[:, None] * rng.uniform(-40, 40)
    if kind > (0.45 if rough else 0.85):
        cells = rng.choice([2, 4, 8, 16])
        noise = np.random.default_rng(rng.getrandbits(32))
        coarse = noise.normal(0, 1, (max(2, height // cells), max(2, width // cells))).astype(np.float32)
        scaled = Image.fromarray(coarse).resize(
            (width, height), rng.choice([Image.Resampling.BICUBIC, Image.Resampling.BOX])
        )
        surface += np.asarray(scaled) * rng.uniform(2, 30 if rough else 10)
    if rough and rng.random() < 0.12:
        edge = rng.randrange(width)
        surface[:, edge:] += rng.uniform(-90, 90)
    return surface


def paint(rng: random.Random, ink: Mask, scene: bool) -> Mask:
    """Ink on a ground: dark on light in print, any pair that can be told apart in a scene, with a shadow."""
    surface = ground(rng, ink.shape, scene)
    level = float(surface.mean())
    if scene or rng.random() < 0.08:
        colour = rng.uniform(0, 255)
        while abs(colour - level) < 55:
            colour = rng.uniform(0, 255)
    else:
        colour = max(0.0, level - rng.uniform(90, 250)) if level > 90 else level + rng.uniform(70, 190)
    if scene and rng.random() < 0.2:
        shade = rng.choice([rng.uniform(0, 255), 0, 255])
        down, right = rng.randint(-2, 3), rng.randint(-2, 3)
        shadow = np.roll(ink, (down, right), (0, 1))
        if abs(shade - colour) > 40:
            surface = surface * (1 - shadow) + shade * shadow
    return surface * (1 - ink) + colour * ink


def degrade(rng: random.Random, levels: Mask) -> Grey:
    """Uneven light, low resolution, blur, noise and JPEG, each at random: (H, W) levels -> (h, w) image."""
    if rng.random() < 0.15:
        levels = levels * np.linspace(
            rng.uniform(0.45, 1), rng.uniform(0.45, 1), levels.shape[1], dtype=np.float32
        )
    image = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    steps = [(0.6, shrink), (0.25, blur), (0.06, move), (0.35, add_noise), (0.4, compress)]
    for chance, step in steps:
        if rng.random() < chance:
            image = step(rng, image)
    return np.asarray(image)


def shrink(rng: random.Random, image: Image.Image) -> Image.Image:
    """Down to a height of 12 to 34 pixels, as small text comes."""
    scale = rng.randint(12, 34) / image.height
    if scale >= 1:
        return image
    how = rng.choice([Image.Resampling.BILINEAR, Image.Resampling.BOX, Image.Resampling.BICUBIC])
    return image.resize((max(4, int(image.width * scale)), max(8, int(image.height * scale))), how)


def blur(rng: random.Random, image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.3) * image.height / 32))


def move(rng: random.Random, image: Image.Image) -> Image.Image:
    """Motion blur along a row, a column or the diagonal of five pixels."""
    places = rng.choice([range(10, 15), range(10, 15), range(2, 25, 5), range(0, 25, 6)])
    return image.filter(ImageFilter.Kernel((5, 5), [float(i in places) for i in range(25)], scale=5))


def add_noise(rng: random.Random, image: Image.Image) -> Image.Image:
    levels = np.asarray(image, dtype=np.float32)
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(2, 16), levels.shape)
    return Image.fromarray(np.clip(levels + noise, 0, 255).astype(np.uint8))


def compress(rng: random.Random, image: Image.Image) -> Image.Image:
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=rng.randint(15, 85))
    return Image.open(stored).convert("L")


def render(rng: random.Random, domain: Domain) -> tuple[Grey, str]:
    """One random line: its image (H, W) and its text, in which runs of spaces count as one."""
    text = texts.draw(rng, domain.text)
    font = choose_font(rng, domain.fonts, text)
    scene = rng.random() < domain.scene
    ink = distort(rng, draw_ink(rng, text, font), scene)
    ink = crop(rng, ink, int(font.size))
    if rng.random() < 0.15:
        _add_neighbour(rng, ink, font)
    if rng.random() < domain.thermal:
        ink = wear(rng, ink)
    levels = paint(rng, np.asarray(ink, dtype=np.float32) / 255, scene)
    return degrade(rng, levels), " ".join(text.split())
