"""Rows of dots that lead the eye from an entry to its number, as in tables of contents.

A detector finds some of the dots, as part of the entry or of the number, and often loses a short number
behind them. And a network that reads letters and many dots in one go misplaces them. So an entry ends where
its leader begins, and of the leader its last dots are read, with the number.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from handler.image import Pixels, ink_mask
from handler.layout import Box

DOT, LEAST_DOTS, READ_DOTS = 0.25, 6, 5
"""A dot's sides at most, of the line's height, how many dots make a leader, and how many of them are read."""
PITCH, REGULAR = 0.9, 0.35
"""From one dot to the next at most, of the line's height, and how far from the usual step at most, of it."""
BEFORE, BEHIND, INSIDE = 1.5, 2.5, 0.8
"""Heights of a line between a box and its leader, between that and its number, and within the number."""
LEADER_ASPECT = 1.5
"""A box is looked at that is this many times as wide as high."""

Component = tuple[int, int, int, int]
"""Left, top, width and height of ink that hangs together, in pixels."""


def split_at_leaders(page: Pixels, found: Sequence[Box]) -> list[Box]:
    """The boxes, those with a leader in two: the entry, and the leader with its number, which takes in what
    was found of them."""
    reach = max((box.bounds()[2] for box in found), default=0.0)
    parts: dict[Box, list[Box]] = {box: [box] for box in found}
    for box in sorted(found, key=lambda box: box.x - box.width / 2):
        if parts[box] and (leader := _leader(page, box, reach)):
            start, last_dots, end = leader
            taken = [other for other in found if other is not box and _lies_in(other, box, start, end)]
            parts |= {other: [] for other in taken}
            left, right = (box.x - box.width / 2, max(end, *(o.x + o.width / 2 for o in [box, *taken])))
            entry = [box.spanning(left, start)] if start - left > box.height else []
            parts[box] = [*entry, box.spanning(last_dots, right)]
    return [part for box in found for part in parts[box]]


def _lies_in(other: Box, line: Box, start: float, end: float) -> bool:
    level = abs(other.y - line.y) < 0.5 * line.height and other.height < 1.5 * line.height
    return level and start < other.x < end


def _leader(page: Pixels, box: Box, reach: float) -> tuple[float, float, float] | None:
    """Where the leader of a line starts, where its last dots do, and where its number ends, in pixels across
    the page."""
    if not box.is_level or box.width < LEADER_ASPECT * box.height:
        return None
    left, top, right, bottom = box.bounds()
    ink = ink_mask(page, (left, top, reach + BEHIND * box.height, bottom))
    if ink is None:
        return None
    pieces = _pieces(ink)
    run = next((run for run in _runs(pieces, box.height) if len(run) >= LEAST_DOTS), None)
    if run is None or run[0][0] > right - left + BEFORE * box.height:
        return None
    end, room = run[-1][0] + run[-1][2], BEHIND * box.height
    for x, _, width, height in pieces:
        if end < x <= end + room and height > DOT * box.height:
            end, room = x + width, INSIDE * box.height
    left = max(0.0, left)
    room = DOT * box.height
    return left + run[0][0] - 1, left + run[-READ_DOTS][0] - room, left + end + room


def _pieces(ink: NDArray[np.uint8]) -> list[Component]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink)
    return sorted((x, y, width, height) for x, y, width, height, _ in stats[1:].tolist())


def _runs(pieces: list[Component], height: float) -> list[list[Component]]:
    """Dots one after the other, at one height and in regular steps, with nothing between them."""
    runs: list[list[Component]] = [[]]
    for piece in pieces:
        is_dot = max(piece[2:]) <= DOT * height
        if not is_dot or not _goes_on(runs[-1], piece, height):
            runs.append([])
        if is_dot:
            runs[-1].append(piece)
    return runs


def _goes_on(run: list[Component], piece: Component, height: float) -> bool:
    if not run:
        return True
    step = piece[0] - run[-1][0]
    usual = median(b[0] - a[0] for a, b in pairwise(run[-LEAST_DOTS:])) if len(run) > 1 else step
    is_level = abs(piece[1] + piece[3] - run[-1][1] - run[-1][3]) <= max(2, 0.1 * height)
    return is_level and step <= PITCH * height and abs(step - usual) <= max(1.5, REGULAR * usual)
