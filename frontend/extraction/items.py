"""The items of a receipt: what was bought, how many, and for how much."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from frontend.extraction import labels
from frontend.extraction.amounts import CENT, Amount, find_amounts, plain
from frontend.extraction.fields import Found
from frontend.extraction.sheet import Row, Sheet, Span

Item = dict[str, Found | None]
COLUMNS = ("name", "quantity", "price", "amount")
_HEADER = re.compile(
    r"\b(?:item|desc\w*|description|product|particulars|article|qty|quantity|menge|u/?p|price|unit|amount|amt|total|rm|tax|disc)\b"
    r"|品名|商品|数量|单价|単価|金额|金額",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"(?<![\w.,])(\d{1,4}(?:\.\d{1,3})?)(?![\w.,]|\.\d)\s*(?:[x×*@]|pcs?\b|units?\b|个|点)?", re.IGNORECASE
)
_NOT_NAMES = re.compile(
    r"\b(?:RM|SR|ZRL?|TX|OS|pcs?|unit|x)\b|(?<!\w)[*×@SZ](?!\w)|\b\d{5,}\b|\b\d+\s*[x×*@]", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]{2,}|[\u3040-\u30ff\u4e00-\u9fff]")
NAME, FIGURES, BY_PRODUCT = 0.9, 0.9, 0.98
"""How often names and amounts of items are right; and amounts that are the quantity times the price."""


@dataclass
class _Draft:
    """An item's row of figures, and the spans of its name, which may stand in rows above or below."""

    row: Row
    amounts: Sequence[Amount]
    name: list[Span] = field(default_factory=list)


def find_items(sheet: Sheet, ends: Row | None, *sums: Found | None) -> list[Item]:
    """The items between the header of their table and the first row of totals, `ends`.

    Without a header, those of all rows that tell of the purchase, if they make one of the sums.
    """
    end = next((at for at, row in enumerate(sheet.rows) if row is ends), len(sheet.rows))
    rows = sheet.rows[:end]
    headers = [at for at, row in enumerate(rows) if is_header(row.text)]
    if headers:
        return [_item(draft) for draft in _drafts(rows[headers[-1] + 1 :])]
    items = [
        _item(draft)
        for draft in _drafts([row for row in rows if not labels.matches(row.text, "head_ends", "head_facts")])
    ]
    return items if adds_up(items, *sums) else []


def adds_up(items: Sequence[Item], *sums: Found | None) -> bool | None:
    """Whether the amounts of the items make one of these; None without amounts or sums."""
    amounts = [Decimal(amount.value) for item in items if (amount := item["amount"])]
    wanted = [Decimal(found.value) for found in sums if found]
    if not amounts or not wanted:
        return None
    return any(abs(sum(amounts, Decimal(0)) - one) <= CENT for one in wanted)


def is_header(text: str) -> bool:
    """Whether a row names the columns of a table of items."""
    return len(_HEADER.findall(text)) >= 2 and not any(find_amounts(text))  # noqa: PLR2004


def _drafts(rows: Sequence[Row]) -> list[_Draft]:
    """Rows with amounts; rows of words alone are names of the one that goes with them."""
    drafts: list[_Draft] = []
    waiting: list[Span] = []
    is_below = bool(rows) and any(find_amounts(rows[0].text)) and not _names(rows[0])
    for row in rows:
        amounts, names = list(find_amounts(row.text)), _names(row)
        if amounts:
            drafts.append(_Draft(row, amounts, names or ([] if is_below else waiting)))
            waiting = []
        elif names and is_below and drafts and not drafts[-1].name:
            drafts[-1].name = names
        else:
            waiting = waiting or names
    return drafts


def _names(row: Row) -> list[Span]:
    """The cells of a row that have words, without figures and codes around them."""
    found = []
    for cell in row.cells:
        kept = _blanked(cell.text)
        if _WORD.search(kept):
            start = len(kept) - len(kept.lstrip(" .:-*"))
            found.append(Span(cell, start, len(kept.rstrip(" .:-*"))))
    return found


def _blanked(text: str) -> str:
    """The text with blanks for amounts, counts and codes at its ends."""
    kept = text
    for amount in find_amounts(text):
        kept = kept[: amount.start] + " " * (amount.end - amount.start) + kept[amount.end :]
    return _NOT_NAMES.sub(lambda match: " " * len(match[0]), kept)


def _item(draft: _Draft) -> Item:
    row, amount = draft.row, draft.amounts[-1]
    quantity, price = _product(row, draft.amounts)
    sure = BY_PRODUCT if quantity else FIGURES
    name = Found(" ".join(span.text for span in draft.name), draft.name, NAME) if draft.name else None
    return {"name": name, "quantity": quantity, "price": price, "amount": _money(row, amount, sure)}


def _money(row: Row, amount: Amount, reliability: float) -> Found:
    return Found(plain(amount.value), row.spans(amount.start, amount.end), reliability)


def _product(row: Row, amounts: Sequence[Amount]) -> tuple[Found | None, Found | None]:
    """Quantity and price of a row, where they make its amount."""
    total = amounts[-1]
    prices = [*amounts[:-1], total]
    for match in _COUNT.finditer(row.text):
        count = Decimal(match[1])
        for price in prices:
            if count > 0 and abs(count * price.value - total.value) < CENT and not _overlap(match, price):
                found = Found(f"{count.normalize():f}", row.spans(*match.span(1)), BY_PRODUCT)
                return found, _money(row, price, BY_PRODUCT)
    return None, None


def _overlap(match: re.Match[str], amount: Amount) -> bool:
    return match.start(1) < amount.end and amount.start < match.end(1)
