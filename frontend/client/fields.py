"""Fields of answers as a table: a row for each document, a column for each field that one may have."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from .forms import Answer, without_formula

Fields = Mapping[str, Any]
"""The `fields` of an answer."""


class FieldRows:
    """Collects what is shown of each document; those without fields are left out."""

    def __init__(self) -> None:
        self._documents: list[tuple[str, Fields]] = []

    def add(self, name: str, answer: Answer) -> None:
        if fields := answer.get("fields"):
            self._documents.append((name, fields))

    def rows(self) -> list[list[str]]:
        """The header, and a row for each document."""
        names = list(dict.fromkeys(name for _, fields in self._documents for name in fields))
        shown = [[file, *(_cell(fields.get(name)) for name in names)] for file, fields in self._documents]
        return [["document", *names], *shown]


class FieldsCsv(FieldRows):
    """CSV (RFC 4180); no cell is a formula."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def end(self) -> None:
        csv.writer(self._stream).writerows(map(without_formula, row) for row in self.rows())


def _cell(value: str | Fields | Sequence[Fields] | None) -> str:
    """A field's value, or those of all items: `Tea: 2 × 1.80 = 3.60; …`."""
    if value is None or isinstance(value, str):
        return value or ""
    return str(value["value"]) if isinstance(value, Mapping) else "; ".join(map(_item, value))


def _item(item: Fields) -> str:
    name, quantity, price, amount = (_cell(item.get(n)) for n in ("name", "quantity", "price", "amount"))
    product = " × ".join(filter(None, (quantity, price if quantity else "")))
    figures = " = ".join(filter(None, (product, amount)))
    return ": ".join(filter(None, (name, figures)))
