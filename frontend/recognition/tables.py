"""Rows of a page -> tables: rows of cells that stand below each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from frontend.recognition.upright import Cell, Row

_SHARED = 2
"""Cells of a row that stand below those before it, at least."""
_CROSSING = 0.25
"""Share of a table's rows that may have a cell which reaches below another column."""
_LONELY = 2
"""Rows of one cell that may follow each other within a table."""
_FARTHEST = 4.0
"""Between rows, in sizes of their font."""
_CONTINUED = 0.5
"""What is left of a cell follows closer than rows do, by this factor at least."""
_ALL_TEXT_COLUMNS = 3
_FIGURE = re.compile(r"[^\w]*\d[\d\s.,:/%+()-]*[^\W\d_]{0,3}[^\w]*")


class _Column(NamedTuple):
    left: float
    right: float

    def shared(self, cell: Cell) -> float:
        """Pixels over which a cell stands in this column; negative if it is beside it."""
        return min(self.right, cell.box.right) - max(self.left, cell.box.left)

    def around(self, cell: Cell) -> _Column:
        return _Column(min(self.left, cell.box.left), max(self.right, cell.box.right))


@dataclass(frozen=True)
class Table:
    """So many rows of the page, and the texts of their cells, row by row: each row has all columns."""

    rows: Sequence[Row]
    cells: list[list[str]]

    @property
    def has_header(self) -> bool:
        """Whether the first row names the columns: it has no figures, where those below it do."""
        first, *rest = self.cells
        if not all(first) or any(map(is_figure, first)):
            return False
        columns = [[row[number] for row in rest] for number in range(len(first))]
        return len(first) >= _ALL_TEXT_COLUMNS or any(map(is_of_figures, columns))


def is_figure(text: str) -> bool:
    """Whether a cell holds a number, perhaps with a sign or a unit."""
    return bool(_FIGURE.fullmatch(text))


def is_of_figures(texts: Sequence[str]) -> bool:
    """Whether most of these cells are figures."""
    filled = [text for text in texts if text]
    return bool(filled) and 2 * sum(map(is_figure, filled)) > len(filled)


def find_table(rows: Sequence[Row]) -> Table | None:
    """The table that begins with the first of these rows, if one does."""
    if len(rows) < 2 or len(rows[0].cells) < 2:  # noqa: PLR2004
        return None
    found = list(_alike(rows))
    if sum(len(row.cells) > 1 for row in found) < 2:  # noqa: PLR2004
        return None
    columns = _columns(found)
    crossing = sum(_crosses(row, columns) for row in found)
    if crossing > _CROSSING * len(found):
        return None
    return Table(found, _texts(found, columns))


def _alike(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows from the first on whose cells stand below each other; single ones only between others."""
    columns = _extended([], rows[0])
    lonely: list[Row] = []
    yield rows[0]
    for last, row in pairwise(rows):
        if not -0.5 < (row.box.top - last.box.bottom) / row.size < _FARTHEST:
            return
        places = _places(row, columns)
        known = [place for place in places if place is not None]
        if len(row.cells) == 1:
            lonely.append(row)
            if len(known) != 1 or _crosses(row, columns) or len(lonely) > _LONELY:
                return
        elif len(known) >= _SHARED:
            yield from [*lonely, row]
            lonely.clear()
            columns = _extended(columns, row)
        else:
            return


def _columns(rows: Sequence[Row]) -> list[_Column]:
    """The columns of a table: the rows that have most cells say where they are."""
    columns: list[_Column] = []
    for row in sorted(rows, key=lambda row: -len(row.cells)):
        columns = _extended(columns, row)
    return columns


def _extended(columns: Sequence[_Column], row: Row) -> list[_Column]:
    """The columns as this row widens them, and with those that it adds."""
    wider, new = list(columns), []
    for cell, place in zip(row.cells, _places(row, columns), strict=True):
        if place is None:
            new.append(_Column(cell.box.left, cell.box.right))
        elif not _reaches(cell, columns, place):
            wider[place] = wider[place].around(cell)
    return sorted([*wider, *new])


def _places(row: Row, columns: Sequence[_Column]) -> list[int | None]:
    """The column of each cell, from left to right; None of one that stands beside all of those."""
    places: list[int | None] = []
    first = 0
    for cell in row.cells:
        shared = [(column.shared(cell), -n) for n, column in enumerate(columns) if n >= first]
        best, place = max(shared, default=(0.0, 0))
        places.append(-place if best > 0 else None)
        first = -place + 1 if best > 0 else first
    return places


def _reaches(cell: Cell, columns: Sequence[_Column], place: int) -> bool:
    """Whether a cell stands in other columns than its own, too."""
    return any(n != place and column.shared(cell) > cell.width for n, column in enumerate(columns))


def _crosses(row: Row, columns: Sequence[_Column]) -> bool:
    places = zip(row.cells, _places(row, columns), strict=True)
    return any(place is not None and _reaches(cell, columns, place) for cell, place in places)


def _texts(rows: Sequence[Row], columns: Sequence[_Column]) -> list[list[str]]:
    gaps = [after.box.top - before.box.bottom for before, after in pairwise(rows)]
    usual = median(gaps)
    texts: list[list[str]] = []
    for row, gap in zip(rows, [usual, *gaps], strict=True):
        cells = [""] * len(columns)
        for cell, place in zip(row.cells, _places(row, columns), strict=True):
            at = place if place is not None else len(columns) - 1
            cells[at] = f"{cells[at]} {cell.text}".strip()
        is_rest = not cells[0] and gap < _CONTINUED * usual
        if is_rest:
            texts[-1] = [f"{above} {below}".strip() for above, below in zip(texts[-1], cells, strict=True)]
        else:
            texts.append(cells)
    return texts
