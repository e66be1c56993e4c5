"""Boxes of a detector -> boxes of whole lines: with their underscores and raised figures, one column each,
entries of a table of contents apart from their leaders.

The detector looks for the middle of a line. Underscores lie below the box that it makes of that, an exponent
gets one of its own above the line, and of two columns that stand close some lines become one.
"""

from collections.abc import Sequence

import numpy as np

from handler.image import Bounds, Pixels, ink_mask
from handler.layout import Box
from handler.leaders import split_at_leaders
from handler.underscores import with_underscores

RAISED, RAISED_ASPECT = 0.75, 1.8
"""A raised figure's height at most, of the line's, and its width at most, of its own height."""
AT_END = 0.25
"""Of the line's height: how far from its end a raised figure begins at most, how far below its top at most,
and how far above its bottom it ends."""
SMALL_PART, SHORT_PART, BESIDE, COLUMN = 0.62, 1.0, 0.25, 2.0
"""Of the height of large figures: that of a sign of money or of cents beside them at most, their width, and
the gap between. What is so many times as high as wide, or more, is a column."""
OVERLAP, CLEARANCE = 0.15, 0.2
"""Parts of the lower box's height: how much two boxes overlap that are parted, and the rows without ink that
are between them."""
GUTTER = 0.7
"""A gap between two columns is as wide as this part of a line's height, or wider."""
TWO_COLUMNS_ASPECT = 8.0
"""A line may reach over two columns that is this many times as wide as high."""
ALIGNED = 0.5
"""Of a line's height: lines of a column begin within this of each other."""
AROUND, WITNESSES = 8.0, 2
"""Heights of a line above and below it in which others show a gutter, and how many of them on each side."""

Gap = tuple[float, float]
"""Where a stretch without ink starts and ends, in pixels across the page."""


def line_boxes(page: Pixels, found: Sequence[Box]) -> list[Box]:
    """The boxes of whole lines, in no order."""
    boxes = with_underscores(split_at_gutters(page, split_at_leaders(page, found)), page)
    return take_in_small(take_in_raised(keep_apart(page, boxes)))


def keep_apart(page: Pixels, boxes: Sequence[Box]) -> list[Box]:
    """The boxes, those of level lines that reach into the one below cut where rows without ink part them."""
    apart = list(boxes)
    level = sorted((n for n, box in enumerate(boxes) if box.is_level), key=lambda n: boxes[n].y)
    for place, upper in enumerate(level):
        for lower in level[place + 1 :]:
            one, other = apart[upper], apart[lower]
            if other.y - other.height > one.y + one.height:
                break
            if _reaches_into(one, other) and (row := _row_between(page, one, other)):
                apart[upper], apart[lower] = _cut_at(one, row), _cut_at(other, row)
    return apart


def _reaches_into(upper: Box, lower: Box) -> bool:
    """Whether a box overlaps the one below by more than the margin that boxes are drawn with."""
    lowest = min(upper.height, lower.height)
    down = (upper.height + lower.height) / 2 - (lower.y - upper.y)
    across = (upper.width + lower.width) / 2 - abs(upper.x - lower.x)
    return lower.y - upper.y > lowest / 2 and down > OVERLAP * lowest and across > lowest


def _row_between(page: Pixels, upper: Box, lower: Box) -> float | None:
    """The middle of the most rows without ink between the middles of two boxes."""
    bounds = upper.bounds(), lower.bounds()
    left, right = max(b[0] for b in bounds), min(b[2] for b in bounds)
    ink = ink_mask(page, (left, upper.y, right, lower.y))
    inked = np.array([]) if ink is None else np.flatnonzero(ink.any(axis=1))
    if len(inked) < 2 or np.diff(inked).max() < CLEARANCE * min(upper.height, lower.height):
        return None
    widest = int(np.argmax(np.diff(inked)))
    return round(upper.y) + float(inked[widest] + inked[widest + 1] + 1) / 2


def _cut_at(box: Box, row: float) -> Box:
    """The part of a box above or below a row, whichever its middle lies in."""
    top, bottom = box.y - box.height / 2, box.y + box.height / 2
    top, bottom = (top, min(bottom, row)) if row > box.y else (max(top, row), bottom)
    return box.between(top, bottom)


def take_in_raised(boxes: Sequence[Box]) -> list[Box]:
    """Lines reach over the raised figures above them, which have no boxes of their own any more."""
    lines = {place: (box, box.bounds()) for place, box in enumerate(boxes)}
    for number, small in enumerate(boxes):
        if not small.is_level or small.width > RAISED_ASPECT * small.height:
            continue
        bounds = small.bounds()
        for place, (line, around) in lines.items():
            if place != number and line.is_level and _is_raised(small.height, bounds, around):
                taken = line.reaching_over(small)
                lines[place] = taken, taken.bounds()
                del lines[number]
                break
    return [box for box, _ in lines.values()]


