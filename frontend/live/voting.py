"""Several readings of one line -> the text that most of them support, character by character.

Fiscus, "A post-processing system to yield reduced word error rates: Recognizer Output Voting Error Reduction
(ROVER)" (1997): readings are aligned with each other, and each place is voted over on its own, so that
readings that are each wrong somewhere else are right together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from difflib import SequenceMatcher
from typing import NamedTuple


class Ballot(NamedTuple):
    """A reading of a line in one frame, weighted by its confidence: 0 to 1."""

    text: str
    weight: float
    frame: int


def vote(ballots: Collection[Ballot]) -> tuple[str, float]:
    """The text, and the least support of a character: the mean confidence of all readings in it.

    All readings are aligned with the one that has the most weight.
    """
    weights: dict[str, float] = defaultdict(float)
    for ballot in ballots:
        weights[ballot.text] += ballot.weight
    pivot = max(weights, key=lambda text: weights[text])
    places: list[dict[str, float]] = [defaultdict(float) for _ in range(2 * len(pivot) + 1)]
    for text, weight in weights.items():
        for place, piece in zip(places, _aligned(pivot, text), strict=True):
            place[piece] += weight
    chosen = [max(place, key=lambda piece: place[piece]) for place in places]
    support = min(place[piece] for place, piece in zip(places, chosen, strict=True))
    return "".join(chosen), support / len(ballots)


def similarity(first: str, second: str) -> float:
    """0, nothing in common, to 1, the same."""
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def _aligned(pivot: str, text: str) -> list[str]:
    """The pieces of `text` before, in place of, and after each character of `pivot`: 2 n + 1 pieces."""
    pieces = [""] * (2 * len(pivot) + 1)
    for _, start, end, first, last in SequenceMatcher(None, pivot, text, autojunk=False).get_opcodes():
        for place, char in zip(range(start, end), text[first:last], strict=False):
            pieces[2 * place + 1] = char
        pieces[2 * end] += text[first + end - start : last]
    return pieces
