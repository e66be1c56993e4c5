"""Receipts: merchant, address, date, time, amounts, payment, number and items."""

from __future__ import annotations

import re

from frontend.extraction import labels
from frontend.extraction.amounts import find_amounts, find_currency
from frontend.extraction.fields import Fields, Found
from frontend.extraction.heads import find_head
from frontend.extraction.issued import find_issue_date, find_issue_time
from frontend.extraction.items import Item, adds_up, find_items
from frontend.extraction.sheet import Sheet
from frontend.extraction.totals import Totals, find_totals

_NUMBER = re.compile(
    rf"(?:{labels.pattern('numbers').pattern})[\s.:#=-]*(?P<number>(?=[\w/-]*\d)[A-Za-z0-9][\w/-]{{2,}})",
    re.IGNORECASE,
)
NUMBER, CURRENCY = 0.9, 0.99
"""How often they are right."""


def find_receipt(sheet: Sheet) -> Fields:
    """The fields of a receipt; None where no rule finds one."""
    head, issued, totals = find_head(sheet), find_issue_date(sheet), find_totals(sheet)
    total, subtotal, items = find_purchase(sheet, totals)
    values = {
        "merchant": head.merchant(),
        "address": head.address(),
        "date": issued,
        "time": find_issue_time(sheet, issued),
        "number": find_number(sheet),
        "currency": find_currency_field(sheet),
        "subtotal": subtotal,
        "tax": totals.tax(total),
        "total": total,
        "payment": totals.payment(),
    }
    return Fields(values, items)


def find_purchase(sheet: Sheet, totals: Totals) -> tuple[Found | None, Found | None, list[Item]]:
    """Total, checked by the sum of the items, subtotal, and items."""
    total, subtotal = totals.total(), totals.subtotal()
    items = find_items(sheet, totals.first_row, total, subtotal)
    if total and (is_sum := adds_up(items, total, subtotal)) is not None:
        is_confirmed = len(items) > 1 and adds_up(items, total)
        total = (total.confirmed() if is_confirmed else total).checked(items=is_sum)
    return total, subtotal, items


def find_number(sheet: Sheet) -> Found | None:
    """The number of the document, after its label."""
    for row in sheet.rows:
        if match := _NUMBER.search(row.text):
            return Found(match["number"], row.spans(*match.span("number")), NUMBER)
    return None


def find_currency_field(sheet: Sheet) -> Found | None:
    """The currency, with the first amount whose sign says it."""
    code = find_currency(sheet.text)
    for row in sheet.rows if code else ():
        for amount in find_amounts(row.text):
            if amount.sign and code:
                return Found(code, row.spans(amount.start, amount.end), CURRENCY, agreement=CURRENCY)
    return None
