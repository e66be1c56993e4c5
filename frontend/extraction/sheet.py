"""A document as rows of cells whose text can be searched; what is found leads back to its lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from frontend.extraction.familiar import confidences_of, mend, raised, repeated
from frontend.recognition import upright
from frontend.recognition.postprocess import enclosing
from frontend.recognition.predictions import Point
from frontend.recognition.upright import Box, Lines, around, rows_of

CELL_BREAK = "\t"
"""Between the cells of a row in its text."""
_ALIKE = " .,-¥$€£"
"""Spaces, signs that are mistaken for each other, and those of currencies: no value depends on them."""


def fold_width(text: str) -> str:
    """Full-width letters, figures and signs as ASCII; each character stays one."""
    forms = (unicodedata.normalize("NFKC", char) for char in text)
    return "".join(form if len(form) == 1 else char for form, char in zip(forms, text, strict=True))


@dataclass(frozen=True)
class Cell:
    """A line at its place; `number` is that in the lines of the whole document."""

    number: int
    page: int
    text: str
    box: Box
    size: float
    line: Mapping[str, Any]
    confidences: Sequence[float] | None = None
    """Of each character, where known."""

    @property
    def middle(self) -> float:
        return (self.box.top + self.box.bottom) / 2

    @property
    def centre(self) -> float:
        return (self.box.left + self.box.right) / 2


@dataclass(frozen=True)
class Span:
    """Characters of a cell from `start` to before `end`."""

    cell: Cell
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.cell.text[self.start : self.end]

    @property
    def confidence(self) -> float:
        """Probability that its letters and figures are right: at least that of its whole line.

        Signs count, too, as letters are taken for them; spaces and the signs of `_ALIKE` do not.
        """
        whole, chars = float(self.cell.line["confidence"]), self.cell.confidences
        if chars is None:
            return whole
        read = zip(self.text, chars[self.start : self.end], strict=True)
        return max(whole, prod(confidence for char, confidence in read if char not in _ALIKE))

    @property
    def bbox(self) -> list[Point]:
        """Around its characters, where their boxes are known; else around the line."""
        chars = self.cell.line.get("chars")
        if not chars or len(chars) != len(self.cell.text):
            return list(self.cell.line["bbox"])
        boxes = [char["bbox"] for char in chars[self.start : self.end]]
        return enclosing(boxes)


@dataclass(frozen=True)
class Row:
    """Cells side by side, from left to right."""

    cells: Sequence[Cell]

    @property
    def text(self) -> str:
        return CELL_BREAK.join(cell.text for cell in self.cells)

    @property
    def page(self) -> int:
        return self.cells[0].page

    @property
    def box(self) -> Box:
        return around(cell.box for cell in self.cells)

    @property
    def middle(self) -> float:
        return (self.box.top + self.box.bottom) / 2

    def start_of(self, cell: Cell) -> int:
        """Where the text of one of the cells begins in `text`."""
        before = self.cells[: self.cells.index(cell)]
        return sum(len(other.text) + len(CELL_BREAK) for other in before)

    def spans(self, start: int = 0, end: int | None = None) -> list[Span]:
        """The cells' parts of `text` from `start` to before `end`, without white space around."""
        end = len(self.text) if end is None else end
        found, at = [], 0
        for cell in self.cells:
            first, last = max(0, start - at), min(len(cell.text), end - at)
            part = cell.text[first:last] if last > first else ""
            if part.strip():
                first += len(part) - len(part.lstrip())
                found.append(Span(cell, first, first + len(part.strip())))
            at += len(cell.text) + len(CELL_BREAK)
        return found


@dataclass(frozen=True)
class Sheet:
    """All pages of a document, from the top of the first to the bottom of the last."""

    rows: Sequence[Row]

    @property
    def text(self) -> str:
        return "\n".join(row.text for row in self.rows)


def read_sheet(lines: Lines) -> Sheet:
    """The lines of an answer; those of a document have their `page`."""
    numbered = list(enumerate(lines))
    pages = sorted({line.get("page") or 1 for line in lines})
    return Sheet([row for page in pages for row in _rows(page, numbered)])


def _rows(page: int, numbered: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Row]:
    own = [(number, line) for number, line in numbered if (line.get("page") or 1) == page]
    again = repeated(line["text"] for _, line in own)
    for row in rows_of([line for _, line in own]):
        cells = [_cell(page, *own[c.number], c, again) for c in row.cells]
        yield Row(sorted(cells, key=lambda cell: cell.box.left))


def _cell(page: int, number: int, line: Mapping[str, Any], cell: upright.Cell, again: set[str]) -> Cell:
    text, read = fold_width(cell.text), confidences_of(line, cell.text)
    if read is not None:
        text = mend(text, read)
        read = raised(text, read, again)
    return Cell(number, page, text, cell.box, cell.size, line, read)
