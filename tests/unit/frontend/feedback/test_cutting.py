"""Lines cut out of a page."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw

from frontend.feedback.cutting import MAX_BYTES, cut, cut_all, encoded
from frontend.history.corrections import Place

BLACK, GREY, WHITE = 0, 120, 255


def line(
    polygon: list[list[float]], angle: int = 0, chars: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    xs, ys = zip(*polygon, strict=True)
    box = [[min(xs), min(ys)], [max(xs), max(ys)]]
    return {"polygon": polygon, "bbox": box, "angle": angle, "chars": chars or []}


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def page() -> Image.Image:
    """A bar that is black at its left end and grey for the rest, on white."""
    image = Image.new("L", (400, 300), WHITE)
    pen = ImageDraw.Draw(image)
    pen.rectangle((100, 140, 299, 159), GREY)
    pen.rectangle((100, 140, 119, 159), BLACK)
    return image


def ends(crop: Image.Image) -> tuple[int, int]:
    """How dark it is near its two ends, at half its height."""
    middle = crop.height // 2
    near = crop.height * 7 // 10
    return (
        round(np.asarray(crop.crop((near, middle - 1, near + 2, middle + 1))).mean()),
        round(
            np.asarray(crop.crop((crop.width - near - 2, middle - 1, crop.width - near, middle + 1))).mean()
        ),
    )


@pytest.mark.parametrize("degrees", [0, 3, -3, 12, 90, 180, 270, 97])
def test_a_line_is_upright_however_the_page_was_turned(degrees: int) -> None:
    """Clockwise; the handler turns it back by quarters and tells so."""
    turned = page().rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=WHITE, expand=True)
    radians = math.radians(degrees)

    def place(x: float, y: float) -> list[float]:
        x, y = x - 200, y - 150
        cos, sin = math.cos(radians), math.sin(radians)
        return [x * cos - y * sin + turned.width / 2, x * sin + y * cos + turned.height / 2]

    corners = [place(x, y) for x, y in box(100, 140, 300, 160)]
    crop = cut(turned, line(corners, -round(degrees / 90) * 90 % 360))
    assert crop is not None
    assert crop.width == pytest.approx(208, abs=14)
    assert crop.height == pytest.approx(28, abs=14)
    left, right = ends(crop)
    assert left < 40
    assert right == pytest.approx(GREY, abs=10)


def test_the_characters_of_a_vertical_line_lie_side_by_side() -> None:
    """The second of four was not read: there is room for it all the same."""
    image = Image.new("RGB", (100, 300), "ivory")
    pen = ImageDraw.Draw(image)
    colours = ["red", "green", "blue", "black"]
    for number, colour in enumerate(colours):
        pen.rectangle((40, 50 + 50 * number, 79, 89 + 50 * number), colour)
    chars = [{"char": "字", "bbox": [[40, 50 + 50 * number], [80, 90 + 50 * number]]} for number in (0, 2, 3)]
    crop = cut(image, line(box(40, 50, 80, 240), chars=chars))
    assert crop is not None
    seen = [crop.getpixel((8 + 20 + 48 * number, crop.height // 2)) for number in range(4)]
    assert seen == [(255, 0, 0), (0, 128, 0), (0, 0, 255), (0, 0, 0)]
    assert crop.getpixel((2, crop.height // 2)) == (255, 255, 240)


def test_marks_of_a_vertical_line_stand_as_in_a_row() -> None:
    image = Image.new("L", (60, 200), WHITE)
    pen = ImageDraw.Draw(image)
    pen.rectangle((28, 20, 31, 39), BLACK)  # ー between characters
    pen.rectangle((42, 62, 46, 66), BLACK)  # 。at the top right
    chars = [
        {"char": char, "bbox": [[10, 10 + 50 * n], [50, 50 + 50 * n]]} for n, char in enumerate("ー。字")
    ]
    crop = cut(image, line(box(10, 10, 50, 150), chars=chars))
    assert crop is not None
    dark = ImageChops.invert(crop)
    third = crop.width // 3
    dash, stop = (dark.crop((third * n, 0, third * (n + 1), crop.height)).getbbox() for n in (0, 1))
    assert dash is not None
    assert stop is not None
    assert dash[2] - dash[0] > 3 * (dash[3] - dash[1]), "it lies"
    assert stop[2] < third / 2
    assert stop[1] > crop.height / 2


@pytest.mark.parametrize(
    "found",
    [
        {"bbox": [[0, 0], [9, 9]], "angle": 0},
        {"bbox": [[0, 0], [90, 20]], "polygon": box(0, 0, 90, 20)},
        line(box(0, 0, 90, 20), angle=90),
        line(box(390, 290, 395, 293)),
    ],
    ids=["no polygon", "no angle", "a vertical line of a page that was turned", "too small"],
)
def test_what_cannot_be_cut_is_left_out(found: dict[str, Any]) -> None:
    assert cut(page(), found) is None


def test_a_crop_never_takes_more_than_its_room() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (400, 4000, 3), dtype=np.uint8)
    for crop in (Image.fromarray(noise), Image.fromarray(noise[:60])):
        content = encoded(crop)
        assert len(content) <= MAX_BYTES
        assert Image.open(io.BytesIO(content)).height <= 96


def test_lines_of_several_pages_are_cut_from_their_own() -> None:
    buffer = io.BytesIO()
    pages = [Image.new("L", (400, 300), level) for level in (200, 100)]
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    found = line(box(10, 10, 200, 40))
    lines = {Place(0, 1): found, Place(0, 2): found, Place(0, 3): found}
    crops = dict(cut_all(buffer.getvalue(), lines))
    levels = {place: Image.open(io.BytesIO(crop)).getpixel((5, 5)) for place, crop in crops.items()}
    assert levels == {Place(0, 1): 200, Place(0, 2): 100}
    assert dict(cut_all(b"no image", lines)) == {}
