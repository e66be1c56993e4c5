"""A budget of lines for each batch: what is left of a long page is read when its request is sent again.

TorchServe answers all requests of a batch together, so each waits for the longest page among them. A request
that brings a token may be read in slices: a batch reads LINES_PER_BATCH lines of such requests at most. An
unfinished one is answered with 202; sent again with its token, it goes on where it stood.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Generic, TypeVar

LINES_PER_BATCH = 200
"""Lines of a batch's requests with a token: about those of one full page."""
KEPT, KEPT_SECONDS = 16, 10.0
"""Unfinished requests that are kept, as many as a batch has, and how long each is waited for."""

T = TypeVar("T")


class Unfinished(Generic[T]):
    """Requests that a batch read a part of, by their tokens. What is not asked for again is forgotten."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, T]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, token: str) -> T | None:
        """The request with this token, if it is still kept."""
        _, job = self._kept.pop(token, (0.0, None))
        return job

    def keep(self, token: str, job: T) -> None:
        """Keep a request until it is sent again; of too many the oldest goes."""
        self._kept[token] = monotonic(), job
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

    def forget_old(self) -> None:
        """Drop what was not asked for again in time, with its images."""
        oldest = monotonic() - KEPT_SECONDS
        self._kept = {token: kept for token, kept in self._kept.items() if kept[0] >= oldest}


def shares(needs: Sequence[int], budget: int) -> list[int]:
    """How many lines of a budget each request gets, by what they need; the longest waiting comes first.

    It gets half, so that it ends however many others come. These get the rest, the shortest first, and what
    they leave goes to it again.
    """
    given = [0] * len(needs)
    turns = [(0, budget // 2)] if needs else []
    turns += [(place, budget) for place in sorted(range(1, len(needs)), key=needs.__getitem__)]
    for place, most in [*turns, *((place, budget) for place, _ in turns[:1])]:
        given[place] += min(needs[place] - given[place], budget - sum(given), most)
    return given
