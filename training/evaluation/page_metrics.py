"""Figures of whole pages: lines found, by their boxes, and words read, wherever on the page they stand."""

from collections import Counter

from handler.image import Bounds
from training.evaluation.metrics import folded

FOUND = 0.5
"""Intersection over union of its bounds with a line's from which on a box has found the line."""

TextLine = tuple[Bounds, str]
"""The axis-aligned bounds of a line, and its text."""


def area(bounds: Bounds) -> float:
    """Pixels; 0 where right is left of left, or bottom above top."""
    left, top, right, bottom = bounds
    return max(0.0, right - left) * max(0.0, bottom - top)


def overlap(one: Bounds, other: Bounds) -> float:
    """Intersection over union, 0 to 1."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[2], other[2]), min(one[3], other[3])
    shared = area((left, top, right, bottom))
    return shared / (area(one) + area(other) - shared) if shared else 0.0


def match(read: list[Bounds], labelled: list[Bounds]) -> list[tuple[int, int]]:
    """Pairs (place in read, place in labelled) that overlap by FOUND or more; each place is in one at most.

    Greedy: of the pairs that are left the one that overlaps the most is taken first.
    """
    near = [(overlap(a, b), i, j) for i, a in enumerate(read) for j, b in enumerate(labelled)]
    pairs: dict[int, int] = {}
    for share, i, j in sorted(near, key=lambda pair: -pair[0]):
        if share >= FOUND and i not in pairs and j not in pairs.values():
            pairs[i] = j
    return list(pairs.items())


def words(lines: list[TextLine]) -> Counter[str]:
    """How often each word is in some lines: what stands between spaces, after NFKC and case folding."""
    return Counter(word for _, text in lines for word in folded(text).split())


def score(pages: list[tuple[list[TextLine], list[TextLine]]]) -> dict[str, float]:
    """Figures of pages, each as (lines read, lines labelled); shares from 0 to 1 of the sums over all pages.

    `line_f1`, `line_precision`, `line_recall`: lines found, as `match` pairs them, whatever their text;
    `word_recall`, `word_precision`: words that are on the page as often as they were read, wherever they are.
    """
    lines_right = sum(len(match([b for b, _ in read], [b for b, _ in labels])) for read, labels in pages)
    lines_read, lines = (sum(len(page[side]) for page in pages) for side in (0, 1))
    words_right = sum((words(read) & words(labels)).total() for read, labels in pages)
    words_read, words_there = (sum(words(page[side]).total() for page in pages) for side in (0, 1))

    def share(part: int, of: int) -> float:
        return round(part / max(1, of), 4)

    return {
        "line_f1": share(2 * lines_right, lines_read + lines),
        "line_precision": share(lines_right, lines_read),
        "line_recall": share(lines_right, lines),
        "word_recall": share(words_right, words_there),
        "word_precision": share(words_right, words_read),
        "lines": lines,
        "lines_read": lines_read,
        "words": words_there,
        "words_read": words_read,
    }
