"""Lines of a page -> its blocks by where they stand: headings, paragraphs, lists, tables and code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Literal, NotRequired, TypedDict

from frontend.recognition.listings import as_code, is_code
from frontend.recognition.predictions import Point
from frontend.recognition.tables import Table, find_table
from frontend.recognition.upright import Lines, Row, columns, rows_of
from frontend.recognition.wrapping import (
    SENTENCE_ENDS,
    Marker,
    first_word,
    is_divided,
    is_marker,
    joined,
    marker_of,
    may_follow,
)

BlockType = Literal["heading", "paragraph", "list", "table", "code"]
LEVELS = 3
"""Of headings, by their size."""
_HEADING, _LONGEST_HEADING = 1.2, 160
"""A heading's font is this many times that of most text, and it has at most so many characters."""
_OTHER_SIZE = 1.25
_FAR, _FARTHEST = 1.3, 2.2
"""Rows of a block are apart by so many times what is usual, and so many times their size, at most."""
_NARROWEST = 9.5
"""Of columns whose rows wrap, in characters."""
_INDENT = 0.8
"""Of a paragraph's first row, in characters."""
_WORD = 1.15
"""By so much a word may be wider than the characters of its line are on average."""


class Item(TypedDict):
    """An item of a list: `marker` is what it begins with, `level` how far it is indented, from 0."""

    marker: str
    text: str
    level: int


class Block(TypedDict):
    """`lines` are places in the lines beside it; line feeds in `text` are breaks that were meant."""

    type: BlockType
    page: NotRequired[int]
    lines: list[int]
    bbox: list[Point]
    text: NotRequired[str]
    level: NotRequired[int]
    items: NotRequired[list[Item]]
    rows: NotRequired[list[list[str]]]
    header: NotRequired[bool]


@dataclass(frozen=True)
class _Part:
    """Rows that belong together; `wraps` says of each but the last whether the next goes on with it."""

    type: BlockType
    rows: Sequence[Row]
    wraps: Sequence[bool] = ()
    markers: Sequence[Marker | None] = ()
    table: Table | None = None
    is_open: bool = False
    """Whether its last row has no room for another word."""


def find_blocks(lines: Lines, field: str = "text") -> list[Block]:
    """The blocks of a page in reading order; `field` of each line is its text."""
    rows = list(rows_of(lines, field))
    if not rows:
        return []
    body = _body_size(rows)
    parts = [part for column in _columns_of(rows) for part in _parts_of(column, body)]
    known = " ".join(row.text for row in rows)
    sizes = _heading_sizes(parts)
    return [_block(part, lines, field, known, sizes) for part in _across_columns(parts)]


def _parts_of(column: Sequence[Row], body: float) -> Iterator[_Part]:
    if is_code([row.text for row in column]):
        yield _Part("code", column)
    else:
        yield from _Column(column, body).parts()


def _body_size(rows: Sequence[Row]) -> float:
    """The size of most text."""
    return median(size for row in rows for size in [row.size] * len(row.text))


