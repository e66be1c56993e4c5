"""Boxes of a page's lines -> the order in which they are read, in rows.

Where a page has columns of running text they are read one after the other (columns before rows); everything
else is read row by row, as the cells of a table and the prices of a receipt want it. Lines set vertically
are read from right to left within their block.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from handler.layout import Box

DIRECTION_ASPECT = 3.0
"""A box that is this many times as wide as high tells in which direction its page runs."""
SAME_ROW = 0.5
"""Two lines stand in one row if they share at least this part of the lower one's height."""
TOUCHING = 0.6
"""Neighbours in a row may overlap by this part of the lower one's height: boxes are drawn with a margin."""
STAMP_ANGLE, STAMP_ASPECT = 7.0, 1.8
"""Degrees by which a stamp is turned from a row at least; less wide boxes, in heights, have no angle."""
SAME_BLOCK = 1.9
"""Vertical lines form a block if they are apart by at most this many times their width."""
FEWEST = 3
"""Lines that each of two columns has at least."""
RUNNING_SHARE, RUNNING_ASPECT = 0.8, 5.0
"""A line of running text fills this part of its column, and is this many times as wide as high; half of a
column's lines are such."""
DEPTH, GAPS = 3, 8
"""Columns beside each other are sought to this depth, each in so many of the likeliest places."""
CROSSING = 0.25
"""Share of lines, such as headings, that may cross the gutter between two columns."""


@dataclass(frozen=True)
class _Item:
    """A line, or a block of vertical lines in their order, with bounds on the straightened page."""

    lines: tuple[int, ...]
    left: float
    top: float
    right: float
    bottom: float
    angle: float = 0.0
    """Degrees clockwise on the straightened page."""

    @property
    def height(self) -> float:
        return self.bottom - self.top


def page_skew(boxes: Sequence[Box]) -> float:
    """Degrees clockwise by which the page's lines are turned: the median of its wide boxes."""
    angles = [box.angle for box in boxes if box.width >= DIRECTION_ASPECT * box.height]
    return median(angles) if angles else 0.0


def reading_order(boxes: Sequence[Box], vertical: Sequence[bool]) -> list[list[int]]:
    """Rows of indices of `boxes` in reading order; `vertical` marks lines that are read downwards."""
    skew = page_skew(boxes)
    radians = np.radians(-skew)
    turn = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    items = []
    for index, box in enumerate(boxes):
        corners = (box.corners() @ turn).round(1)  # equal edges stay equal
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        angle = box.angle - skew if box.width >= STAMP_ASPECT * box.height else 0.0
        items.append(_Item((index,), left, top, right, bottom, angle))
    level = [item for item, down in zip(items, vertical, strict=True) if not down]
    columns = [item for item, down in zip(items, vertical, strict=True) if down]
    return [list(row) for row in _order(level + _blocks(columns))]


def _blocks(items: list[_Item]) -> list[_Item]:
    """Neighbouring vertical lines put together, from right to left; each block is then one item."""
    waiting, blocks = sorted(items, key=lambda item: -item.right), []
    while waiting:
        block = [waiting.pop(0)]
        for item in list(waiting):
            last = block[-1]
            near = last.left - item.right <= SAME_BLOCK * (last.right - last.left)
            if near and _shared(last, item) > 0:
                block.append(item)
                waiting.remove(item)
        blocks.append(_joined(block))
    return blocks


def _joined(items: list[_Item]) -> _Item:
    return _Item(
        tuple(line for item in items for line in item.lines),
        min(item.left for item in items),
        min(item.top for item in items),
        max(item.right for item in items),
        max(item.bottom for item in items),
    )


def _shared(one: _Item, other: _Item) -> float:
    """Rows of pixels that both cover; negative if they are apart."""
    return min(one.bottom, other.bottom) - max(one.top, other.top)


def _order(items: list[_Item]) -> list[tuple[int, ...]]:
    """Columns one after the other; what crosses their gutter stands between the parts above and below."""
    gutter = _gutter(items)
    if gutter is None:
        return _rows(items)
    crossing = sorted((i for i in items if i.left < gutter < i.right), key=lambda item: item.top)
    beside = [item for item in items if item not in crossing]
    ordered = []
    for heading in [*crossing, None]:
        above = [i for i in beside if heading is None or i.top + i.bottom < heading.top + heading.bottom]
        beside = [item for item in beside if item not in above]
        ordered += _order([item for item in above if item.right <= gutter])
        ordered += _order([item for item in above if item.left >= gutter])
        ordered += _rows([heading]) if heading else []
    return ordered


def _gutter(items: list[_Item], depth: int = DEPTH) -> float | None:
    """The column of pixels between columns of running text that the fewest lines cross, if there is one."""
    for crossing, gutter in _gaps(items):
        left = [item for item in items if item.right <= gutter]
        right = [item for item in items if item.left >= gutter]
        few = crossing <= CROSSING * len(items)
        if few and _is_column(left, depth - 1) and _is_column(right, depth - 1):
            return gutter
    return None


def _gaps(items: list[_Item]) -> list[tuple[int, float]]:
    """Where fewer lines cross than to both sides: how many do, and the middle; the best few, best first."""
    lefts, rights = (np.sort([getattr(item, side) for item in items]) for side in ("left", "right"))
    edges = np.unique(np.concatenate([lefts, rights]))
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    crossing = len(items) - np.searchsorted(rights, middles, "right")
    crossing -= len(items) - np.searchsorted(lefts, middles, "left")
    least = [
        (int(crossing[n]), -float(widths[n]), float(middles[n]))
        for n in range(1, len(middles) - 1)
        if crossing[n] < crossing[n - 1] and crossing[n] < crossing[n + 1]
    ]
    return [(count, middle) for count, _, middle in sorted(least)[:GAPS]]


def _is_column(items: list[_Item], depth: int) -> bool:
    """Whether these are lines of running text, enough of them, long, and filling their width; or columns."""
    if len(items) < FEWEST:
        return False
    width = max(item.right for item in items) - min(item.left for item in items)
    running = [i for i in items if i.right - i.left >= max(RUNNING_SHARE * width, RUNNING_ASPECT * i.height)]
    return 2 * len(running) >= len(items) or (depth > 0 and _gutter(items, depth) is not None)


def _rows(items: list[_Item]) -> list[tuple[int, ...]]:
    """Rows from top to bottom, the lines of each from left to right; vertical lines share none."""
    rows: list[list[_Item]] = []
    for item in sorted(items, key=lambda item: item.top + item.bottom):
        fits = [row for row in rows[-3:] if _in_row(item, row)]
        (fits[-1].append(item) if fits else rows.append([item]))
    ordered = []
    for row in rows:
        row.sort(key=lambda item: item.left)
        if len(row) > 1:
            ordered.append(tuple(line for item in row for line in item.lines))
        else:
            ordered += [(line,) for line in row[0].lines]
    return ordered


def _in_row(item: _Item, row: list[_Item]) -> bool:
    """Whether a line is beside the one of the row that is nearest to it, as level, and on none of them."""
    if any(abs(item.angle - other.angle) >= STAMP_ANGLE for other in row):
        return False
    overlaps = [min(item.right, other.right) - max(item.left, other.left) for other in row]
    lowest = min(other.height for other in [item, *row])
    if max(overlaps) > TOUCHING * lowest or any(len(other.lines) > 1 for other in [item, *row]):
        return False
    near = min(row, key=lambda other: max(other.left - item.right, item.left - other.right))
    return _shared(item, near) >= SAME_ROW * min(item.height, near.height)
