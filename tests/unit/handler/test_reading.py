"""Pages read with networks that say what the tests want."""

from __future__ import annotations

import numpy as np
import pytest

from handler.decode import Character, Recognition
from handler.image import Pixels
from handler.layout import Box
from handler.preprocess import Strip
from handler.reading import read_pages

PAGE = (400, 900)


class Reader:
    """Reads lines by their height, in pixels: each a text and how sure its characters are."""

    def __init__(self, **texts: tuple[str, float]) -> None:
        self.texts = {int(height[1:]): said for height, said in texts.items()}

    def read(self, lines: list[Pixels], *_asked: object) -> list[Recognition]:
        return [self._read(line) for line in lines]

    def _read(self, line: Pixels) -> Recognition:
        text, confidence = self.texts.get(line.shape[0], ("", 0.0))
        step = line.shape[1] / max(1, len(text))
        characters = tuple(Character(c, confidence, n * step, (n + 1) * step) for n, c in enumerate(text))
        return Recognition(text, confidence, characters, Strip(0, line.shape[0]))


def page(*lines: tuple[Box, int]) -> tuple[Pixels, list[Box]]:
    """A white page with a bar of a level in the middle of each box."""
    image = np.full(PAGE, 255, np.uint8)
    for box, level in lines:
        left, top, right, bottom = map(round, box.bounds())
        image[top + 8 : bottom - 8 : 4, left + 8 : right - 8] = level
    return image, [box for box, _ in lines]


@pytest.mark.parametrize(
    ("clear", "faint"),
    [("Total 12.50", ("Tolsl 1Z.S8", 0.3)), ("R12", ("6", 0.8))],
    ids=["line", "character"],
)
def test_what_is_too_faint_to_be_read_is_told_of(clear: str, faint: tuple[str, float]) -> None:
    image, boxes = page((Box(300, 50, 400, 30), 0), (Box(300, 150, 400, 32), 0))
    (read,) = read_pages(Reader(h30=(clear, 0.98), h32=faint), lambda _: boxes, [image], ["page"])
    assert [line.reading.text for row in read.rows for line in row] == [clear]
    (warning,) = read.warnings
    assert warning.startswith("1 line that may be text")


@pytest.mark.parametrize(
    ("level", "angle", "is_left_out"), [(215, 30.0, True), (20, 30.0, False), (215, 3.0, False)]
)
def test_light_slanted_text_is_a_watermark(level: int, angle: float, is_left_out: bool) -> None:
    rows = [(Box(300, 40 + 50 * n, 400, 30), 0) for n in range(3)]
    image, boxes = page(*rows, (Box(700, 250, 200, 44, angle), level))
    reader = Reader(h30=("Total 12.50", 0.98), h44=("DRAFT COPY", 0.98))
    (read,) = read_pages(reader, lambda _: boxes, [image], ["page"])
    texts = [line.reading.text for row in read.rows for line in row]
    assert ("DRAFT COPY" not in texts) == is_left_out
    assert any("DRAFT COPY" in warning for warning in read.warnings) == is_left_out
