"""Made video: frames with subtitles, no two of which are the same, drawn on the spot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from tests.e2e import lines
from tests.golden import WIDE

SIZE = (1280, 720)
LETTERS = 40
"""Pixels of the subtitles' font."""

PLATES = {golden.text: golden.path for golden in WIDE}
"""Subtitles for which no font is available are pictures."""


class Frame(NamedTuple):
    """An encoded frame, and what it says."""

    jpeg: bytes
    text: str


def frames(subtitles: Sequence[str], each: int, *, seed: int = 0, moving: bool = False) -> Iterator[Frame]:
    """Every subtitle for so many frames, each with noise and blur of its own; `moving`: the ground drifts."""
    random = np.random.default_rng(seed)
    ground = _ground(random)
    for number in range(len(subtitles) * each):
        text = subtitles[number // each]
        shift = 9 * number if moving else 0
        picture = Image.fromarray(np.roll(ground, shift, axis=1)).convert("RGB")
        write(picture, text)
        yield Frame(spoilt(picture, random), text)


def write(picture: Image.Image, text: str) -> None:
    """A subtitle as players draw it: white with a dark rim, or on a dark plate, at the lower edge."""
    if text in PLATES:
        with Image.open(PLATES[text]) as drawn:
            plate = ImageOps.invert(drawn.convert("L"))
        picture.paste(plate, ((SIZE[0] - plate.width) // 2, SIZE[1] - 40 - plate.height))
    elif text:
        ImageDraw.Draw(picture).multiline_text(
            (SIZE[0] // 2, SIZE[1] - 30), text, "white", ImageFont.load_default(LETTERS),
            anchor="md", align="center", stroke_width=2, stroke_fill="black",
        )  # fmt: skip


def _ground(random: np.random.Generator) -> np.ndarray:
    """Large soft blots: a picture without text, darker and lighter."""
    blots = Image.fromarray(random.integers(20, 190, (12, 20), dtype=np.uint8))
    return np.asarray(blots.resize(SIZE, Image.Resampling.BICUBIC))


def spoilt(picture: Image.Image, random: np.random.Generator) -> bytes:
    """With blur and noise that differ from frame to frame."""
    blurred = picture.filter(ImageFilter.GaussianBlur(random.uniform(0, 1.6)))
    noise = random.normal(0, random.uniform(4, 14), (SIZE[1], SIZE[0], 3)).astype(np.float32)
    spoilt = np.asarray(blurred, np.float32) + noise
    return lines.encode(Image.fromarray(spoilt.clip(0, 255).astype(np.uint8)), "JPEG", quality=80)
