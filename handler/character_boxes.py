"""Where each character stands in its line: CTC tells the order and about where, the ink tells the rest."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from handler.decode import Character
from handler.image import Pixels, ink_levels

DISTANCE_COST = 0.8
"""Cost of a boundary half a character from where CTC puts it; cutting full ink costs 1."""
INKED = 0.2
"""Share of full ink from which on a column shows something."""


def refine(characters: tuple[Character, ...], line: Pixels) -> tuple[Character, ...]:
    """Characters with their extents moved to the ink of their line, in its pixels.

    Boundaries between neighbours move to where the least ink is near by. An extent then lies between its
    ink and its boundaries, as much wider than the one as narrower than the other: some people mean the ink
    by a character's box, some its share of the line.
    """
    if not characters:
        return ()
    ink = ink_by_column(line)
    middles = [c.middle for c in characters]
    inner = [
        boundary(ink, left, right, one.end)
        for left, right, one in zip(middles, middles[1:], characters, strict=False)
    ]
    first, last = outer(ink, characters[0], characters[-1])
    bounds = [first, *inner, last]
    extents = [between(ink, start, end) for start, end in zip(bounds, bounds[1:], strict=False)]
    return tuple(
        replace(char, start=start, end=end) for char, (start, end) in zip(characters, extents, strict=True)
    )


def ink_by_column(line: Pixels) -> NDArray[np.float64]:
    """(w,) how far each column's levels are from the line's background, 1 where they are farthest."""
    grey = ink_levels(line)
    background = int(np.bincount(grey.ravel(), minlength=256).cumsum().searchsorted(grey.size // 2))
    levels = grey.astype(np.int16) - background
    away = np.maximum(levels.max(axis=0), -levels.min(axis=0)).astype(np.float64)
    ink: NDArray[np.float64] = away / max(float(away.max()), 1.0)
    return ink


def boundary(ink: NDArray[np.float64], left: float, right: float, expected: float) -> float:
    """The place between two characters' middles with the least ink, not far from the expected one."""
    columns = np.arange(max(0, int(left)), min(len(ink), int(right) + 1))
    if len(columns) < 2:
        return expected
    cost = ink[columns] + DISTANCE_COST * np.abs(columns + 0.5 - expected) / max(1.0, (right - left) / 2)
    return float(columns[int(cost.argmin())] + 0.5)


def outer(ink: NDArray[np.float64], first: Character, last: Character) -> tuple[float, float]:
    """Where a line starts and ends: a pixel beyond its outermost ink, if that is near its characters."""
    (shown,) = np.nonzero(ink > INKED)
    start, end = (float(shown[0]) - 1, float(shown[-1]) + 2) if len(shown) else (first.start, last.end)
    near_start = first.start - (first.end - first.start) <= start < first.middle
    near_end = last.middle < end <= last.end + (last.end - last.start)
    start, end = start if near_start else first.start, end if near_end else last.end
    return max(0.0, start), min(float(len(ink)), end)


def between(ink: NDArray[np.float64], start: float, end: float) -> tuple[float, float]:
    """The extent between a cell and the ink in it whose width is the geometric mean of theirs."""
    first = int(start)
    (shown,) = np.nonzero(ink[first : max(first + 1, int(np.ceil(end)))] > INKED)
    if not len(shown):
        return start, end
    left, right = max(start, float(first + shown[0])), min(end, float(first + shown[-1] + 1))
    cell, inked = end - start, max(right - left, 1.0)
    part = ((cell * inked) ** 0.5 - inked) / max(cell - inked, 1e-6)
    return left - part * (left - start), right + part * (end - right)
