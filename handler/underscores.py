"""Underscores, found by their ink: flat strokes below the base line with nothing above them.

A detector leaves them out of a line's box where they are its ends, and as they lie low. Networks take two in
a row, or a blank of a form, for one, for a dash, or for a space; and a row with one of them only is cut.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import dropwhile

import numpy as np
from numpy.typing import NDArray

from handler.decode import Character, Recognition
from handler.glyphs import Glyphs, Piece, glyphs_of, pieces_of
from handler.image import Pixels, ink_mask
from handler.layout import Box

REACH, BESIDE, APART = 0.4, 1.0, 2.0
"""Of a box's height: how far below and beside it underscores are looked for, and how far beside others."""
TILTED = 0.25
"""A box that rises by less than this part of its height is taken for level: it is short."""
LOW, LOWEST, THICK, WIDE, ASPECT = 0.55, 1.18, 0.2, 0.25, 2.5
"""Of a box's height: an underscore's top at least and at most, its height at most, its width at least; and
its width at least, of its own height."""
SOLID = 0.85
"""The part of an underscore's rectangle that is ink, at least: what is ragged is a rule on paper, or worn."""
EDGE = 0.15
"""Room, of its height, that a box has beyond an underscore at its end."""
MEET, MEET_LEVEL, MEET_HEIGHT = 0.1, 0.4, 1.6
"""Of the lower box's height: how far two boxes overlap at most that meet at an underscore, how far the middle
of one is above that of the other, and how many times as high one is."""
STROKE, SLIM = 0.35, 1.5
"""The height of an underscore's own box at most, of its line's. What is so many times as high as wide is a
column, or a slim sign such as a slash."""
COVERED = 0.2
"""The part of an underscore's columns, at most, that have ink above it."""
ABOVE_BASE, BELOW_BASE, THIN, NARROWEST = 0.05, 0.3, 0.17, 0.22
"""Of the font's size: how far above or below the base line an underscore begins at most, its height at most,
and its width at least."""
USUAL, OPEN, BETWEEN, OPEN_EVEN = 0.53, (0.18, 0.2), 0.45, 0.65
"""Of the font's size: an underscore's usual width; what is open beside one where a space is that was read, or
beside a blank, and where none was; and between two of them. That in letters' widths if all are as wide."""
FORM_BLANK = 3
"""So many underscores or more are a blank of a form."""
TAKEN_FOR, SMALL = frozenset("_ -‐–—―─ーｰ一＿"), frozenset(".·…,")
"""What a network takes underscores for, and what it may, but what also stands beside them."""


def with_underscores(boxes: Sequence[Box], page: Pixels) -> list[Box]:
    """The boxes, those of level lines down to the underscores below them, and over those at their ends."""
    bounds = np.array([box.bounds() for box in boxes]).reshape(-1, 4)
    reached, lines = list(boxes), np.array([_may_be_row(box) for box in boxes], bool)
    for n in np.argsort(bounds[:, 0]).tolist():
        if lines[n]:
            reached[n] = _reaching(page, boxes[n], *_room(bounds[lines], bounds[n]))
            bounds[n] = reached[n].bounds()
    changed = [box for box, before in zip(reached, boxes, strict=True) if box != before]
    highest = max((box.height for box in changed), default=0.0)
    slight = [box for box in reached if _is_slim(box) or box.height < STROKE * highest]
    taken = {id(box) for box in slight if any(_is_part_of(box, line) for line in changed)}
    widened = [box for box, before in zip(reached, boxes, strict=True) if box.width != before.width]
    return _bridged([box for box in reached if id(box) not in taken], widened)


def _bridged(boxes: Sequence[Box], widened: Sequence[Box]) -> list[Box]:
    """The boxes, two in one that are level and meet at an underscore."""
    lines = list(boxes)
    for box in sorted(widened, key=lambda box: box.x):
        for other in [o for o in lines if _meet(box, o) or _meet(o, box)]:
            joined = _around(box, other)
            lines = [line for line in lines if line is not box and line is not other] + [joined]
            box = joined  # noqa: PLW2901
    return lines


def _meet(one: Box, other: Box) -> bool:
    """Whether a box ends where the other one, as high and on a level with it, begins."""
    gap = (other.x - other.width / 2) - (one.x + one.width / 2)
    lowest, highest = sorted((one.height, other.height))
    if not -MEET * lowest <= gap <= 1 or one is other:
        return False
    is_level = abs(one.y - other.y) < MEET_LEVEL * lowest and highest < MEET_HEIGHT * lowest
    return is_level and _may_be_row(one) and _may_be_row(other)