def _columns_of(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows that follow each other downwards, with the same room beside them."""
    column: list[Row] = []
    room, widest = float("inf"), float("-inf")
    for row, limit in zip(rows, _limits(rows), strict=True):
        is_higher = bool(column) and row.middle < column[-1].box.top
        if is_higher or row.box.right > room or widest > limit:
            yield column
            column, room, widest = [], float("inf"), float("-inf")
        column.append(row)
        room, widest = min(room, limit), max(widest, row.box.right)
    yield column


def _limits(rows: Sequence[Row]) -> list[float]:
    """How far to the right each row might go on: to the next that is beside it."""
    limits = [float("inf")] * len(rows)
    downwards = sorted(range(len(rows)), key=lambda n: rows[n].box.top)
    active: list[int] = []
    for number in downwards:
        row = rows[number]
        active = [other for other in active if rows[other].middle > row.box.top]
        for other in active:
            left, right = sorted((number, other), key=lambda n: rows[n].box.left)
            if rows[right].box.left >= rows[left].box.right:
                limits[left] = min(limits[left], rows[right].box.left)
        active.append(number)
    return limits


class _Column:
    """Rows below each other, `body` pixels in size where they are no headings."""

    def __init__(self, rows: Sequence[Row], body: float) -> None:
        self._rows = rows
        self._body = body
        text = [row for row in rows if not self._is_heading(row)] or rows
        self._right = max(row.box.right for row in text)
        width = median(row.width for row in text)
        lefts = Counter(round(row.box.left / width) for row in text)
        usual = max(lefts, key=lambda left: (lefts[left], -left))
        self._left = median(row.box.left for row in text if round(row.box.left / width) == usual)
        pitches = sorted(after.middle - before.middle for before, after in pairwise(text))
        self._pitch = pitches[len(pitches) // 4] if pitches else 0.0

    def parts(self) -> Iterator[_Part]:
        """What the column consists of."""
        at = 0
        while at < len(self._rows):
            part = self._special(at) or self._paragraph(at)
            at += len(part.rows)
            yield part

    def _special(self, at: int) -> _Part | None:
        return self._table(at) or self._heading(at) or self._list(at)

    def _table(self, at: int) -> _Part | None:
        cells = self._rows[at].cells
        is_item = len(cells) == 2 and is_marker(cells[0].text)  # noqa: PLR2004
        table = None if is_item or len(cells) == 1 else find_table(self._rows[at:])
        return _Part("table", table.rows, table=table) if table else None

    def _is_heading(self, row: Row) -> bool:
        is_large = row.size > _HEADING * self._body and len(row.cells) == 1
        return is_large and len(row.text) <= _LONGEST_HEADING and any(map(str.isalpha, row.text))

    def _heading(self, at: int) -> _Part | None:
        if not self._is_heading(self._rows[at]):
            return None
        end = at + 1
        while end < len(self._rows) and self._is_heading(self._rows[end]) and self._is_near(end, usual=False):
            end += 1
        return _Part("heading", self._rows[at:end], [True] * (end - at - 1))

    def _list(self, at: int) -> _Part | None:
        rows, markers = [self._rows[at]], [marker_of(self._rows[at].text)]
        for end in range(at + 1, len(self._rows)):
            row = self._rows[end]
            marker = marker_of(row.text)
            if markers[0] is None or not self._is_near(end) or not self._goes_on(rows, markers, row, marker):
                break
            rows.append(row)
            markers.append(marker)
        found = [marker for marker in markers if marker]
        is_list = found and all(may_follow(*pair) for pair in pairwise(found[:2]))
        if not is_list or (len(found) == 1 and not found[0].is_bullet):
            return None
        return _Part("list", rows, [marker is None for marker in markers[1:]], markers)

    def _goes_on(
        self, rows: Sequence[Row], markers: Sequence[Marker | None], row: Row, marker: Marker | None
    ) -> bool:
        """Whether a list goes on with this row: by another item, or by more of its last."""
        if marker:
            return True
        last = next(n for n in reversed(range(len(rows))) if markers[n])
        is_inside = row.box.left > rows[last].box.left + _INDENT * row.width
        return is_inside or (self._is_full(rows[-1], row) and row.box.left >= self._left - row.width)

    def _paragraph(self, at: int) -> _Part:
        wraps: list[bool] = []
        end = at + 1
        while end < len(self._rows) and self._is_near(end) and not self._special(end):
            last, row = self._rows[end - 1], self._rows[end]
            is_full = self._is_full(last, row)
            if self._begins(last, row) or (not is_full and any(wraps)):
                break
            wraps.append(is_full)
            end += 1
        last = self._rows[end - 1]
        return _Part("paragraph", self._rows[at:end], wraps, is_open=self._is_full(last, last))

    def _is_near(self, at: int, *, usual: bool = True) -> bool:
        """Whether a row belongs with the one above it, by their sizes and by how far apart they are."""
        last, row = self._rows[at - 1], self._rows[at]
        pitch = row.middle - last.middle
        smaller, larger = sorted((last.size, row.size))
        is_usual = not usual or not self._pitch or pitch <= _FAR * self._pitch
        return larger <= _OTHER_SIZE * smaller and pitch <= _FARTHEST * larger and is_usual

    def _begins(self, last: Row, row: Row) -> bool:
        """Whether a row begins a paragraph, since its left edge stands out."""
        moved = abs(row.box.left - last.box.left)
        is_centred = abs(row.box.left + row.box.right - last.box.left - last.box.right) / 2 < moved / 4
        return (
            abs(row.box.left - self._left) > _INDENT * row.width
            and moved > _INDENT * row.width
            and not is_centred
        )

    def _is_full(self, row: Row, following: Row) -> bool:
        """Whether the next row's first word had no room in this one, which has one cell, or begins in it."""
        if len(row.cells) > 1 or len(following.cells) > 1:
            return False
        if is_divided(row.text, following.text):
            return True
        if self._right - self._left < _NARROWEST * row.width:
            return False
        word = columns(first_word(following.text)) * following.width * _WORD
        return row.box.right + row.width + word > self._right - row.width / 2


def _across_columns(parts: Sequence[_Part]) -> Iterator[_Part]:
    """The parts; a paragraph that one column leaves off and the next takes up is one."""
    waiting: _Part | None = None
    for part in parts:
        if waiting and _takes_up(waiting, part):
            rows = [*waiting.rows, *part.rows]
            waiting = replace(part, rows=rows, wraps=[*waiting.wraps, True, *part.wraps])
            continue
        if waiting:
            yield waiting
        waiting = part
    if waiting:
        yield waiting


def _takes_up(part: _Part, following: _Part) -> bool:
    if {part.type, following.type} != {"paragraph"} or not part.is_open:
        return False
    last, first = part.rows[-1], following.rows[0]
    is_next_column = first.middle < last.box.top and first.box.left > last.box.right
    unfinished = last.text[-1] not in SENTENCE_ENDS and not first.text[0].isupper()
    return (
        is_next_column
        and unfinished
        and max(last.size, first.size) < _OTHER_SIZE * min(last.size, first.size)
    )


def _heading_sizes(parts: Sequence[_Part]) -> list[float]:
    """The sizes of headings, largest first; those about the same are one."""
    sizes: list[float] = []
    for size in sorted((part.rows[0].size for part in parts if part.type == "heading"), reverse=True):
        if not sizes or size * _HEADING < sizes[-1]:
            sizes.append(size)
    return sizes[:LEVELS]


def _block(part: _Part, lines: Lines, field: str, known: str, sizes: Sequence[float]) -> Block:
    numbers = [cell.number for row in part.rows for cell in row.cells]
    corners = [corner for number in numbers for corner in lines[number]["bbox"]]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    block = Block(type=part.type, lines=numbers, bbox=[[min(xs), min(ys)], [max(xs), max(ys)]])
    if part.type == "code":
        return {**block, "text": as_code([lines[number] for number in numbers], field)}
    if part.table:
        return {**block, "rows": part.table.cells, "header": part.table.has_header}
    if part.markers:
        return {**block, "items": list(_items(part, known))}
    text = joined([row.text for row in part.rows], part.wraps, known)
    if part.type == "heading":
        level = sum(size > part.rows[0].size * _HEADING for size in sizes) + 1
        return {**block, "text": text, "level": min(level, LEVELS)}
    return {**block, "text": text}


def _items(part: _Part, known: str) -> Iterator[Item]:
    """The items of a list, each with its rows joined."""
    starts = [n for n, marker in enumerate(part.markers) if marker]
    left = min(part.rows[n].box.left for n in starts)
    for start, end in pairwise([*starts, len(part.rows)]):
        marker, row = part.markers[start], part.rows[start]
        if marker:
            texts = [row.text[marker.length :], *(rest.text for rest in part.rows[start + 1 : end])]
            level = round((row.box.left - left) / (3 * row.width))
            yield Item(marker=marker.sign, text=joined(texts, [True] * (len(texts) - 1), known), level=level)
