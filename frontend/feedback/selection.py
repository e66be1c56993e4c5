"""Which lines to look at next: those that are unsure, and unlike those that somebody has looked at already.

Uncertainty sampling (Lewis & Gale 1994), made diverse one by one (maximal marginal relevance, Carbonell &
Goldstein 1998).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from frontend.history.search import fold

_OTHER_MODEL = 0.5
"""What a likeness counts where another model read the other line: it errs otherwise."""
Line = Mapping[str, Any]
"""`_id`, `record`, `text`, `confidence`, `model` and `model_version`."""


@dataclass
class _Candidate:
    line: Line
    pairs: frozenset[str]
    likeness: float = 0.0
    """To the most like of the lines that were looked at or chosen, from 0 to 1."""
    before: int = field(default=0)
    """Lines of the same record that were chosen."""

    @property
    def worth(self) -> float:
        return float(1 - self.line["confidence"]) * (1 - self.likeness) / (1 + self.before)

    def compare(self, line: Line, pairs: frozenset[str]) -> None:
        versions = [(one["model"], one["model_version"]) for one in (self.line, line)]
        share = 1.0 if versions[0] == versions[1] else _OTHER_MODEL
        self.likeness = max(self.likeness, share * _dice(self.pairs, pairs))


def most_useful(waiting: Iterable[Line], reviewed: Iterable[Line], count: int) -> list[Line]:
    """Up to `count` of the lines `waiting`, most useful first.

    A line is worth (1 - confidence) x (1 - likeness) / (1 + n). Its likeness is the greatest to a line that
    was `reviewed` or comes before it here: Dice's coefficient of their pairs of characters, as the search
    folds texts. n lines of its record come before it. Of lines worth the same, the lesser id comes first.
    """
    candidates = [_Candidate(line, _pairs(line)) for line in sorted(waiting, key=lambda line: line["_id"])]
    for line in reviewed:
        _compare(candidates, line)
    chosen: list[Line] = []
    while candidates and len(chosen) < count:
        best = max(candidates, key=lambda candidate: candidate.worth)
        candidates.remove(best)
        chosen.append(best.line)
        _compare(candidates, best.line)
        for candidate in candidates:
            candidate.before += candidate.line["record"] == best.line["record"]
    return chosen


def _compare(candidates: Sequence[_Candidate], line: Line) -> None:
    pairs = _pairs(line)
    for candidate in candidates:
        candidate.compare(line, pairs)


def _pairs(line: Line) -> frozenset[str]:
    """Two characters each, with the beginning and the end as such."""
    text = f"\0{fold(line['text'])}\0"
    return frozenset(text[at : at + 2] for at in range(len(text) - 1))


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))
