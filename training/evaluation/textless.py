"""Images without text, to measure how much is read where nothing is written; the same ones each time.

training/evaluation/inventions.py measures.
"""

import io
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from handler.image import Pixels, decode_image, to_pixels

Size = tuple[int, int]
EACH = 12
"""Images of each kind."""
SIZES = ((480, 360), (640, 480), (360, 640), (900, 300), (320, 240), (760, 760), (400, 90), (240, 60))
"""Pixels across and down."""
Rng = np.random.Generator
Drawn = Callable[[Rng, int, int], NDArray[np.float64]]
"""Draws an image (H, W, 3) of levels 0 to 255, of so many pixels down and across."""


def images(each: int = EACH, sizes: Sequence[Size] = SIZES) -> Iterator[tuple[str, Pixels]]:
    """So many images of each kind with its name, the same ones each time; each as decoded from a file."""
    for number, (kind, draw) in enumerate(BACKGROUNDS.items()):
        for place in range(each):
            rng = np.random.default_rng((number, place))
            width, height = sizes[(number + place) % len(sizes)]
            yield kind, _through_file(draw(rng, height, width), rng)


def _through_file(levels: NDArray[np.float64], rng: Rng) -> Pixels:
    """An image as a JPEG of some quality, or as a PNG."""
    file = io.BytesIO()
    image = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    if rng.random() < 0.6:
        image.save(file, "JPEG", quality=int(rng.integers(20, 95)))
    else:
        image.save(file, "PNG")
    return to_pixels(decode_image(file.getvalue()))


def _colour(rng: Rng) -> NDArray[np.float64]:
    return rng.uniform(20, 250, 3)


def _grain(rng: Rng, height: int, width: int, smooth: float, strength: float) -> NDArray[np.float64]:
    """Noise (H, W, 1) of about so many levels, whose grains are about so many pixels large."""
    noise = rng.normal(0, 1, (height, width))
    if smooth:
        noise = cv2.GaussianBlur(noise, (0, 0), smooth)
    return (strength * noise / max(1e-9, noise.std()))[..., None]


