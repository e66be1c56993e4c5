"""Boxes of vertical lines: one column each, no wider than its ink."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from handler.image import Pixels, ink_mask
from handler.layout import Box

BETWEEN = 0.3
"""A stretch without ink parts two columns from this on, in widths of the widest ink that is in one piece."""
SLIM = 0.5
"""Of the widest column's width: what is less wide is a part of the column beside it."""
MARGIN = 0.05
"""Of a column's width: ground that is left around its ink."""
PART_GAP, PART_SHARE, PART_WIDTH = 0.3, 0.7, 1.3
"""Of a column's width: the rows between two parts of it at most, how much they share across at least, and how
wide a part is at most."""

Span = tuple[int, int]
"""Where something begins and ends, in pixels."""


def columns_apart(page: Pixels, boxes: Sequence[Box]) -> list[Box]:
    """The boxes, of which level ones that are higher than wide are cut where ground parts their columns."""
    return _joined([part for box in boxes for part in _columns(page, box)])


def _joined(boxes: Sequence[Box]) -> list[Box]:
    """The boxes, those of parts of one column put together."""
    joined: list[Box] = []
    for box in sorted(boxes, key=lambda box: box.y):
        upper = next((other for other in joined if _goes_on(other, box)), None)
        if upper:
            joined.remove(upper)
            box = _around(upper, box)
        joined.append(box)
    return joined


def _goes_on(upper: Box, lower: Box) -> bool:
    (left, _, right, bottom), (start, top, end, _) = upper.bounds(), lower.bounds()
    taller = max(upper, lower, key=lambda box: box.height)
    is_column = taller.is_level and taller.height > taller.width
    is_as_wide = max(upper.width, lower.width) <= PART_WIDTH * taller.width
    is_below = min(right, end) - max(left, start) >= PART_SHARE * min(upper.width, lower.width)
    return is_column and is_as_wide and is_below and top - bottom <= PART_GAP * taller.width


def _around(one: Box, other: Box) -> Box:
    (left, top, right, bottom), (start, first, end, last) = one.bounds(), other.bounds()
    left, top, right, bottom = min(left, start), min(top, first), max(right, end), max(bottom, last)
    taller = max(one, other, key=lambda box: box.height)
    return _bounded(taller, left, top, right, bottom)


def narrowed(page: Pixels, box: Box) -> Box:
    """The box of a column, as wide as its ink."""
    mask = ink_mask(page, box.bounds()) if box.is_level else None
    spans = _spans(mask) if mask is not None else []
    if not spans:
        return box
    left, right = spans[0][0], spans[-1][1]
    margin = MARGIN * (right - left)
    start = round(max(0.0, box.bounds()[0]))
    return _within(box, start + left - margin, box.bounds()[1], start + right + margin, box.bounds()[3])


def _columns(page: Pixels, box: Box) -> Iterator[Box]:
    mask = ink_mask(page, box.bounds()) if box.is_level and box.height > box.width else None
    parts = _parts(mask) if mask is not None else []
    if mask is None or not parts:
        yield box
    elif len(parts) == 1:
        yield narrowed(page, box)
    else:
        first, start = (round(max(0.0, side)) for side in box.bounds()[:2])
        for left, right in parts:
            (rows,) = np.nonzero(mask[:, left:right].any(axis=1))
            margin = MARGIN * (right - left)
            top, bottom = start + int(rows[0]) - margin, start + int(rows[-1]) + 1 + margin
            yield _within(box, first + left - margin, top, first + right + margin, bottom)


def _parts(mask: NDArray[np.uint8]) -> list[Span]:
    """Where the columns are across a mask (H, W) of ink."""
    spans = _spans(mask)
    widest = max((right - left for left, right in spans), default=0)
    parts: list[Span] = []
    for left, right in spans:
        if parts and left - parts[-1][1] < BETWEEN * widest:
            parts[-1] = parts[-1][0], right
        else:
            parts.append((left, right))
    full = max((right - left for left, right in parts), default=0)
    return (
        parts if all(right - left >= SLIM * full for left, right in parts) else [(parts[0][0], parts[-1][1])]
    )


def _spans(mask: NDArray[np.uint8]) -> list[Span]:
    """Where ink begins and ends across a mask (H, W), each time."""
    edges = np.flatnonzero(np.diff(mask.max(axis=0), prepend=0, append=0))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _within(box: Box, left: float, top: float, right: float, bottom: float) -> Box:
    """These bounds, as far as they lie in the box."""
    least, highest, most, lowest = box.bounds()
    return _bounded(box, max(left, least), max(top, highest), min(right, most), min(bottom, lowest))


def _bounded(box: Box, left: float, top: float, right: float, bottom: float) -> Box:
    return replace(box, x=(left + right) / 2, y=(top + bottom) / 2, width=right - left, height=bottom - top)
