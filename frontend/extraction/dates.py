"""Dates and times as they are written in many countries -> ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

_MONTHS = (
    "jan", "feb|fév|fev", "mar|mac|mär|mrz", "apr|avr|abr", "may|mei|mai|maj", "jun|juin", "jul|juil|julai",
    "aug|ogos|août|ago", "sep|set", "oct|okt|out", "nov", "dec|dis|dez|déc|dic",
)  # fmt: skip
"""How the names of months begin: English, Malay, German, French, Spanish."""
_NAME = "|".join(_MONTHS)
_MARK = r"\s?[-/.]\s?"
_FORMS = [
    rf"(?P<y>(?:19|20)\d\d)(?P<mark>{_MARK})(?P<m>\d\d?)(?P=mark)(?P<d>\d\d?)",
    r"(?P<y>(?:19|20)\d\d)\s?年\s?(?P<m>\d\d?)\s?月\s?(?P<d>\d\d?)\s?日",
    r"(?:令和|R)\s?(?P<reiwa>\d\d?)\s?[年.]\s?(?P<m>\d\d?)\s?[月.]\s?(?P<d>\d\d?)\s?日?",
    rf"(?P<d>\d\d?)(?:st|nd|rd|th)?[-/.,\s]{{0,2}}(?P<name>{_NAME})[a-zé]*[-/.,\s]{{0,2}}(?P<y>(?:20|19)\d\d|\d\d)",
    rf"(?P<name>{_NAME})[a-zé]*[.\s]{{0,2}}(?P<d>\d\d?)(?:st|nd|rd|th)?[,\s]{{1,2}}(?P<y>(?:20|19)\d\d)",
    rf"(?P<first>\d\d?)(?P<mark>{_MARK})(?P<second>\d\d?)(?P=mark)(?P<y>(?:19|20)\d\d|\d\d)",
    r"(?P<y>20\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)",
    r"(?P<d>[0-3]\d)(?P<m>[01]\d)(?P<y>20\d\d)",
]
_DATES = [re.compile(rf"(?<![\w.,])(?:{form})(?![\d]|[-/.]\d)", re.IGNORECASE) for form in _FORMS]
_COMPACT = _DATES[-2:]
_TIME = re.compile(
    r"(?<![\d:./])(?P<h>[012]?\d)\s?[:：]\s?(?P<m>[0-5]\d)(?:\s?[:：]\s?(?P<s>[0-5]\d))?\s?(?P<half>[ap]\.?m\b)?(?![:\d])"
    r"|(?<!\d)(?P<hh>[012]?\d)\s?[時时]\s?(?P<mm>[0-5]\d)\s?分",
    re.IGNORECASE,
)
EARLIEST = 1990
"""No document is older."""


class Written(NamedTuple):
    """A date in a text from `start` to before `end`; `readings`: day before month first."""

    readings: Sequence[date]
    start: int
    end: int
    is_compact: bool
    """Eight figures without marks, which may be a number as well."""


class Time(NamedTuple):
    value: str
    start: int
    end: int


def find_dates(text: str) -> Iterator[Written]:
    """The dates in a text whose full-width signs are folded, those in front first."""
    taken: list[range] = []
    for form in _DATES:
        for match in form.finditer(text):
            span = range(match.start(), match.end())
            readings = list(dict.fromkeys(_readings(match)))
            if readings and not any(span[0] in other or span[-1] in other for other in taken):
                taken.append(span)
                yield Written(readings, match.start(), match.end(), form in _COMPACT)


def find_times(text: str) -> Iterator[Time]:
    """The times in a text, as HH:MM or HH:MM:SS of 24 hours."""
    for match in _TIME.finditer(text):
        hour, minute = int(match["h"] or match["hh"]), match["m"] or match["mm"]
        half = (match["half"] or "").lower()[:1]
        if half and hour <= 12:  # noqa: PLR2004
            hour = hour % 12 + (12 if half == "p" else 0)
        if hour < 24:  # noqa: PLR2004
            seconds = f":{match['s']}" if match["s"] else ""
            yield Time(f"{hour:02}:{minute}{seconds}", match.start(), match.end())


def _readings(match: re.Match[str]) -> Iterator[date]:
    parts = match.groupdict()
    if parts.get("first"):
        orders = [(parts["second"], parts["first"]), (parts["first"], parts["second"])]
    elif parts.get("name"):
        orders = [(str(_month(parts["name"])), parts["d"])]
    else:
        orders = [(parts["m"], parts["d"])]
    year = _year(parts)
    for month, day in orders:
        if EARLIEST <= year <= date.today().year + 1 and _is_day(year, int(month), int(day)):
            yield date(year, int(month), int(day))


def _year(parts: dict[str, str | None]) -> int:
    if reiwa := parts.get("reiwa"):
        return 2018 + int(reiwa)
    year = int(parts["y"] or 0)
    return year + 2000 if year < 100 else year  # noqa: PLR2004


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _month(name: str) -> int:
    found = (n for n, begins in enumerate(_MONTHS, 1) if re.match(begins, name, re.IGNORECASE))
    return next(found)
