"""Amounts of money as they are written in many countries, and their currencies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

CURRENCIES: Mapping[str, str] = {
    "RM": "MYR", "MYR": "MYR", "S$": "SGD", "SGD": "SGD", "US$": "USD", "USD": "USD", "HK$": "HKD",
    "HKD": "HKD", "NT$": "TWD", "TWD": "TWD", "A$": "AUD", "AUD": "AUD", "C$": "CAD", "CAD": "CAD",
    "€": "EUR", "EUR": "EUR", "£": "GBP", "GBP": "GBP", "CHF": "CHF", "RMB": "CNY", "CNY": "CNY",
    "元": "CNY", "円": "JPY", "JPY": "JPY", "₩": "KRW", "원": "KRW", "KRW": "KRW", "₹": "INR", "INR": "INR",
    "Rp": "IDR", "IDR": "IDR", "฿": "THB", "THB": "THB", "₱": "PHP", "PHP": "PHP", "₫": "VND", "VND": "VND",
}  # fmt: skip
"""ISO 4217 codes by the signs that stand beside amounts; ¥ and $ need a look at the rest of the page."""
_SIGN = "|".join(sorted(map(re.escape, [*CURRENCIES, "¥", "$"]), key=len, reverse=True))
_GROUPED = r"\d{1,3}(?:[,.' ]\d{3})+(?:[.,]\d{1,2})?"
_PLAIN = r"\d+[.,] ?\d{2}|\d+ [.,]\d{2}"
_LOST_POINT = r"(?<![^\t])\d{1,4} \d\d(?![^\t])"
"""A whole cell, whose point was too faint."""
_AMOUNT = re.compile(
    rf"(?:(?<![\w.,/#-])|(?<=[a-z])(?=RM\d))(?P<minus>[-(−]\s?)?(?P<before>{_SIGN}|[VY](?=\d))?\s?(?P<sign>[-−])?\s?"
    rf"(?P<figures>{_GROUPED}|{_PLAIN}|(?(before)\d+|(?!))|\d+(?=\s?[円元원])|{_LOST_POINT})"
    rf"(?P<after>\s?(?:{_SIGN}))?(?![a-z\d_/%]|[A-Z]{{4}}|[^\W\dA-Z_a-z]|[.,:-]\d)"
)
_LIKE_YEN = ("V", "Y")
"""Letters that are read for ¥ in front of an amount."""
CENT = Decimal("0.01")


class Amount(NamedTuple):
    """An amount, the sign of its currency, and where it stands in the text."""

    value: Decimal
    sign: str | None
    start: int
    end: int


def find_amounts(text: str) -> Iterator[Amount]:
    """The amounts in a text whose full-width signs are folded: 1,234.56, 1.234,56, RM 5.00, ¥120, 90円."""
    for match in _AMOUNT.finditer(text):
        value = parse_figures(match["figures"])
        if match["minus"] or match["sign"]:
            value = -value
        sign = (match["before"] or match["after"] or "").strip()
        sign = "¥" if sign in _LIKE_YEN else sign or None
        yield Amount(value, sign, match.start(), match.end())


def parse_figures(figures: str) -> Decimal:
    """Figures with or without marks between thousands; the last mark is decimal if two figures follow it."""
    match = re.fullmatch(r"(.*?)(?: ?[., ] ?(\d{1,2}))?", figures)
    whole, cents = match.groups() if match else (figures, None)
    return Decimal(f"{re.sub(r'[^0-9]', '', whole)}.{cents or '0'}")


def plain(value: Decimal) -> str:
    """An amount as text: two figures after a point."""
    return f"{value:.2f}"


def find_currency(text: str) -> str | None:
    """The one currency whose signs stand beside amounts, or alone in brackets; None where two do."""
    signs = [amount.sign for amount in find_amounts(text) if amount.sign]
    signs += re.findall(rf"(?:\(|\b)({_SIGN})(?:\)|\s*$)", text, re.MULTILINE)
    codes = {code for sign in signs if (code := _code(sign, text))}
    return codes.pop() if len(codes) == 1 else None


def _code(sign: str, text: str) -> str | None:
    if sign == "¥":
        return (
            "JPY"
            if re.search(r"[\u3041-\u30ff]", text)
            else "CNY"
            if re.search(r"[\u4e00-\u9fff]", text)
            else None
        )
    return CURRENCIES.get(sign)
