"""Figures of readings against their labels, and of confidences against what was right."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

BINS = 15
"""Bins of equal width in which the calibration of confidences is measured."""
_LATIN_WORD = re.compile("[A-Za-z]{2}")


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


def found(label: str, read: str) -> list[bool]:
    """For each character of the label whether the reading has it, in an alignment of the fewest edits.

    Of several such alignments the one that finds the most counts. An edit costs more than any finds save.
    """
    edit = len(label) + 1
    table = [[edit * j for j in range(len(read) + 1)]]
    for i, x in enumerate(label, 1):
        above, row = table[-1], [edit * i]
        for j, y in enumerate(read, 1):
            row.append(min(above[j] + edit, row[-1] + edit, above[j - 1] + (edit if x != y else -1)))
        table.append(row)
    right, i, j = [False] * len(label), len(label), len(read)
    while i and j:
        same = label[i - 1] == read[j - 1]
        if table[i][j] == table[i - 1][j - 1] + (-1 if same else edit):
            i, j = i - 1, j - 1
            right[i] = same
        elif table[i][j] == table[i - 1][j] + edit:
            i -= 1
        else:
            j -= 1
    return right


def _is_wide(char: str) -> bool:
    """Whether it is a Chinese or Japanese character or sign, half-width kana included."""
    return unicodedata.east_asian_width(char) == "W" or "\uff66" <= char <= "\uff9f"


def is_mixed(label: str) -> bool:
    """Whether it has wide characters, a Latin word, and a space within."""
    return len(label.split()) > 1 and bool(_LATIN_WORD.search(label)) and any(map(_is_wide, label))


def spaces(pairs: list[tuple[str, str]]) -> tuple[int, int]:
    """The spaces found, and all there are, in the mixed labels of (reading, label) pairs.

    Runs of spaces count as one, and an ideographic space as any other.
    """
    lines = [(spaced(label), spaced(read)) for read, label in pairs if is_mixed(label)]
    right = [ok for line in lines for char, ok in zip(line[0], found(*line), strict=True) if char == " "]
    return sum(right), len(right)


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