def _clouds(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """(H, W, 1) from 0 to 1: noise of all sizes, as in clouds, plaster and foliage."""
    total = sum(
        _grain(rng, height, width, size, size**0.8) for size in (1, 2, 4, 8, 16, 32, 64) if size < width / 4
    )
    low, high = np.percentile(total, (1, 99))
    return np.asarray(((total - low) / max(1e-9, high - low)).clip(0, 1))


def blank(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """One colour with a little noise."""
    return _colour(rng) + _grain(rng, height, width, rng.choice((0, 1)), rng.uniform(0, 4))


def noise(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """Strong noise of grains of some size."""
    grain = _grain(rng, height, width, rng.uniform(0, 4), rng.uniform(15, 70))
    return _colour(rng) + grain * rng.uniform(0.5, 1, 3)


def gradient(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """From one colour to another in some direction, in steps or not, with a vignette or not."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    turn = rng.uniform(0, 2 * np.pi)
    ramp = (np.cos(turn) * x + np.sin(turn) * y)[..., None]
    ramp = (ramp - ramp.min()) / np.ptp(ramp)
    ramp = np.round(ramp * 6) / 6 if rng.random() < 0.3 else ramp
    dark = 1 - rng.uniform(0, 0.6) * ((x - 0.5) ** 2 + (y - 0.5) ** 2)[..., None]
    return (_colour(rng) * ramp + _colour(rng) * (1 - ramp)) * dark + _grain(rng, height, width, 0, 2)


def paper(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """Light, uneven, with fibres, specks, creases and a shadow."""
    clouds = _clouds(rng, height, width)
    page = rng.uniform(215, 250, 3) + 14 * (clouds - 0.5) + _grain(rng, height, width, 0.7, 2.5)
    picture = Image.fromarray(page.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, 14))):
        x, y, size = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.5, 2.5)
        pen.ellipse((x - size, y - size, x + size, y + size), tuple(rng.integers(60, 190, 3).tolist()))
    for _ in range(int(rng.integers(0, 3))):
        ends = [(rng.uniform(0, width), 0), (rng.uniform(0, width), height)]
        pen.line(ends, tuple(rng.integers(160, 215, 3).tolist()), int(rng.integers(1, 4)))
    shadow = cv2.GaussianBlur((rng.random((height, width)) < 0.0005).astype(float), (0, 0), height / 5)
    return np.asarray(picture, float) * (1 - 0.35 * shadow / max(1e-9, shadow.max()))[..., None]


def ruled(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """Paper with lines, squares or dots printed on it, or a form's empty boxes."""
    sheet = paper(rng, height, width)
    step, ink, kind = (
        int(rng.integers(14, 40)),
        rng.uniform(60, 200, 3),
        rng.choice(("rules", "grid", "dots", "form")),
    )
    y, x = np.mgrid[0:height, 0:width]
    if kind == "form":
        picture = Image.fromarray(sheet.clip(0, 255).astype(np.uint8))
        for top in range(step, height - step, 2 * step):
            box = (step, top, width - step, top + step)
            ImageDraw.Draw(picture).rectangle(box, outline=tuple(ink.astype(int).tolist()), width=2)
        return np.asarray(picture, float)
    down, across = y % step == 0, x % step == 0
    drawn = {"rules": down, "grid": down | across, "dots": (y % step < 3) & (x % step < 3)}[str(kind)]  # noqa: PLR2004
    return np.where(drawn[..., None], ink, sheet)


def weave(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """Cloth, bricks, tiles: what repeats itself."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    across, down = rng.uniform(4, 40), rng.uniform(4, 40)
    shifted = x + (np.floor(y / down) % 2) * across / 2 if rng.random() < 0.5 else x
    wave = np.sin(2 * np.pi * shifted / across) * np.sin(2 * np.pi * y / down)
    if rng.random() < 0.5:
        wave = np.where(np.minimum(shifted % across / across, y % down / down) < 0.12, -1.0, 0.4)
    return _colour(rng) + rng.uniform(10, 60) * wave[..., None] + _grain(rng, height, width, 1, 5)


def wood(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """Grain along the image, or across it."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    bent = y + 30 * _clouds(rng, height, width)[..., 0] + 0.02 * x
    rings = np.sin(bent / rng.uniform(2, 9)) + 0.5 * np.sin(bent / rng.uniform(1, 3))
    levels = np.array([150, 105, 65]) + 18 * rings[..., None] + _grain(rng, height, width, 0.8, 6)
    return levels if rng.random() < 0.6 or height != width else levels.transpose(1, 0, 2)


def foliage(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """Many leaves or stones, one over the other."""
    picture = Image.fromarray(np.full((height, width, 3), 70, np.uint8))
    pen, ground = ImageDraw.Draw(picture), _colour(rng)
    for _ in range(width * height // 500):
        x, y, size = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(4, 26)
        corners = [
            (x + size * rng.uniform(0.3, 1) * np.cos(a), y + size * rng.uniform(0.3, 1) * np.sin(a))
            for a in np.linspace(0, 2 * np.pi, int(rng.integers(5, 9)), endpoint=False)
        ]
        shade = (ground * rng.uniform(0.4, 1.3)).clip(0, 255).astype(int)
        pen.polygon(corners, tuple(shade.tolist()))
    return np.asarray(picture, float) + _grain(rng, height, width, 0.5, 5)


def scene(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """Sky, hills, houses with windows, posts and wires, out of focus or not."""
    sky = gradient(rng, height, width)
    picture = Image.fromarray(sky.clip(0, 255).astype(np.uint8))
    pen, ground = ImageDraw.Draw(picture), height * rng.uniform(0.55, 0.8)
    pen.rectangle((0, ground, width, height), tuple(rng.integers(40, 150, 3).tolist()))
    for _ in range(int(rng.integers(1, 6))):
        left, wide, top = rng.uniform(0, width), rng.uniform(0.1, 0.3) * width, ground * rng.uniform(0.2, 0.8)
        pen.rectangle((left, top, left + wide, ground), tuple(rng.integers(60, 220, 3).tolist()))
        window, light = max(3.0, wide / rng.uniform(5, 9)), tuple(rng.integers(20, 240, 3).tolist())
        for y in np.arange(top + window, ground - window, 2 * window):
            for x in np.arange(left + window, left + wide - window, 2 * window):
                pen.rectangle((x, y, x + window, y + window), light)
    for _ in range(int(rng.integers(0, 6))):
        x = rng.uniform(0, width)
        pen.line(((x, height * rng.uniform(0, 0.5)), (x + rng.uniform(-9, 9), height)), (40, 40, 45), 3)
    blurred = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3)))
    return np.asarray(blurred, float) + 25 * (_clouds(rng, height, width) - 0.5)


def objects(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """Round and square things with light on them, on a table."""
    table = wood(rng, height, width) if rng.random() < 0.5 else gradient(rng, height, width)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    for _ in range(int(rng.integers(2, 9))):
        size, colour = rng.uniform(0.06, 0.3) * min(height, width), _colour(rng)
        middle = rng.uniform(0, width), rng.uniform(0, height)
        far = np.hypot(x - middle[0], (y - middle[1]) * rng.uniform(0.7, 1.4)) / size
        light = np.clip(
            1.3 - np.hypot(x - middle[0] + size / 3, y - middle[1] + size / 3) / (1.5 * size), 0.2, 1.2
        )
        inside = (far < 1)[..., None]
        if rng.random() < 0.3:
            inside = ((far > 0.75) & (far < 1))[..., None]
        table = np.where(inside, colour * light[..., None], table)
    return table + _grain(rng, height, width, 0.6, 4)


def strokes(rng: Rng, height: int, width: int) -> NDArray[np.float64]:
    """Scratches, hairs and arcs that mean nothing."""
    picture = Image.fromarray(np.tile(_colour(rng), (height, width, 1)).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(2, 14))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        reach, ink = rng.uniform(30, 300, 2), tuple(rng.integers(0, 255, 3).tolist())
        first = rng.uniform(0, 360)
        box = (x - reach[0], y - reach[1], x + reach[0], y + reach[1])
        pen.arc(box, first, first + rng.uniform(10, 160), ink, int(rng.integers(1, 4)))
    return np.asarray(picture, float) + _grain(rng, height, width, 0.5, 4)


BACKGROUNDS: dict[str, Drawn] = {
    draw.__name__: draw
    for draw in (
        blank, noise, gradient, paper, ruled, weave, wood, foliage, scene, objects, strokes
    )
}  # fmt: skip