def _around(one: Box, other: Box) -> Box:
    (left, top, right, bottom), (start, ceiling, end, floor) = one.bounds(), other.bounds()
    left, top, right, bottom = min(left, start), min(top, ceiling), max(right, end), max(bottom, floor)
    return Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def _may_be_row(box: Box) -> bool:
    """Whether a box is no column, and nearly level."""
    rise = abs(math.tan(math.radians(box.angle))) * box.width
    return not _is_slim(box) and rise <= TILTED * box.height


def _is_slim(box: Box) -> bool:
    return box.height > SLIM * box.width


def _is_part_of(box: Box, line: Box) -> bool:
    """Whether a box is that of an underscore, or of a slim sign, which a line reaches over now."""
    within = abs(box.x - line.x) < line.width / 2 and abs(box.y - line.y) < line.height / 2
    is_small = box.height <= (line.height if _is_slim(box) else STROKE * line.height)
    return within and box is not line and is_small


def _room(bounds: NDArray[np.float64], line: NDArray[np.float64]) -> tuple[float, float]:
    """Where lines on a level with this one end to its left, and begin to its right."""
    left, top, right, bottom = line
    third = (bottom - top) / 3
    level = bounds[(bounds[:, 1] < bottom - third) & (bounds[:, 3] > top + third)]
    middle = (left + right) / 2
    before, behind = level[level[:, 2] < middle, 2], level[level[:, 0] > middle, 0]
    return float(before.max(initial=-np.inf)), float(behind.min(initial=np.inf))


def _reaching(page: Pixels, box: Box, before: float, behind: float) -> Box:
    left, top, right, bottom = box.bounds()
    first = max(0.0, min(left, max(before, left - page.shape[1])))
    last = max(right, min(behind, page.shape[1]))
    area = (first, top, last, bottom + REACH * box.height)
    ink = ink_mask(page, area, (left, top, right, area[3]))
    if ink is None:
        return box
    pieces = pieces_of(ink)
    low = _without_rules([p for p in pieces if _lies_low(p, ink, box.height)], pieces, ink)
    start, end = _ends(low, left - round(first), right - round(first), last - first, box.height)
    inside = [p.bottom + 1 for p in low if start <= p.middle <= end]
    more = max([0.0, *(deepest - box.height for deepest in inside)])
    taller = replace(box, y=box.y + more / 4, height=box.height + 1.5 * more)
    start, end = round(first) + start, round(first) + end
    if start >= left and end <= right:
        return taller
    return replace(taller, angle=0.0).spanning(min(left, start), max(right, end))


def _lies_low(piece: Piece, ink: NDArray[np.uint8], height: float) -> bool:
    """Whether ink in a box so high may be an underscore."""
    is_flat = piece.height <= max(2, THICK * height) and piece.width >= max(
        ASPECT * piece.height, WIDE * height
    )
    is_low = LOW * height <= piece.top <= LOWEST * height and piece.bottom < len(ink)
    return is_flat and is_low and _is_free(piece, ink)


def _without_rules(low: Sequence[Piece], pieces: Sequence[Piece], ink: NDArray[np.uint8]) -> list[Piece]:
    """Those that are not on a level with a stroke below letters, as the parts of a dashed rule are."""
    rules = [p for p in pieces if p.width >= ASPECT * p.height and not _is_free(p, ink)]
    return [
        p for p in low if not any(abs(p.top - r.top) <= 1 and abs(p.bottom - r.bottom) <= 1 for r in rules)
    ]


def _is_free(piece: Piece, ink: NDArray[np.uint8]) -> bool:
    """Whether a piece is a clean stroke with hardly any ink above, and no line under letters."""
    if piece.area < SOLID * piece.width * piece.height:
        return False
    above = ink[: max(0, piece.top - 1), piece.left : piece.right]
    return not above.size or float(above.any(axis=0).mean()) <= COVERED


def _ends(
    low: Sequence[Piece], left: float, right: float, width: float, height: float
) -> tuple[float, float]:
    """Where a line from left to right starts and ends with the underscores beside it that are nearer to it
    than to the other lines, which begin at 0 and at `width`."""
    start, end = left, right
    for piece in sorted(low, key=lambda piece: -piece.right):
        reach = (BESIDE if start == left else APART) * height
        if piece.left < start <= piece.right + min(reach, max(piece.left, 0.0) + 1):
            start = piece.left - EDGE * height
    for piece in low:
        reach = (BESIDE if end == right else APART) * height
        if piece.right > end >= piece.left - min(reach, max(width - piece.right, 0.0) + 1):
            end = piece.right + EDGE * height
    return max(0.0, start), min(width, end)


