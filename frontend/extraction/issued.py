"""When a document was issued: its date, with day and month as the evidence orders them, and its time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from frontend.extraction import labels
from frontend.extraction.dates import Written, find_dates, find_times
from frontend.extraction.fields import Found
from frontend.extraction.sheet import Row, Sheet, Span

LABELLED, BESIDE_TIME, ALONE = 0.99, 0.98, 0.95
"""How often a date is the document's own: after a label, beside a time of day, or neither."""
LABEL_REACH = 24
"""Characters in front of a date that may label it."""
COMPACT, BY_COUNTRY, BY_NOTHING = 0.9, 0.98, 0.5
"""And how often it is read as it was meant: without marks, or with day and month ordered by the currency."""
_MONTH_FIRST = re.compile(r"\bUSD?\b|\bU\.?S\.?A\b|\b[A-Z]{2} \d{5}(?:-\d{4})?\b")
_DAY_FIRST = re.compile(
    r"\b(?:RM|sdn|bhd|GST|EUR|GBP|VAT|MwSt|TVA|ABN|SGD|jalan|kuala)\b|[€£]|(?<!U)S\$", re.IGNORECASE
)


@dataclass(frozen=True)
class _Candidate:
    written: Written
    row: Row
    reliability: float

    @property
    def spans(self) -> list[Span]:
        return self.row.spans(self.written.start, self.written.end)


def find_issue_date(sheet: Sheet) -> Found | None:
    """The document's date as YYYY-MM-DD: labelled ones first, of equals the first."""
    candidates = list(_candidates(sheet))
    if not candidates:
        return None
    best = max(candidates, key=lambda found: found.reliability)
    value, certainty = _meant(best.written, candidates, sheet.text)
    same = [one for one in candidates if value in one.written.readings]
    surest = max(
        same, key=lambda one: (one.reliability == best.reliability, Found("", one.spans, 1).confidence)
    )
    agreement = 0.98 if len(same) > 1 else 0.0
    return Found(value.isoformat(), surest.spans, best.reliability * certainty, agreement=agreement)


def find_issue_time(sheet: Sheet, issued: Found | None) -> Found | None:
    """The first time of day, in the date's own row if there is one."""
    own = {span.cell.number for span in issued.spans} if issued else set()
    rows = sorted(sheet.rows, key=lambda row: not own.intersection(cell.number for cell in row.cells))
    for row in rows:
        for time in find_times(row.text):
            return Found(time.value, row.spans(time.start, time.end), 0.97)
    return None


def _candidates(sheet: Sheet) -> Iterator[_Candidate]:
    above = ""
    for row in sheet.rows:
        for written in find_dates(row.text):
            before = row.text[: written.start]
            if labels.kind_of(before[-LABEL_REACH:], labels.DATES) not in {"due", "other"}:
                yield _Candidate(written, row, _reliability(row.text, before, above, written))
        above = row.text


def _reliability(text: str, before: str, above: str, written: Written) -> float:
    label = before if before.strip() else above
    is_labelled = labels.kind_of(label, labels.DATES) == "own"
    by_place = LABELLED if is_labelled else BESIDE_TIME if any(find_times(text)) else ALONE
    return by_place * (COMPACT if written.is_compact and not is_labelled else 1)


def _meant(written: Written, others: Sequence[_Candidate], text: str) -> tuple[date, float]:
    """Which of its readings a date has, and how sure that is."""
    readings = written.readings
    if len(readings) == 1:
        return readings[0], 1.0
    for other in others:
        if len(other.written.readings) == 1 and other.written.readings[0] in readings:
            return other.written.readings[0], 1.0
    if _MONTH_FIRST.search(text) and not _DAY_FIRST.search(text):
        return readings[1], BY_COUNTRY
    return readings[0], BY_COUNTRY if _DAY_FIRST.search(text) else BY_NOTHING
