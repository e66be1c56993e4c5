"""A few real images with the text that stands in them: labels.tsv has a path and a text on each line."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent


class Golden(NamedTuple):
    path: Path
    text: str


def _read(labels: Path) -> list[Golden]:
    rows = (row.split("\t", 1) for row in labels.read_text(encoding="utf-8").splitlines())
    return [Golden(labels.parent / path, text) for path, text in rows]


GOLDEN = _read(_FOLDER / "labels.tsv")
WIDE = _read(_FOLDER / "wide.tsv")
"""Those that models of English alone cannot read."""
PAGE = Golden(_FOLDER / "page.jpg", (_FOLDER / "page.txt").read_text(encoding="utf-8").rstrip("\n"))
"""A whole page; its rows are lines of the text."""
VAT_INVOICE = _FOLDER / "vat_invoice.png"
"""电子发票（普通发票）, drawn by training.render.vat_invoices."""
