"""Spaces that a network has missed, by how far apart characters stand.

Where one gap of a line in ASCII is a space, those beside signs that are as wide are some, too; and a sign
that stands free on both sides has spaces there. Chinese characters stand at equal distances, whatever their
shape: one that is clearly larger is a space; so is what is free between their square and a Latin word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from handler.decode import Character, Recognition
from handler.glyphs import glyphs_of
from handler.image import Pixels, ink_mask
from handler.scripts import SUPERSCRIPTS, is_ideograph

AS_WIDE, MIN_GAP = 0.98, 0.3
"""A gap in ASCII is a space that is this part of the narrowest one's width, and of the line's height."""
CLOSE_SIGNS = ".,:'’_"
"""Signs that stand far from their neighbours without a space, or whose spaces are settled."""
USUAL, ALIKE, WIDER, OPEN = 0.3, 0.07, 1.14, 0.17
"""The usual distance of Chinese characters is this quantile; as many distances, and three or more, differ
from it by the second part at most. A space makes it so many times as large, and leaves a gap of this part of
the line's height."""

SIGNS, FREE, FREER, FREE_EVEN, AS_OTHER = frozenset("+=/|<>×÷&"), 0.24, 2.0, 0.65, 0.8
"""Signs that may have spaces around them; of the font's size, what is open on both sides then, and of the
usual gap within words; or in letters' widths where all are as wide; and of the space on one side, what is
open on the other."""
SQUARE, BESIDE_SQUARE, BEYOND, LOOSER = 0.93, 0.15, 0.24, 0.15
"""The larger side of the largest Chinese character's ink, of its square's. Of that: how far from the square a
letter or figure begins if a space is between, how far from its ink, and how much farther than from the ink of
one to that of the next."""


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
    is_latin = len(shown) < len(reading.characters) or any(c.char in SIGNS for c in shown[1:-1])
    is_chinese = any(is_ideograph(c.char) for c in shown)
    if len(shown) < 3 or not (is_latin or is_chinese):
        return reading
    gaps = _gaps(reading.characters, shown, line)
    missed = {*_between_ascii(shown, gaps, line.shape[0]), *_around_signs(shown, gaps, line)}
    if is_chinese:
        missed |= {*_between_chinese(shown, gaps, line.shape[0]), *_between_scripts(shown, gaps, line)}
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


def _around_signs(shown: Sequence[Character], gaps: Sequence[_Gap], line: Pixels) -> list[int]:
    """Gaps on both sides of a sign that stands free, or on one where the other one's is a space."""
    signs = [n for n, c in enumerate(shown[1:-1], 1) if c.char in SIGNS and _is_between_words(shown, n)]
    glyphs = glyphs_of(line) if signs else None
    if not glyphs:
        return []
    pitch, is_even = glyphs.pitch
    within = [
        gap.width for gap, (one, other) in zip(gaps, pairwise(shown), strict=True)
        if one.char.isalnum() and other.char.isalnum() and not gap.is_space
    ]  # fmt: skip
    if not within:
        return []
    free = FREE_EVEN * pitch if is_even else max(FREE * glyphs.em, FREER * median(within))
    missed = []
    for n in signs:
        before, behind = gaps[n - 1], gaps[n]
        spaces = [gap.width for gap in (before, behind) if gap.is_space]
        least = min(free, AS_OTHER * spaces[0]) if len(spaces) == 1 else free
        if min(before.width, behind.width) >= least:
            missed += [place for place in (n - 1, n) if not gaps[place].is_space]
    return missed


def _is_between_words(shown: Sequence[Character], place: int) -> bool:
    beside = shown[place - 1].char, shown[place + 1].char
    return all(char.isascii() and char not in SIGNS or char in SUPERSCRIPTS for char in beside)


def _between_scripts(shown: Sequence[Character], gaps: Sequence[_Gap], line: Pixels) -> list[int]:
    """Gaps between a Chinese character and a letter or figure that reach beyond its square."""
    inks = [
        (gaps[n - 1].end if n else c.start, gaps[n].start if n < len(gaps) else c.end)
        for n, c in enumerate(shown)
    ]
    chinese = [is_ideograph(c.char) for c in shown]
    places = [
        n for n in range(len(gaps)) if _is_border(shown[n].char, shown[n + 1].char) and not gaps[n].is_space
    ]
    square = _square(inks, chinese, line) if places else 0.0
    usual = [gaps[n].width for n in range(len(gaps)) if chinese[n] and chinese[n + 1]]
    if not any(c.char.isascii() and c.char.isalpha() for c in shown):
        return []
    least = max(BEYOND * square, (median(usual) if usual else 0.0) + LOOSER * square)
    missed = []
    for n in places:
        start, end = inks[n] if chinese[n] else inks[n + 1]
        middle = (start + end) / 2
        free = inks[n + 1][0] - middle if chinese[n] else middle - inks[n][1]
        if gaps[n].width >= least and free - square / 2 >= BESIDE_SQUARE * square:
            missed.append(n)
    return missed


def _is_border(one: str, other: str) -> bool:
    return any(
        is_ideograph(chinese) and latin.isascii() and latin.isalnum()
        for chinese, latin in ((one, other), (other, one))
    )


def _square(inks: Sequence[tuple[float, float]], chinese: Sequence[bool], line: Pixels) -> float:
    """The side of the squares that Chinese characters stand in: by their distance, or by the largest one."""
    middles = [(start + end) / 2 for start, end in inks]
    steps = [b - a for (a, b), two in zip(pairwise(middles), pairwise(chinese), strict=True) if all(two)]
    if len(steps) > 1:
        return median(steps)
    ink, sides = ink_mask(line), [0.0]
    for (start, end), is_chinese in zip(inks, chinese, strict=True):
        if is_chinese and ink is not None:
            rows = np.flatnonzero(ink[:, int(start) : int(end) + 1].any(axis=1))
            sides += [end - start, float(rows[-1] - rows[0] + 1) if len(rows) else 0.0]
    return max(sides) / SQUARE
