"""Fields of receipts and invoices from the lines of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

from frontend.extraction.fields import Fields, as_field
from frontend.extraction.invoices import find_invoice, is_invoice
from frontend.extraction.receipts import find_receipt
from frontend.extraction.sheet import Sheet, read_sheet
from frontend.extraction.vat_invoices import find_vat_invoice, is_vat_invoice
from frontend.recognition.answers import Detail, FieldsOption, Recognition, as_answer
from frontend.recognition.upright import Lines

MOST_CHARACTERS = 40_000
THRESHOLD = 0.8
"""Fields of less confidence are null: those of more are right 97 times in a hundred."""
_FIND: Mapping[str, Callable[[Sheet], Fields]] = {
    "receipt": find_receipt, "vat_invoice": find_vat_invoice, "invoice": find_invoice
}  # fmt: skip


def find_fields(option: FieldsOption, lines: Lines) -> dict[str, Any]:
    """`kind` and the fields of a document, each null where nothing is sure, and its `items`.

    The lines are those of an answer in reading order, of a document with their `page`.
    """
    sheet = read_sheet(_beginning(lines))
    kind = _kind(option, sheet)
    found = _FIND[kind](sheet)
    values = {name: as_field(value, THRESHOLD) for name, value in found.values.items()}
    items = [{name: as_field(value, THRESHOLD) for name, value in item.items()} for item in found.items]
    return {"kind": kind, **values, "items": items}


def _beginning(lines: Lines) -> Lines:
    """The lines up to MOST_CHARACTERS: no receipt or invoice has as many, and a book would take seconds."""
    lengths = accumulate(len(line["text"]) for line in lines)
    return lines[: sum(length <= MOST_CHARACTERS for length in lengths)]


def to_answer(recognition: Recognition, detail: Detail) -> dict[str, Any]:
    """The recognition as JSON, with its fields if they were asked for."""
    answer = as_answer(recognition, detail)
    if recognition.fields_option:
        answer["fields"] = find_fields(recognition.fields_option, recognition.lines)
    return answer


def _kind(option: FieldsOption, sheet: Sheet) -> str:
    if option == "receipt":
        return "receipt"
    if is_vat_invoice(sheet):
        return "vat_invoice"
    return "invoice" if option == "invoice" or is_invoice(sheet) else "receipt"
