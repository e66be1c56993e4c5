"""The text that a page of a PDF already has -> lines, as if they were read in its image."""

from collections.abc import Sequence

import numpy as np

from handler.crop import Crop, turn, whole
from handler.decode import Character, Recognition
from handler.document import Sheet
from handler.image import Pixels
from handler.layout import Box
from handler.page import KnownLine, Line, Page
from handler.pdf_glyphs import Bounds, Run
from handler.preprocess import Strip
from handler.reading_order import reading_order

SEEN = 12
"""Grey levels between ink and ground from which on a glyph is seen."""
GROUND = 2
"""Pixels around a glyph that may show its ground."""
UNSEEN = "Text of the PDF that cannot be seen on the page was left out."


def upright(sheet: Sheet) -> Crop:
    """The page as it is turned for its text to be read."""
    return turn(whole(sheet.image), sheet.angle)


def known_lines(sheet: Sheet) -> tuple[list[KnownLine], list[str]]:
    """The text of a page of a PDF that is seen, line by line; none if it has none, or none was asked for.
    And sentences about what was left out.

    Text outside the page, or below something else, is not seen, nor is what has the colour of its ground.
    """
    page = upright(sheet)
    seen = [_seen(run, page.image) for run in sheet.runs]
    count, of_all = (sum(char.isalnum() for run in runs for char, _ in run) for runs in (seen, sheet.runs))
    lines = [_to_line(run, page) for run in map(_stripped, seen) if run]
    return lines, [UNSEEN] if count < of_all else []


def ticked_boxes(sheet: Sheet) -> list[KnownLine]:
    """The ticked boxes of a PDF's form that are on the page."""
    page = upright(sheet)
    return [_to_line(run, page) for run in sheet.ticks if _seen(run, page.image) == run]


def page_of(known: Sequence[KnownLine], angle: int, warnings: Sequence[str] = ()) -> Page:
    """A page of these lines alone, turned by these degrees."""
    order = reading_order([box for _, box in known], [False] * len(known))
    return Page([[known[place][0] for place in row] for row in order], angle, warnings)


def _seen(run: Run, image: Pixels) -> Run:
    """Without the glyphs that are not to be seen; spaces stay."""
    return [(char, box) for char, box in run if not char.strip() or _is_seen(box, image)]


def _is_seen(box: Bounds, image: Pixels) -> bool:
    left, top = (max(0, round(side) - GROUND) for side in box[:2])
    right, bottom = (max(0, round(side) + GROUND) for side in box[2:])
    part = image[top:bottom, left:right]
    return bool(part.size and np.ptp(part) >= SEEN)


def _stripped(run: Run) -> Run:
    """Without the spaces at its ends."""
    text = "".join(char for char, _ in run)
    return run[len(text) - len(text.lstrip()) : len(text.rstrip())]


def _to_line(run: Run, page: Crop) -> KnownLine:
    """A line of the page with a confidence of 1, and its box."""
    inked = [box for char, box in run if char.strip()]
    top, bottom = min(box[1] for box in inked), max(box[3] for box in inked)
    left, right = min(box[0] for box in inked), max(box[2] for box in inked)
    characters = tuple(Character(char, 1.0, box[0], box[2]) for char, box in run)
    strip = Strip(int(top), int(bottom) + 1)
    reading = Recognition("".join(char for char, _ in run), 1.0, characters, strip)
    box = Box((left + right) / 2, (top + bottom) / 2, right - left, max(1.0, bottom - top))
    return Line(reading, page), box
