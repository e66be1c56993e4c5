"""Fields of answers as a workbook."""

from __future__ import annotations

from typing import BinaryIO

from frontend.client.fields import FieldRows
from frontend.formats.workbook import Workbook

_SHEET = "fields"


class FieldsWorkbook(FieldRows):
    """An Excel workbook with one sheet."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._workbook = Workbook(stream)

    def end(self) -> None:
        self._workbook.add_rows(_SHEET, self.rows())
        self._workbook.end()
