"""Numbers with check digits: of taxpayers, bank accounts and VAT."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from stdnum import iban
from stdnum.cn import uscc
from stdnum.eu import vat

_CONFUSED = str.maketrans("IOSZ", "1052")
"""Letters that Chinese credit codes do without, and the figures that are read for them."""
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_VAT = re.compile(
    r"\b(?:AT ?U\d{8}|(?:BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK)"
    r" ?[A-Z0-9][A-Z0-9 .]{6,12}[A-Z0-9])\b"
)


class Identifier(NamedTuple):
    """A number, whether its check digits hold (None: it has none), and where it stands in the text."""

    value: str
    is_valid: bool | None
    start: int
    end: int


def credit_code(text: str) -> tuple[str, bool | None]:
    """A Chinese taxpayer's number, 统一社会信用代码 of 18 characters or an older one, and whether it holds.

    Letters that credit codes do without are figures misread: they are put right where that makes it hold.
    """
    value = re.sub(r"\s", "", text).upper()
    if len(value) != 18:  # noqa: PLR2004
        return value, None
    if uscc.is_valid(value):
        return value, True
    mended = value.translate(_CONFUSED)
    return (mended, True) if uscc.is_valid(mended) else (value, False)


def find_ibans(text: str) -> Iterator[Identifier]:
    """Bank account numbers (ISO 13616): those that hold, without what follows them; else as they stand."""
    for match in _IBAN.finditer(text):
        ends = [
            end
            for end in range(match.end(), match.start() + 14, -1)
            if iban.is_valid(text[match.start() : end])
        ]
        end = ends[0] if ends else match.end()
        yield Identifier(iban.compact(text[match.start() : end]), bool(ends), match.start(), end)


def find_vat_numbers(text: str) -> Iterator[Identifier]:
    """Numbers for the VAT of the European Union, with the letters of their country in front."""
    accounts = [range(match.start(), match.end()) for match in _IBAN.finditer(text)]
    for match in _VAT.finditer(text):
        if any(match.start() in account for account in accounts):
            continue
        ends = [
            end
            for end in range(match.end(), match.start() + 9, -1)
            if vat.is_valid(text[match.start() : end])
        ]
        if ends:
            yield Identifier(vat.compact(text[match.start() : ends[0]]), True, match.start(), ends[0])
        elif sum(map(str.isdigit, match[0])) >= 8:  # noqa: PLR2004
            yield Identifier(re.sub(r"[ .]", "", match[0]), False, match.start(), match.end())
