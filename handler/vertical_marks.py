"""Marks that stand otherwise in a column than in a row: 「」（）ー lie turned, 、。 stand at the top right.

Networks that learned from rows take them for something else. What is small and at the right is put to the
left below, where it is in a row. What is flat or slim is tried turned back, and the reading says if it was.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from handler.decode import Character
from handler.glyphs import Piece
from handler.image import Pixels, Points, ground_colour, ink_mask
from handler.layout import Box
from handler.scripts import is_ideograph

SMALL, RIGHT = 0.42, 0.55
"""Sides of a comma or full stop at most, and how far to the right its middle lies at least, in widths of the
column."""
FLAT, SLIM, DASH, SMALL_MARK = 0.8, 0.35, 0.4, 0.72
"""A mark that is turned is less high than this part of its width, or less wide than the second part of the
column and higher than the third, or both sides are less than the last part of it."""
BRACKETS, DASHES = frozenset("「」『』（）()〔〕【】[]《》〈〉〖〗〜～…‥"), frozenset("ー一-—–−―─")
LONG_VOWEL, ONE = "ー", "一"
STROKES = frozenset("1lIⅠ|｜")
"""What the sign of a long vowel is taken for that lies turned."""
BEYOND, EDGE = 0.95, 0.12
"""Widths of a column in which a mark is looked for beyond its ends, for that much room it has; and what may
be the edge of the last character."""
MARK_CONFIDENCE, PARTNER = 0.4, 0.2
"""Confidence from which on a mark that was turned back is believed, and a bracket whose partner is there."""
PAIRS = ("「」", "『』", "（）", "()", "〔〕", "【】", "[]", "《》", "〈〉", "〖〗")
PARTNERS = {pair[n]: pair[1 - n] for pair in PAIRS for n in (0, 1)}
OPENING = frozenset(pair[0] for pair in PAIRS)

Cells = Mapping[int, Sequence[Character]]
"""The characters that were read in each cell of a column."""


@dataclass(frozen=True)
class Cell:
    """A character of a column as it stands in a row. `to_column` takes points (N, 2) in its pixels to those
    of the part of the column that it was."""

    image: Pixels
    to_column: Callable[[Points], Points]


def cells_in_row(column: Pixels, cuts: list[int], turned: Collection[int] = ()) -> list[Cell]:
    """The characters of a column between these rows as they stand in a row, `turned` ones turned back."""
    ground = ground_colour(column)
    cells = []
    for number, (ink, top, bottom) in enumerate(zip(_inks(column, cuts), cuts, cuts[1:], strict=False)):
        part = column[top:bottom]
        if ink and number in turned:
            cells.append(_turned_back(part, ink, ground))
        elif ink and _is_stop(ink, column.shape[1]):
            cells.append(_lowered(part, ink, ground))
        else:
            cells.append(Cell(part, lambda points: points))
    return cells


def may_be_turned(column: Pixels, cuts: list[int]) -> list[int]:
    """Numbers of the characters of a column that may be marks which lie turned by a quarter."""
    width = column.shape[1]
    inks = enumerate(_inks(column, cuts))
    return [n for n, ink in inks if ink and not _is_stop(ink, width) and _may_be_turned(ink, width)]


def with_marks(
    tried: Collection[int], upright: Cells, turned: Cells
) -> dict[int, tuple[list[Character], bool]]:
    """The characters in each cell, and whether it was turned: of those `tried` the reading says which are
    marks that lie turned. A dash that is turned is the sign of a long vowel, and another the number one.
    """
    found = {}
    for place in sorted({*upright, *turned}):
        marks = sorted(turned.get(place, []), key=lambda char: -char.confidence)[:1] if place in tried else []
        is_turned = bool(marks) and _is_mark(place, upright, marks[0])
        if not is_turned and place in tried and _is_long_vowel(place, upright):
            found[place] = [replace(upright[place][0], char=LONG_VOWEL)], True
            continue
        shown, dash = (marks, LONG_VOWEL) if is_turned else (list(upright.get(place, [])), ONE)
        found[place] = [replace(c, char=dash) if c.char in DASHES else c for c in shown], is_turned
    return found | _partners(found, {place: turned[place] for place in tried if turned.get(place)})


def _partners(
    found: Mapping[int, tuple[list[Character], bool]], tried: Cells
) -> dict[int, tuple[list[Character], bool]]:
    """The places `tried` that are brackets after all, since their partner was found: the nearest to it."""
    brackets = {place: chars[0].char for place, (chars, is_turned) in found.items() if is_turned and chars}
    best = {place: max(chars, key=lambda char: char.confidence) for place, chars in tried.items()}
    partners = {}
    for place, bracket in brackets.items():
        wanted, is_opening = PARTNERS.get(bracket), bracket in OPENING
        if any(char == wanted and (other > place) == is_opening for other, char in brackets.items()):
            continue
        near = [p for p, char in best.items() if char.char == wanted and (p > place) == is_opening]
        near = [p for p in near if best[p].confidence >= PARTNER and p not in brackets]
        if near:
            nearest = min(near, key=lambda other: abs(other - place))
            partners[nearest] = [best[nearest]], True
    return partners


def reach_ends(page: Pixels, boxes: Sequence[Box]) -> list[Box]:
    """The boxes, of which level columns reach over marks beyond their ends, that have no boxes any more."""
    columns = [box for box in boxes if box.is_level and box.height > box.width]
    reaching = {
        column: _reaching(page, column, [box for box in boxes if box is not column]) for column in columns
    }
    taken = {
        box
        for box in boxes
        if any(_is_end(box, column) and _lies_in(box, reaching[column]) for column in columns)
    }
    return [reaching.get(box, box) for box in boxes if box not in taken]


def _is_end(box: Box, column: Box) -> bool:
    """Whether a box may be a mark beyond the end of a column."""
    within = abs(box.x - column.x) < column.width / 2 and box.width < 1.2 * column.width
    return box is not column and within and box.height < column.width


def _lies_in(box: Box, column: Box) -> bool:
    return abs(box.y - column.y) < column.height / 2


def _reaching(page: Pixels, box: Box, others: Sequence[Box]) -> Box:
    left, top, right, bottom = box.bounds()
    beside = [other.bounds() for other in others if not _is_end(other, box)]
    beside = [other for other in beside if other[0] < right and left < other[2]]
    ceiling = max((other[3] for other in beside if other[3] <= box.y), default=0.0)
    floor = min((other[1] for other in beside if other[1] >= box.y), default=float(page.shape[0]))
    room = BEYOND * box.width
    first, last = max(ceiling, top - room, 0.0), min(floor, bottom + room)
    mask = ink_mask(page, (left, first, right, last))
    rows = np.flatnonzero(mask.any(axis=1)) + round(first) if mask is not None else np.array([])
    edge = EDGE * box.width
    top = first if (rows < top - edge).any() else top
    bottom = last if (rows >= bottom + edge).any() else bottom
    return box.between(top, bottom)


def _is_mark(place: int, upright: Cells, mark: Character) -> bool:
    now, before = ([c.char for c in upright.get(p, [])] for p in (place, place - 1))
    if mark.confidence < MARK_CONFIDENCE:
        return False
    if mark.char in DASHES:
        return bool(before and is_kana(before[-1])) and not set(now) & DASHES
    sure = [
        c for c in upright.get(place, []) if is_kana(c.char) and c.char not in DASHES or is_ideograph(c.char)
    ]
    return mark.char in BRACKETS and all(c.confidence < mark.confidence for c in sure)


def _is_long_vowel(place: int, upright: Cells) -> bool:
    """Whether what was read is but a stroke, after a kana."""
    now, before = ([c.char for c in upright.get(p, [])] for p in (place, place - 1))
    return len(now) == 1 and now[0] in STROKES and bool(before) and is_kana(before[-1])


def is_kana(char: str) -> bool:
    return "\u3041" <= char <= "\u30ff" and char != "・"


def _inks(column: Pixels, cuts: list[int]) -> list[Piece | None]:
    mask = ink_mask(column)
    return [
        _ink(mask[top:bottom]) if mask is not None else None
        for top, bottom in zip(cuts, cuts[1:], strict=False)
    ]


def _ink(mask: NDArray[np.uint8]) -> Piece | None:
    (rows,), (columns,) = np.nonzero(mask.any(axis=1)), np.nonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return Piece(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _is_stop(ink: Piece, width: int) -> bool:
    small = max(ink.width, ink.height) <= SMALL * width
    return small and ink.left + ink.right > 2 * RIGHT * width


def _may_be_turned(ink: Piece, width: int) -> bool:
    is_slim = ink.width <= SLIM * width and DASH * width <= ink.height <= width
    return is_slim or ink.height <= FLAT * ink.width or max(ink.width, ink.height) <= SMALL_MARK * width


def _turned_back(part: Pixels, ink: Piece, ground: int | tuple[int, ...]) -> Cell:
    """The mark in the middle of a square, turned anticlockwise."""
    side = max(part.shape[1], ink.height)
    mark = np.rot90(part[ink.top : ink.bottom, ink.left : ink.right])
    across, down = (side - ink.height) // 2, (side - ink.width) // 2
    image = np.full((side, side, *part.shape[2:]), ground, np.uint8)
    image[down : down + ink.width, across : across + ink.height] = mark

    def to_column(points: Points) -> Points:
        x, y = points.T
        return np.stack([ink.right - (y - down), ink.top + (x - across)], axis=1)

    return Cell(image, to_column)


def _lowered(part: Pixels, ink: Piece, ground: int | tuple[int, ...]) -> Cell:
    """The mark at the left below, as far from both edges as it was from the right one."""
    height, width = part.shape[:2]
    edge = min(width - ink.right, width // 8)
    left, top = edge, max(0, height - edge - ink.height)
    image = np.full(part.shape, ground, np.uint8)
    image[top : top + ink.height, left : left + ink.width] = part[ink.top : ink.bottom, ink.left : ink.right]
    return Cell(image, lambda points: points + (ink.left - left, ink.top - top))
