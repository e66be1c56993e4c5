"""Lines of a page as boxes that lie level, in rows: how far the page was turned no longer matters."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median
from typing import Any, NamedTuple

Lines = Sequence[Mapping[str, Any]]
"""In reading order, see predictions.Line; those side by side have one `row`."""
_UPRIGHT = 2.0
"""A line of several characters this many times as high as wide is read downwards."""
_ASTRAY = 30.0
"""Degrees by which a line may be turned against its page and still be one of its text."""
_HIGH, _LOW = 0.87, 0.64
"""Heights of a line's box, in sizes of its font: with capitals, figures or long letters, and without."""
_LOW_SIGNS = frozenset("acegmnopqrsuvwxyz.,:;-~_…·")
_WIDTHS = {0.28: "ijltfI.,:;!|'`()[]/ ", 0.82: "mwMW@%"}
_CAPITAL, _LETTER = 0.68, 0.54
"""Widths of characters in sizes of the font, as they are in most fonts."""
_WIDTH_OF = {char: width for width, chars in _WIDTHS.items() for char in chars}


class Box(NamedTuple):
    """Edges in pixels, along the direction of reading and across it."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Cell:
    """A line at its place; `size` is that of its font in pixels, `width` that of a narrow character."""

    number: int
    text: str
    box: Box
    size: float
    width: float


@dataclass(frozen=True)
class Row:
    """Cells side by side, from left to right."""

    cells: Sequence[Cell]
    box: Box = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "box", around(cell.box for cell in self.cells))

    @property
    def text(self) -> str:
        return " ".join(cell.text for cell in self.cells)

    @property
    def size(self) -> float:
        return median(cell.size for cell in self.cells)

    @property
    def width(self) -> float:
        return median(cell.width for cell in self.cells)

    @property
    def middle(self) -> float:
        return median((cell.box.top + cell.box.bottom) / 2 for cell in self.cells)


def rows_of(lines: Lines, text: str = "text") -> Iterator[Row]:
    """The rows of a page; what is turned against it stands in rows of its own, what is empty in none.

    `text` is the field that holds it.
    """
    directions = [_direction(line) for line in lines]
    page = _page_direction(lines, directions)
    cells = [_cell(number, line, text, page) for number, line in enumerate(lines) if line[text]]
    is_astray = [d is not None and abs(_turn(d - page)) > _ASTRAY for d in directions]

    def place(cell: Cell) -> tuple[object, int]:
        return lines[cell.number].get("row", cell.number), cell.number if is_astray[cell.number] else -1

    for _, row in groupby(cells, key=place):
        yield Row(list(row))


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of these."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def is_wide(char: str) -> bool:
    """Whether it takes two columns of a terminal, as Chinese does."""
    return unicodedata.east_asian_width(char) in {"F", "W"}


def columns(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(2 if is_wide(char) else 1 for char in text)


def _polygon(line: Mapping[str, Any]) -> Sequence[Sequence[float]]:
    (left, top), (right, bottom) = line["bbox"]
    found: Sequence[Sequence[float]] = line.get("polygon") or [
        (left, top), (right, top), (right, bottom), (left, bottom)
    ]  # fmt: skip
    return found


def _direction(line: Mapping[str, Any]) -> float | None:
    """Degrees clockwise from level in which a line is read; None of a single character."""
    first, second, _, fourth = _polygon(line)
    if len(line["text"]) < 2:  # noqa: PLR2004
        return None
    is_down = math.dist(first, fourth) > _UPRIGHT * math.dist(first, second)
    end = fourth if is_down else second
    return math.degrees(math.atan2(end[1] - first[1], end[0] - first[0]))


def _turn(degrees: float) -> float:
    """The same turn, between -180 and 180."""
    return (degrees + 180) % 360 - 180


def _page_direction(lines: Lines, directions: Sequence[float | None]) -> float:
    """That of most characters: the middle of those that lie in about the same quarter."""
    known = [(d, len(line["text"])) for d, line in zip(directions, lines, strict=True) if d is not None]
    quarters: dict[int, int] = {}
    for degrees, count in known:
        quarter = round(degrees / 90) % 4
        quarters[quarter] = quarters.get(quarter, 0) + count
    if not quarters:
        return 0.0
    base = 90 * max(quarters, key=quarters.__getitem__)
    return base + median(_turn(d - base) for d, _ in known if round(d / 90) % 4 == base // 90)


def _cell(number: int, line: Mapping[str, Any], field_name: str, page: float) -> Cell:
    cos, sin = math.cos(math.radians(page)), math.sin(math.radians(page))
    along = [x * cos + y * sin for x, y in _polygon(line)]
    across = [y * cos - x * sin for x, y in _polygon(line)]
    box = Box(min(along), min(across), max(along), max(across))
    text = line[field_name]
    length = box.right - box.left
    return Cell(
        number,
        text,
        box,
        _font_size(line["text"], length, box.bottom - box.top),
        length / max(1, columns(text)),
    )


def _font_size(text: str, length: float, height: float) -> float:
    """Of a line of so many pixels; between what its length and what its height tell."""
    by_length = length / (sum(map(_share_of_size, text)) or 1)
    by_height = height / (_LOW if _LOW_SIGNS.issuperset(text.replace(" ", "")) else _HIGH)
    return math.sqrt(by_length * by_height)


def _share_of_size(char: str) -> float:
    return _WIDTH_OF.get(char) or (1.0 if is_wide(char) else _CAPITAL if char.isupper() else _LETTER)