def _is_raised(height: float, bounds: Bounds, line: Bounds) -> bool:
    """Whether what is slim and so high is an exponent: its foot is in the upper half of the line beside it,
    its top juts out."""
    left, top, _, bottom = bounds
    line_left, line_top, line_right, line_bottom = line
    line_height = line_bottom - line_top
    if height > RAISED * line_height or top <= line_top - RAISED * line_height:
        return False
    is_column = line_height >= COLUMN * (line_right - line_left)
    if abs(left - line_right) <= AT_END * line_height and not is_column:
        lowest = line_bottom - AT_END * line_height
        return line_top < bottom < lowest and top < line_top + AT_END * line_height
    return line_left < left < line_right + height and line_top < bottom < line_top + line_height / 2


def take_in_small(boxes: Sequence[Box]) -> list[Box]:
    """Large figures reach over what is small and stands close beside them: a sign of money, cents."""
    lines = dict(enumerate(boxes))
    highest = max((box.height for box in boxes), default=0.0)
    for number, small in enumerate(boxes):
        if small.height > SMALL_PART * highest or small.width > SHORT_PART * highest:
            continue
        for place, large in lines.items():
            if place != number and _is_part(small, large):
                lines[place] = large.reaching_over(small)
                del lines[number]
                break
    return list(lines.values())


def _is_part(small: Box, large: Box) -> bool:
    is_column = any(box.height > COLUMN * box.width for box in (small, large))
    if (
        is_column
        or not large.is_level
        or small.height > SMALL_PART * large.height
        or small.width > SHORT_PART * large.height
    ):
        return False
    gap = abs(small.x - large.x) - (small.width + large.width) / 2
    within = abs(small.y - large.y) <= (large.height - small.height) / 2 + 0.1 * large.height
    return within and -small.width / 2 < gap <= BESIDE * large.height


def split_at_gutters(page: Pixels, found: Sequence[Box]) -> list[Box]:
    """The boxes, each in two that reaches over the gutter between columns which the lines around it show."""
    gaps = [_gaps(page, box) if box.width >= TWO_COLUMNS_ASPECT * box.height else [] for box in found]
    parts = []
    for number, box in enumerate(found):
        if not gaps[number]:
            parts.append(box)
            continue
        near = [n for n, o in enumerate(found) if n != number and abs(o.y - box.y) < AROUND * box.height]
        lines = [(found[n], gaps[n]) for n in near if found[n].width > 2 * found[n].height]
        gutter = next((gap for gap in gaps[number] if _is_gutter(gap, box.height, lines)), None)
        parts += _halves(box, *gutter) if gutter else [box]
    return parts


def _is_gutter(gap: Gap, height: float, near: Sequence[tuple[Box, list[Gap]]]) -> bool:
    """Whether enough lines end before a gap, begin where it ends, or have one there themselves."""
    start, end = gap
    before = after = crossing = 0
    for box, gaps in near:
        left, right = box.x - box.width / 2, box.x + box.width / 2
        if any(
            other[0] < end and start < other[1] and abs(other[1] - end) <= ALIGNED * height for other in gaps
        ):
            before, after = before + 1, after + 1
        elif left < start - height and right > end + height:
            crossing += 1
        elif abs(left - end) <= ALIGNED * height:
            after += 1
        elif right <= end and left < start - 2 * height:
            before += 1
    return min(before, after) >= WITNESSES and 3 * crossing <= after


def _halves(box: Box, start: float, end: float) -> list[Box]:
    left, right = box.x - box.width / 2, box.x + box.width / 2
    edge = max(1.0, (end - start) / 4)
    return [box.spanning(left, start + edge), box.spanning(end - edge, right)]


def _gaps(page: Pixels, box: Box) -> list[Gap]:
    """Start and end of stretches of the line without ink that are as wide as a gutter, the widest first."""
    ink = ink_mask(page, box.bounds()) if box.is_level else None
    if ink is None:
        return []
    inked = np.flatnonzero(ink.any(axis=0))
    widths = np.diff(inked)
    places = [n for n in np.argsort(-widths).tolist() if widths[n] >= GUTTER * box.height]
    left = max(0.0, box.bounds()[0])
    return [(left + float(inked[n]) + 1, left + float(inked[n + 1])) for n in places]
