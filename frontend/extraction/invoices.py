"""Invoices between businesses anywhere: parties, numbers, dates, account and sums."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from frontend.extraction import labels
from frontend.extraction.dates import find_dates
from frontend.extraction.fields import Fields, Found
from frontend.extraction.heads import find_head
from frontend.extraction.identifiers import Identifier, find_ibans, find_vat_numbers
from frontend.extraction.issued import LABEL_REACH, find_issue_date
from frontend.extraction.receipts import find_currency_field, find_number, find_purchase
from frontend.extraction.sheet import Cell, Row, Sheet, Span
from frontend.extraction.totals import find_totals

CHECKED, FAILED, LABELLED = 0.995, 0.85, 0.95
"""How often values are right: whose check digits hold, or do not, and after their label."""
_BUYER = re.compile(
    r"\b(?:bill(?:ed)?\s*to|invoice(?:d)?\s*to|sold\s*to|customer|client|buyer|kunde|destinataire|cliente)\b\s*:?\s*",
    re.IGNORECASE,
)


def is_invoice(sheet: Sheet) -> bool:
    """Whether it has a number of an account, a date when it is due, or somebody to whom it is billed."""
    text = sheet.text
    signs = [
        any(one.is_valid for one in find_ibans(text)),
        bool(re.search(r"\bIBAN\b|\bSWIFT\b|\bBIC\b", text)),
        bool(_BUYER.search(text)),
        bool(re.search(r"\bdue date\b|\bpayment due\b|\bpay by\b|\bzahlbar bis\b", text, re.IGNORECASE)),
        bool(
            re.search(
                r"\binvoice\b|\brechnung\b|\bfacture\b|\bfactura\b|\bfattura\b|請求書", text, re.IGNORECASE
            )
        ),
        any(one.is_valid for one in find_vat_numbers(text)),
    ]
    return sum(signs) >= 3  # noqa: PLR2004


def find_invoice(sheet: Sheet) -> Fields:
    """The fields of an invoice; None where no rule finds one."""
    totals = find_totals(sheet)
    total, subtotal, items = find_purchase(sheet, totals)
    vat = _identifiers(sheet, find_vat_numbers)
    seller = find_head(sheet).merchant()
    values = {
        "number": find_number(sheet),
        "date": find_issue_date(sheet),
        "due_date": _due_date(sheet),
        "seller": seller,
        "seller_vat_number": vat[0] if vat else None,
        "buyer": _buyer(sheet),
        "buyer_vat_number": vat[1] if len(vat) > 1 else None,
        "iban": next(iter(_identifiers(sheet, find_ibans)), None),
        "currency": find_currency_field(sheet),
        "subtotal": subtotal,
        "tax": totals.tax(total),
        "total": total,
    }
    return Fields(values, items)


def _identifiers(sheet: Sheet, find: Callable[[str], Iterator[Identifier]]) -> list[Found]:
    """All different numbers of a kind from the top down, with the check `digits`."""
    found: dict[str, Found] = {}
    for row in sheet.rows:
        for one in find(row.text):
            reliability, agreement = (CHECKED, CHECKED) if one.is_valid else (FAILED, 0.0)
            spans = row.spans(one.start, one.end)
            found.setdefault(
                one.value, Found(one.value, spans, reliability, {"digits": bool(one.is_valid)}, agreement)
            )
    return list(found.values())


def _due_date(sheet: Sheet) -> Found | None:
    """The date after, or below, a label that says when to pay."""
    above: Row | None = None
    for row in sheet.rows:
        for written in find_dates(row.text):
            is_due = labels.kind_of(row.text[: written.start][-LABEL_REACH:], labels.DATES) == "due"
            if is_due or (above and _names_due(above.text)):
                sure = LABELLED if len(written.readings) == 1 else 0.5
                return Found(written.readings[0].isoformat(), row.spans(written.start, written.end), sure)
        above = row
    return None


def _names_due(text: str) -> bool:
    return not any(find_dates(text)) and labels.kind_of(text, labels.DATES) == "due"


def _buyer(sheet: Sheet) -> Found | None:
    """The words after the label of the buyer, or below it in the same column."""
    for at, row in enumerate(sheet.rows):
        for cell in row.cells:
            match = _BUYER.match(cell.text)
            if match and cell.text[match.end() :].strip():
                start = match.end()
                return Found(cell.text[start:].strip(), [Span(cell, start, len(cell.text))], LABELLED)
            if match:
                below = [c for r in sheet.rows[at + 1 : at + 3] for c in r.cells if _is_below(c, cell)]
                return (
                    Found(below[0].text, [Span(below[0], 0, len(below[0].text))], LABELLED) if below else None
                )
    return None


def _is_below(cell: Cell, label: Cell) -> bool:
    return abs(cell.box.left - label.box.left) < 2 * label.size and cell.page == label.page