def settle_underscores(reading: Recognition, line: Pixels, factor: float) -> Recognition:
    """The reading of a straight line (h, w) or (h, w, 3) with its underscores as the ink shows them.

    Its extents are in pixels of the line, times `factor`.
    """
    if not any(char.isascii() and char.isalnum() for char in reading.text):
        return reading
    glyphs = glyphs_of(line)
    strokes = [p for p in glyphs.pieces if _is_underscore(p, glyphs)] if glyphs else []
    strokes = _without_rules(strokes, glyphs.pieces, glyphs.ink) if glyphs else []
    if not glyphs or not strokes:
        return reading
    characters = [c for c in reading.characters if not _is_taken_for(c, strokes, factor, glyphs.height)]
    for stroke in strokes:
        characters = _with_stroke(characters, stroke, glyphs, factor)
    text = "".join(c.char for c in characters)
    return replace(reading, text=text, characters=tuple(characters)) if text != reading.text else reading


def _is_underscore(piece: Piece, glyphs: Glyphs) -> bool:
    if piece.width < ASPECT * piece.height or piece.bottom >= len(glyphs.ink):
        return False
    is_flat = piece.height <= max(2, THIN * glyphs.em) and piece.width >= NARROWEST * glyphs.em
    is_low = -ABOVE_BASE * glyphs.em <= piece.top - glyphs.base <= BELOW_BASE * glyphs.em
    return is_flat and is_low and _is_free(piece, glyphs.ink)


def _is_taken_for(char: Character, strokes: Sequence[Piece], factor: float, height: float) -> bool:
    edge = (EDGE if char.char in TAKEN_FOR else -EDGE) * height
    return char.char in TAKEN_FOR | SMALL and any(
        stroke.left - edge <= char.middle / factor <= stroke.right + edge for stroke in strokes
    )


def _with_stroke(
    characters: Sequence[Character], stroke: Piece, glyphs: Glyphs, factor: float
) -> list[Character]:
    """The characters with the underscores of a stroke, apart from others where the ink is."""
    before = [c for c in characters if c.middle < stroke.middle * factor]
    behind = list(characters[len(before) :])
    confidence = min((c.confidence for c in before[-1:] + behind[:1]), default=1.0)
    left, right = glyphs.room(stroke.left, stroke.right)
    count = _count(stroke, glyphs)
    apart_before = _is_apart(before[::-1], left, glyphs, count)
    apart_behind = _is_apart(behind, right, glyphs, count)
    edges = np.linspace(stroke.left, stroke.right, count + 1).tolist()
    marks = [("_", start, end) for start, end in zip(edges, edges[1:], strict=False)]
    marks = [(" ", stroke.left - left, stroke.left)] * apart_before + marks
    marks += [(" ", stroke.right, stroke.right + right)] * apart_behind
    first, last = factor * marks[0][1], factor * marks[-1][2]
    return [
        *(_moved(c, -math.inf, first) for c in _without_space(before[::-1])[::-1]),
        *(Character(char, confidence, factor * start, factor * end) for char, start, end in marks),
        *(_moved(c, last, math.inf) for c in _without_space(behind)),
    ]


def _moved(char: Character, first: float, last: float) -> Character:
    """The character with an extent that lies between two places."""
    start = max(first, min(char.start, last - 1))
    return replace(char, start=start, end=min(last, max(char.end, start + 1)))


def _without_space(nearest_first: Sequence[Character]) -> list[Character]:
    return list(dropwhile(lambda char: char.char == " ", nearest_first))


def _is_apart(nearest_first: Sequence[Character], gap: float, glyphs: Glyphs, count: int) -> bool:
    """Whether a gap between so many underscores and the characters on one side of them is a space."""
    shown = _without_space(nearest_first)
    pitch, is_even = glyphs.pitch
    if not shown or not math.isfinite(gap):
        return False
    if is_even:
        return gap >= OPEN_EVEN * pitch
    is_sure = count >= FORM_BLANK or len(shown) < len(nearest_first)
    least = BETWEEN if shown[0].char == "_" else OPEN[not is_sure]
    return gap >= least * glyphs.em


def _count(stroke: Piece, glyphs: Glyphs) -> int:
    """How many underscores a stroke is."""
    pitch, is_even = glyphs.pitch
    usual = USUAL * glyphs.em
    return max(1, round(stroke.width / (pitch if is_even else (usual * (pitch or usual)) ** 0.5)))
