"""Answers as an Excel workbook: a sheet for each, with the rows and cells of its tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from frontend.client.forms import Answer, pages
from frontend.recognition.shapes import cell_rows

_UNFIT = re.compile(r"[\x00-\x1f\[\]:*?/\\']")
_LONGEST_NAME, _LONGEST_CELL = 31, 32_767
"""Characters, by Excel's own limits."""
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.(\d{1,9}))?")
"""What is a number everywhere; with a comma it depends on the country."""


class Workbook:
    """The file, written at the end. Cells are text or numbers, never formulas."""

    def __init__(self, stream: BinaryIO) -> None:
        self._workbook = xlsxwriter.Workbook(stream, {"in_memory": True})
        self._names: set[str] = set()

    def add(self, name: str, answer: Answer) -> None:
        rows: list[list[str]] = []
        for page in pages(answer):
            rows += [[]] if rows else []  # a blank row between pages
            rows += cell_rows(page["lines"])
        self.add_rows(name, rows)

    def add_rows(self, name: str, rows: Iterable[Sequence[str]]) -> None:
        sheet = self._workbook.add_worksheet(self._sheet_name(name))
        for at, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                self._write(sheet, at, column, cell)
        sheet.autofit()

    def end(self) -> None:
        self._workbook.close()

    def _sheet_name(self, name: str) -> str:
        """One that Excel takes, and that no other sheet has."""
        plain = _UNFIT.sub(" ", name.replace("\\", "/").rsplit("/", 1)[-1]).strip() or "text"
        found, number = plain[:_LONGEST_NAME], 1
        while found.lower() in self._names:
            number += 1
            ending = f" ({number})"
            found = f"{plain[: _LONGEST_NAME - len(ending)]}{ending}"
        self._names.add(found.lower())
        return found

    def _write(self, sheet: Worksheet, row: int, column: int, cell: str) -> None:
        if number := _NUMBER.fullmatch(cell):
            form = f"0.{'0' * len(number[1])}" if number[1] else "0"
            sheet.write_number(row, column, float(cell), self._workbook.add_format({"num_format": form}))
        elif cell:
            sheet.write_string(row, column, cell[:_LONGEST_CELL])
