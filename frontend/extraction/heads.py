"""The head of a receipt: the merchant's name, and the address below it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

from frontend.extraction import labels
from frontend.extraction.amounts import find_amounts
from frontend.extraction.dates import find_dates
from frontend.extraction.fields import Found
from frontend.extraction.sheet import Row, Sheet, Span

ROWS, LINES_OF_NAME, ROWS_OF_ADDRESS = 16, 3, 7
BY_FORM, BY_BUSINESS, ON_ADDRESS, BELOW_OTHERS, BY_PLACE = 0.99, 0.97, 0.9, 0.65, 0.6
"""How often a name is right: with a legal form; with another word for a business; because it stands first and
the address follows; below other lines; because it stands first."""
ADDRESS, BELOW_OTHER_ROWS, PERHAPS_PART = 0.98, 0.9, 0.75
"""How often an address is complete: from a number below the name to a postcode or state; with other rows
above; and if it begins or ends with something else."""
_ADDRESS = ("streets", "postcodes")
_LARGER = 1.3
_WORDS = re.compile(r"[^\W\d_]{2,}")
_PHONE = re.compile(r"^\W*(?:\+?\d{2,4}[- ]\d{3,4}[- ]?\d{3,4}|\+?6?0\d{8,9})\W*$")
_LABEL = re.compile(r"^[^:]{4,20}:\s*")
_REGISTRATION = re.compile(
    r"\W*(?:(?:co|company|roc|br|reg|registration|business|no|id)\b[\s.:#-]*)*"
    r"[(\[]?\s*(?:[a-z]{0,3}\d{6,12}\s*-?\s*[a-z0-9]?|\d{4,12}[a-z]?\s*-?\s*[a-z])\b\s*[)\]]?"
    r"(?:\s*\([a-z0-9]+\))?\W*$",
    re.IGNORECASE,
)
"""The number under which a business is registered, with or without its label and brackets."""
_BRACKETS = re.compile(r"\(.*?(?:\)|$)")
_POSTCODE = re.compile(r"\b\d{5}\b")


@dataclass(frozen=True)
class Head:
    """The rows above the first that tells of the purchase, or how to reach the merchant."""

    rows: Sequence[Row]

    def merchant(self) -> Found | None:
        """The name with a legal form, else with a word for a business, else the first line of words."""
        if self._name is None:
            return None
        first, last, reliability = self._name
        rows = self.rows[first : last + 1]
        given = [span for row in rows[:-1] for span in row.spans()] + _to_legal_form(rows[-1])
        spans = [part for span in given if (part := _bare(span))]
        return Found(" ".join(span.text for span in spans), spans, reliability) if spans else None

    def address(self) -> Found | None:
        """The rows that follow each other from the first that reads like an address."""
        start = self._address_start
        spans: list[Span] = []
        for row in [] if start is None else self.rows[start : start + ROWS_OF_ADDRESS]:
            part = _address_part(row)
            if spans and (_is_name(row.text) or (_is_fact(row.text) and not part)):
                break
            if not _is_registration(row.text):
                spans += part or row.spans()
            if part:
                break
        text = " ".join(span.text for span in spans)
        return Found(text, spans, self._completeness(spans)) if spans else None

    def _completeness(self, spans: Sequence[Span]) -> float:
        """How often an address is complete that goes from the first to the last of these cells."""
        first, last = spans[0].text, spans[-1].text
        has_end = _POSTCODE.search(last) or labels.kind_of(last, labels.PLACES)
        if not has_end or not any(map(str.isdigit, first)):
            return PERHAPS_PART
        return ADDRESS if self._address_begins else BELOW_OTHER_ROWS

    @cached_property
    def _name(self) -> tuple[int, int, float] | None:
        """First and last row of the name, and how sure that is."""
        for at, row in enumerate(self.rows):
            if _has_legal_form(row):
                first = self._first_of_name(at)
                return first, at, BELOW_OTHERS if self._may_begin_above(first) else BY_FORM
        words = [at for at, row in enumerate(self.rows) if _is_words(row.text) and not _is_address(row)]
        named = next(
            (at for at in words if labels.matches(self.rows[at].text, "legal_forms", "businesses")), None
        )
        if named is not None:
            first = self._first_of_name(named)
            goes_on = first < named or (named + 1 in words and self._may_begin_above(named + 1))
            is_alone = not goes_on and not self._may_begin_above(named)
            return first, named, BY_BUSINESS if is_alone else BELOW_OTHERS
        return (words[0], words[0], self._by_place(words[0])) if words else None

    def _by_place(self, at: int) -> float:
        """How often the first row of words is the name: what tells is that an address comes next."""
        below = next((row for row in self.rows[at + 1 :] if not _is_registration(row.text)), None)
        return ON_ADDRESS if below and (_is_address(below) or _leads_to_address(below.text)) else BY_PLACE

    def _first_of_name(self, last: int) -> int:
        """The row where the name begins that has its legal form in this one."""
        first = last
        while first and last - first < LINES_OF_NAME and _goes_on(self.rows[first].text):
            first -= 1
        return first

    def _may_begin_above(self, at: int) -> bool:
        """Whether the row above may be part of the same name: close by, and about as large."""
        if not at or not _is_words(self.rows[at - 1].text):
            return False
        above, row = self.rows[at - 1], self.rows[at]
        small, large = sorted((above.cells[0].size, row.cells[0].size))
        is_alike = large < _LARGER * small and row.box.top - above.box.bottom < large
        return is_alike or labels.matches(above.text, "businesses")

    @property
    def _address_begins(self) -> bool:
        """Whether nothing between the name and the address may be a part of either."""
        if self._name is None or self._address_start is None:
            return False
        between = self.rows[self._name[1] + 1 : self._address_start]
        return all(_is_registration(row.text) or _is_fact(row.text) for row in between)

    @cached_property
    def _address_start(self) -> int | None:
        """The first row below the name that reads like an address, or that one such goes on from."""
        below = self._name[1] + 1 if self._name else 0
        found = [at for at, row in enumerate(self.rows) if _is_address(row)]
        start = next((at for at in found if at >= below), None)
        if start is None:
            return found[0] if found else None
        above = range(start - 1, below - 1, -1)
        parts = list(takewhile(lambda at: _may_be_address(self.rows[at].text), above))
        return min((at for at in parts if _leads_to_address(self.rows[at].text)), default=start)


def find_head(sheet: Sheet) -> Head:
    rows = sheet.rows[:ROWS]
    start = next((at for at, row in enumerate(rows) if _begins_head(row.text)), 0)
    end = next((at for at in range(start + 1, len(rows)) if _ends_head(rows[at].text)), len(rows))
    return Head(rows[start:end])


def _begins_head(text: str) -> bool:
    return (_is_words(text) or labels.matches(text, "legal_forms")) and not _ends_head(text)


def _goes_on(text: str) -> bool:
    """Whether the name in this row began above: it has only words of any business, or closes a bracket."""
    own = _BRACKETS.sub("", text).lower()
    return text.count(")") > text.count("(") or set(_WORDS.findall(own)) <= labels.BUSINESS_WORDS


def _to_legal_form(row: Row) -> list[Span]:
    """The cells of a row up to the one that ends with a legal form; all of a row without any."""
    ends = [match.end() for match in labels.pattern("legal_forms").finditer(row.text)]
    return [span for span in row.spans() if not ends or row.start_of(span.cell) < ends[-1]]


def _bare(span: Span) -> Span | None:
    """The name alone: without a label in front and the number of its registration behind."""
    text = span.text
    start = match.end() if (match := _LABEL.match(text)) else 0
    end = match.start() if (match := _REGISTRATION.search(text)) else len(text)
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    stripped = part.strip()
    return Span(span.cell, span.start + start, span.start + start + len(stripped)) if stripped else None


def _has_legal_form(row: Row) -> bool:
    return any(labels.matches(part.text, "legal_forms") for span in row.spans() if (part := _bare(span)))


def _address_part(row: Row) -> list[Span]:
    """The part of a row in front of how to reach the merchant, if it reads like an address."""
    fact = labels.pattern("head_facts").search(row.text)
    before = row.text[: fact.start()] if fact else ""
    is_part = labels.matches(before, *_ADDRESS) or labels.kind_of(before, labels.PLACES)
    return row.spans(0, len(before)) if is_part else []


def _is_registration(text: str) -> bool:
    return bool(_REGISTRATION.fullmatch(text))


def _is_words(text: str) -> bool:
    return bool(_WORDS.search(text)) and not _is_registration(text) and not _is_fact(text)


def _is_address(row: Row) -> bool:
    if _address_part(row):
        return True
    is_other = labels.matches(row.text, "legal_forms") or _is_registration(row.text) or _is_fact(row.text)
    return labels.matches(row.text, *_ADDRESS) and not is_other and not row.text.startswith("(")


def _is_name(text: str) -> bool:
    """Whether it is the name of a business and no part of an address."""
    if labels.matches(text, "legal_forms"):
        return True
    is_address = labels.matches(text, *_ADDRESS) or "," in text or any(map(str.isdigit, text))
    return labels.matches(text, "businesses") and not is_address


def _leads_to_address(text: str) -> bool:
    """Whether it may be the beginning of an address: words with a number, or with a comma behind."""
    has_number = any(map(str.isdigit, text)) and bool(_WORDS.search(text))
    return (has_number or "," in text) and _may_be_address(text)


def _may_be_address(text: str) -> bool:
    is_other = _is_registration(text) or _is_fact(text) or labels.matches(text, "legal_forms")
    return not is_other and text[:1] not in "([*-="


def _is_fact(text: str) -> bool:
    """Whether it tells how to reach the merchant, or when this was; a house may be numbered like a date."""
    is_date = any(find_dates(text)) and not labels.matches(text, *_ADDRESS)
    return labels.matches(text, "head_facts") or bool(_PHONE.match(text)) or is_date


def _ends_head(text: str) -> bool:
    """Whether it is about the purchase."""
    is_price = any(amount.start for amount in find_amounts(text)) and not labels.matches(text, "streets")
    return labels.matches(text, "head_ends") or is_price
