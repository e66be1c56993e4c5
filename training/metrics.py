"""Figures of readings against their labels, and of confidences against what was right."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

BINS = 15
"""Bins of equal width in which the calibration of confidences is measured."""


def letters(text: str) -> str:
    """Letters and digits of any script: the scene-text protocol, case kept."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c.isalnum())


def folded(text: str) -> str:
    """NFKC (full-width forms as their plain ones), case folded, runs of spaces as one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def spaced(text: str) -> str:
    """The text as it is, but for runs of spaces, which become one."""
    return " ".join(text.split())


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance: insertions, deletions and substitutions count one each."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def is_exact(read: str, label: str) -> bool:
    return folded(read) == folded(label)


def score(pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Figures of (reading, label) pairs, as shares from 0 to 1.

    `word`: letters and digits of any script equal, case folded (labels without any are skipped);
    `word_cased`: the same with case kept; `exact`: equal after NFKC and case folding;
    `strict`: equal but for runs of spaces; `cer`: edits per character of the folded labels.
    """
    words = [(letters(read), letters(label)) for read, label in pairs if letters(label)]
    lines = [(folded(read), folded(label)) for read, label in pairs]

    def share(equal: Callable[[str, str], bool], of: list[tuple[str, str]]) -> float:
        return round(sum(equal(a, b) for a, b in of) / max(1, len(of)), 4)

    edits = sum(edit_distance(a, b) for a, b in lines)
    return {
        "lines": len(pairs),
        "word": share(lambda a, b: a.casefold() == b.casefold(), words),
        "word_cased": share(lambda a, b: a == b, words),
        "exact": share(lambda a, b: a == b, lines),
        "strict": share(lambda a, b: spaced(a) == spaced(b), pairs),
        "cer": round(edits / max(1, sum(len(label) for _, label in lines)), 4),
    }


@dataclass(frozen=True)
class Bin:
    """Lines whose confidence lies in [low, high): their number, mean confidence, and share that are right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


def reliability(confidences: list[float], right: list[bool], bins: int = BINS) -> list[Bin]:
    """The bins of equal width that hold any line, from low to high; a confidence of 1 is in the last."""
    placed: dict[int, list[tuple[float, bool]]] = {}
    for confidence, is_right in zip(confidences, right, strict=True):
        place = min(bins - 1, max(0, int(confidence * bins)))
        placed.setdefault(place, []).append((confidence, is_right))
    table = []
    for place, lines in sorted(placed.items()):
        mean, share = (sum(column) / len(lines) for column in zip(*lines, strict=True))
        table.append(Bin(place / bins, (place + 1) / bins, len(lines), mean, share))
    return table


def calibration_error(confidences: list[float], right: list[bool], bins: int = BINS) -> float:
    """Expected calibration error: the mean over lines of |confidence - share right| of their bin.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning" (2015).
    """
    return expected_error(reliability(confidences, right, bins))


def expected_error(table: list[Bin]) -> float:
    """The expected calibration error of a table of reliability."""
    gaps = sum(row.count * abs(row.confidence - row.right) for row in table)
    return round(gaps / max(1, sum(row.count for row in table)), 4)
