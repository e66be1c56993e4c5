"""Spaces that a network has missed, by how far apart characters stand.

Where one gap of a line in ASCII is a space, those beside signs that are as wide are some, too. Chinese
characters stand at equal distances, whatever their shape: one that is clearly larger is a space.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from handler.decode import Character, Recognition
from handler.image import Pixels, ink_mask
from handler.scripts import is_ideograph

AS_WIDE, MIN_GAP = 0.98, 0.3
"""A gap in ASCII is a space that is this part of the narrowest one's width, and of the line's height."""
CLOSE_SIGNS = ".,:'’_"
"""Signs that stand far from their neighbours without a space, or whose spaces are settled."""
USUAL, ALIKE, WIDER, OPEN = 0.3, 0.07, 1.14, 0.17
"""The usual distance of Chinese characters is this quantile; as many distances, and three or more, differ
from it by the second part at most. A space makes it so many times as large, and leaves a gap of this part of
the line's height."""


@dataclass(frozen=True)
class _Gap:
    """Between two neighbours: columns [start, end) without ink, and whether a space was read there."""

    start: float
    end: float
    is_space: bool

    @property
    def width(self) -> float:
        return self.end - self.start


def with_spaces(reading: Recognition, line: Pixels) -> Recognition:
    """The reading of a line (h, w) or (h, w, 3), extents in its pixels, with the spaces that were missed."""
    shown = [c for c in reading.characters if c.char != " "]
    is_latin = any(c.char == " " for c in reading.characters)
    if len(shown) < 3 or not (is_latin or sum(is_ideograph(c.char) for c in shown) > 3):
        return reading
    gaps = _gaps(reading.characters, shown, line)
    height = line.shape[0]
    missed = {*_between_ascii(shown, gaps, height), *_between_chinese(shown, gaps, height)}
    if not missed:
        return reading
    spaces = [Character(" ", shown[n].confidence, gaps[n].start, gaps[n].end) for n in sorted(missed)]
    characters = tuple(sorted((*reading.characters, *spaces), key=lambda c: c.start + c.end))
    return replace(reading, text="".join(c.char for c in characters), characters=characters)


def _gaps(characters: Sequence[Character], shown: Sequence[Character], line: Pixels) -> list[_Gap]:
    """The gap behind each character that is no space, but the last."""
    ink = _inked_columns(line)
    places = [n for n, c in enumerate(characters) if c.char != " "]
    gaps = []
    for (left, right), (one, other) in zip(pairwise(places), pairwise(shown), strict=True):
        first, last = int(one.middle), int(other.middle) + 1
        inked = first + np.flatnonzero(ink[first:last])
        edges = np.concatenate([[first - 1], inked, [last]])
        widest = int(np.argmax(np.diff(edges)))
        gaps.append(_Gap(float(edges[widest]) + 1, float(edges[widest + 1]), right - left > 1))
    return gaps


def _inked_columns(line: Pixels) -> NDArray[np.bool_]:
    """(w,): whether a column shows ink."""
    mask = ink_mask(line)
    return np.zeros(line.shape[1], np.bool_) if mask is None else np.asarray(mask.any(axis=0), np.bool_)


def _between_ascii(shown: Sequence[Character], gaps: Sequence[_Gap], height: int) -> list[int]:
    letters = [n for n, two in enumerate(pairwise(shown)) if all(c.char.isascii() for c in two)]
    spaces = [gaps[n].width for n in letters if gaps[n].is_space]
    least = max(MIN_GAP * height, AS_WIDE * min(spaces)) if spaces else np.inf
    return [
        n
        for n in letters
        if gaps[n].width >= least
        and not gaps[n].is_space
        and _may_stand_apart(shown[n].char + shown[n + 1].char)
    ]


def _may_stand_apart(pair: str) -> bool:
    return not pair.isalnum() and not set(pair) & set(CLOSE_SIGNS)


def _between_chinese(shown: Sequence[Character], gaps: Sequence[_Gap], height: int) -> list[int]:
    lefts, rights = [None, *(gap.end for gap in gaps)], [*(gap.start for gap in gaps), None]
    middles = [
        (c.middle if left is None or right is None else (left + right) / 2)
        for c, left, right in zip(shown, lefts, rights, strict=True)
    ]
    pairs = [n for n, two in enumerate(pairwise(shown)) if all(is_ideograph(c.char) for c in two)]
    distances = {n: middles[n + 1] - middles[n] for n in pairs}
    if len(distances) < 3:
        return []
    usual = float(np.quantile(list(distances.values()), USUAL))
    alike = sum(abs(distance - usual) <= ALIKE * usual for distance in distances.values())
    if alike < max(3, USUAL * len(distances)):
        return []
    return [
        n
        for n, distance in distances.items()
        if distance >= WIDER * usual and gaps[n].width >= OPEN * height and not gaps[n].is_space
    ]
