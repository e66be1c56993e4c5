"""Lines cut out of a page as they are read: upright, from left to right, vertical ones laid down."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from PIL import Image, ImageChops

from frontend.errors import OCRError
from frontend.files.page_images import page_image
from frontend.files.sandbox import ASIDE
from frontend.history.corrections import Place

log = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024
"""Of a crop as a PNG."""
MARGIN = 0.2
"""Room around a line, in heights of it: besides that which its polygon has."""
_MAX_HEIGHT = 96
_LEAST = 8
"""Pixels of the shorter side: nobody can read less."""
_SLANT = 0.12
"""A line that rises by less than this part of its height is not resampled."""
_GAP = 0.2
"""Room between characters that are put side by side, in widths of the column."""
_TURNED = frozenset("「」『』（）()〔〕【】[]《》〈〉〖〗〜～…‥ー—–−―─")
_STOPS = frozenset("、。，．")
_QUARTERS = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
Line = Mapping[str, Any]
"""As predictions.Line; without `chars` where they are not known."""
_Corners = Sequence[Sequence[float]]


def cut(page: Image.Image, line: Line) -> Image.Image | None:
    """The crop of a line; None where it is too small, or nobody knows how it lies."""
    corners: _Corners | None = line.get("polygon")
    if corners is None or "angle" not in line:  # of before they were kept
        return None
    if _runs_down(line):
        crop = _laid_down(page, line)
    elif _turn(corners) != -line["angle"] % 360:
        return None
    else:
        crop = _straight(page, corners, line["angle"])
    return crop if min(crop.size) >= _LEAST else None


def cut_all(data: bytes, lines: Mapping[Place, Line]) -> Iterator[tuple[Place, bytes]]:
    """The crops, as `encoded`, of lines of an image or document; none of what cannot be drawn or cut."""
    pages = {place.page or 1 for place in lines}
    for number in sorted(pages):
        try:
            wanted = {place: line for place, line in lines.items() if (place.page or 1) == number}
            yield from ASIDE.run(cut_page, data, number, wanted)
        except OCRError as error:
            log.info("lines were not cut out: %s", error.code)


def cut_page(data: bytes, number: int, lines: Mapping[Place, Line]) -> list[tuple[Place, bytes]]:
    """The crops, as `encoded`, of lines of page `number`, from 1 on. Raises OCRError as page_image does."""
    page = page_image(data, number)
    page = page.convert("L") if page.mode == "1" else page
    crops = ((place, cut(page, line)) for place, line in lines.items())
    return [(place, encoded(crop)) for place, crop in crops if crop]


def encoded(crop: Image.Image) -> bytes:
    """As a PNG of at most MAX_BYTES; without colours, and smaller, where it would be larger."""
    if crop.height > _MAX_HEIGHT:
        crop = crop.resize((max(1, round(crop.width * _MAX_HEIGHT / crop.height)), _MAX_HEIGHT))
    buffer = io.BytesIO()
    crop.save(buffer, "PNG", optimize=True)
    if buffer.tell() <= MAX_BYTES:
        return buffer.getvalue()
    return encoded(crop.convert("L") if crop.mode == "RGB" else crop.reduce(2))


def _turn(corners: _Corners) -> int:
    """Degrees clockwise, in quarters, from level to where the upper edge of a line runs."""
    (x, y), (other_x, other_y) = corners[:2]
    return round(math.degrees(math.atan2(other_y - y, other_x - x)) / 90) % 4 * 90


def _runs_down(line: Line) -> bool:
    """Whether its characters stand one above the other on a page that is upright."""
    chars = line.get("chars") or []
    if line["angle"] or len(chars) < 2:  # noqa: PLR2004
        return False
    (first_x, first_y), (last_x, last_y) = _middle(chars[0]["bbox"]), _middle(chars[-1]["bbox"])
    return last_y - first_y > abs(last_x - first_x) and _turn(line["polygon"]) == 0


def _middle(box: _Corners) -> tuple[float, float]:
    (left, top), (right, bottom) = box
    return (left + right) / 2, (top + bottom) / 2


def _straight(page: Image.Image, corners: _Corners, angle: int) -> Image.Image:
    first, second, third, fourth = corners
    width = (math.dist(first, second) + math.dist(fourth, third)) / 2
    height = (math.dist(first, fourth) + math.dist(second, third)) / 2
    room = MARGIN * height
    if _is_level(corners, _SLANT * height):
        xs, ys = zip(*corners, strict=True)
        return _turned(_box(page, min(xs) - room, min(ys) - room, max(xs) + room, max(ys) + room), angle)
    size = (max(1, round(width + 2 * room)), max(1, round(height + 2 * room)))
    grown = _grown(corners, room / max(width, 1), room / max(height, 1))
    quad = tuple(value for place in (0, 3, 2, 1) for value in grown[place])
    return page.transform(size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)


def _is_level(corners: _Corners, most: float) -> bool:
    """Whether each edge runs along the page's, but for so many pixels."""
    return all(
        min(abs(x - other_x), abs(y - other_y)) <= most
        for (x, y), (other_x, other_y) in pairwise([*corners, corners[0]])
    )


