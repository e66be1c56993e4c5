"""Boxes of vertical lines: one column each, no wider than its ink."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.image import Pixels, ink_mask
from handler.layout import Box

COLUMN_GAP = 0.3
"""A stretch without ink parts two columns from this on, in widths of the widest ink that is in one piece."""
NARROWEST_COLUMN = 0.5
"""Of the widest column's width: what is less wide is a part of the column beside it."""
GROUND = 0.05
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
            taller, other = sorted((upper, box), key=lambda part: -part.height)
            box = taller.reaching_over(other)
        joined.append(box)
    return joined


def _goes_on(upper: Box, lower: Box) -> bool:
    (left, _, right, bottom), (start, top, end, _) = upper.bounds(), lower.bounds()
    taller = max(upper, lower, key=lambda box: box.height)
    is_column = taller.is_level and taller.height > taller.width
    is_as_wide = max(upper.width, lower.width) <= PART_WIDTH * taller.width
    is_below = min(right, end) - max(left, start) >= PART_SHARE * min(upper.width, lower.width)
    return is_column and is_as_wide and is_below and top - bottom <= PART_GAP * taller.width


def narrowed(page: Pixels, box: Box) -> Box:
    """The box of a column, as wide as its ink."""
    mask = ink_mask(page, box.bounds()) if box.is_level else None
    spans = _spans(mask) if mask is not None else []
    return _as_wide_as(box, (spans[0][0], spans[-1][1])) if spans else box


def _columns(page: Pixels, box: Box) -> Iterator[Box]:
    mask = ink_mask(page, box.bounds()) if box.is_level and box.height > box.width else None
    if mask is None or not mask.any():
        yield box
        return
    parts = _parts(mask)
    for left, right in parts:
        column = _as_wide_as(box, (left, right))
        if len(parts) > 1:
            rows = np.flatnonzero(mask[:, left:right].any(axis=1))
            _, top, _, bottom = box.bounds()
            column = column.between(*_on_page((int(rows[0]), int(rows[-1]) + 1), right - left, (top, bottom)))
        yield column


def _as_wide_as(box: Box, ink: Span) -> Box:
    """The box around what is ink in it across, and a little ground."""
    left, _, right, _ = box.bounds()
    return box.spanning(*_on_page(ink, ink[1] - ink[0], (left, right)))


def _on_page(ink: Span, width: int, sides: tuple[float, float]) -> tuple[float, float]:
    """Where ink of a box with these sides is on the page, with the ground around a column so wide."""
    first, ground = round(max(0.0, sides[0])), GROUND * width
    return max(first + ink[0] - ground, sides[0]), min(first + ink[1] + ground, sides[1])


def _parts(mask: NDArray[np.uint8]) -> list[Span]:
    """Where the columns are across a mask (H, W) of ink."""
    spans = _spans(mask)
    widest = max((right - left for left, right in spans), default=0)
    parts: list[Span] = []
    for left, right in spans:
        if parts and left - parts[-1][1] < COLUMN_GAP * widest:
            parts[-1] = parts[-1][0], right
        else:
            parts.append((left, right))
    full = max((right - left for left, right in parts), default=0)
    if any(right - left < NARROWEST_COLUMN * full for left, right in parts):
        return [(parts[0][0], parts[-1][1])]
    return parts


def _spans(mask: NDArray[np.uint8]) -> list[Span]:
    """Where ink begins and ends across a mask (H, W), each time."""
    edges = np.flatnonzero(np.diff(mask.max(axis=0), prepend=0, append=0))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
