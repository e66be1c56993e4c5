"""Amounts in Chinese capitals (大写), as cheques and invoices write them out: 壹仟贰佰叁拾肆圆伍角陆分."""

from __future__ import annotations

import re
from decimal import Decimal

_DIGITS = {
    char: n
    for n, chars in enumerate(
        ("零〇", "壹一", "贰二貳两", "叁三參", "肆四", "伍五", "陆六陸", "柒七", "捌八", "玖九")
    )
    for char in chars
}
_TENS = {"拾": 10, "十": 10, "佰": 100, "百": 100, "仟": 1000, "千": 1000}
_GROUPS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_WHOLE = "".join([*_DIGITS, *_TENS, *_GROUPS])
_CAPITALS = re.compile(
    rf"(?P<minus>[(（]?负[数)）]*)?(?P<whole>[{_WHOLE}]+)[圆元園圓](?:(?P<tenths>[{_WHOLE}])角|零)?(?:零?(?P<cents>[{_WHOLE}])分)?整?"
)


def find_capitals(text: str) -> re.Match[str] | None:
    """The first amount in capitals in a text; spaces within it end it."""
    return _CAPITALS.search(text)


def parse_capitals(text: str) -> Decimal | None:
    """The amount that these capitals say; None if they say none.

    >>> parse_capitals("壹仟零贰拾圆叁角伍分")
    Decimal('1020.35')
    """
    match = _CAPITALS.search(text)
    if match is None:
        return None
    cents = _DIGITS.get(match["tenths"] or "零", 0) * 10 + _DIGITS.get(match["cents"] or "零", 0)
    value = (Decimal(_whole(match["whole"])) * 100 + cents) / 100
    return -value if match["minus"] else value


def _whole(text: str) -> int:
    total = group = digit = 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _TENS:
            group += (digit or 1) * _TENS[char]
            digit = 0
        else:
            total = (
                (total + group + digit) * _GROUPS[char]
                if _GROUPS[char] > 10**4
                else total + (group + digit) * 10**4
            )
            group = digit = 0
    return total + group + digit