def _grown(corners: _Corners, along: float, across: float) -> list[tuple[float, float]]:
    """The corners moved outwards by these parts of the sides."""
    a, b, c, d = corners
    places = ((-along, -across), (1 + along, -across), (1 + along, 1 + across), (-along, 1 + across))
    return [
        (
            (1 - v) * ((1 - u) * a[0] + u * b[0]) + v * ((1 - u) * d[0] + u * c[0]),
            (1 - v) * ((1 - u) * a[1] + u * b[1]) + v * ((1 - u) * d[1] + u * c[1]),
        )
        for u, v in places
    ]


def _box(page: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    return page.crop(
        (
            max(0, round(left)),
            max(0, round(top)),
            min(page.width, round(right)),
            min(page.height, round(bottom)),
        )
    )


def _turned(image: Image.Image, angle: int) -> Image.Image:
    """Clockwise, by quarters."""
    return image.transpose(_QUARTERS[angle]) if angle else image


def _laid_down(page: Image.Image, line: Line) -> Image.Image:
    """The characters of a vertical line side by side; where some were missed, there is room for them, too."""
    (left, _), (right, _) = line["bbox"]
    cells = [
        _in_row(_box(page, left, top, right, bottom), char) for char, top, bottom in _cells(line["chars"])
    ]
    width, tallest = max(cell.width for cell in cells), max(cell.height for cell in cells)
    gap = max(1, round(_GAP * width))
    row = Image.new(page.mode, ((width + gap) * len(cells) + gap, max(width, tallest)), _ground(page, line))
    for number, cell in enumerate(cells):
        left = gap + number * (width + gap) + (width - cell.width) // 2
        row.paste(cell, (left, (row.height - cell.height) // 2))
    return row


def _cells(chars: Sequence[Mapping[str, Any]]) -> list[tuple[str, float, float]]:
    """Each character with the rows that it stands between, and "" where there is room for others."""
    middles = [_middle(char["bbox"])[1] for char in chars]
    pitch = median(after - before for before, after in pairwise(middles))
    cells = []
    start = chars[0]["bbox"][0][1]
    for char, following in zip(chars, [*chars[1:], None], strict=True):
        (_, top), (_, bottom) = char["bbox"]
        between = following["bbox"][0][1] - bottom if following else 0.0
        missed = round(between / pitch) if pitch > 0 else 0
        end = bottom if missed or not following else bottom + between / 2
        cells.append((char["char"], min(start, top), end))
        cells += [("", end + between * n / missed, end + between * (n + 1) / missed) for n in range(missed)]
        start = end + between if missed else end
    return cells


def _in_row(cell: Image.Image, char: str) -> Image.Image:
    """A character as it stands in a row: marks that lie turned are turned back, stops stand below."""
    if char in _TURNED:
        return cell.transpose(Image.Transpose.ROTATE_90)
    if char in _STOPS:
        return ImageChops.offset(cell, -cell.width // 2, cell.height // 2)
    return cell


def _ground(page: Image.Image, line: Line) -> tuple[int, ...] | int:
    """The colour beside the characters: the middle one of what is left of the line."""
    (left, top), (right, bottom) = line["bbox"]
    edge = _box(page, left - (right - left) / 8, top, max(left, 1.0), bottom).resize((1, 16))
    found = tuple(
        round(median(float(band.getpixel((0, row))) for row in range(16)))  # type: ignore[arg-type]
        for band in edge.split()
    )
    return found if len(found) > 1 else found[0]
