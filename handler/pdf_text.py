"""The text that a page of a PDF already has -> lines, as if they were read in its image."""

from collections.abc import Sequence

import numpy as np

from handler.crop import whole
from handler.decode import Character, Recognition
from handler.document import Glyph, Sheet
from handler.image import Pixels
from handler.layout import Box
from handler.page import KnownLine, Line, Page
from handler.preprocess import Strip
from handler.reading_order import reading_order

SEEN = 12
"""Grey levels between ink and ground from which on a line is seen."""


UNSEEN = "Text of the PDF that cannot be seen on the page was left out."


def known_lines(sheet: Sheet) -> tuple[list[KnownLine], list[str]]:
    """The text of a page of a PDF that is seen, line by line; none if it has none, or none was asked for.
    And sentences about what was left out.

    Text outside the page is not seen, nor is what has the colour of its ground.
    """
    lines = [_to_line(run, sheet.image) for run in map(_stripped, sheet.runs) if run]
    seen = [(line, box) for line, box in lines if _is_seen(box, sheet.image)]
    return seen, [UNSEEN] if len(seen) < len(lines) else []


def ticked_boxes(sheet: Sheet) -> list[KnownLine]:
    """The ticked boxes of a PDF's form that are on the page."""
    lines = [_to_line(run, sheet.image) for run in sheet.ticks]
    return [(line, box) for line, box in lines if _is_seen(box, sheet.image)]


def page_of(known: Sequence[KnownLine], warnings: Sequence[str] = ()) -> Page:
    """A page of these lines alone."""
    order = reading_order([box for _, box in known], [False] * len(known))
    return Page([[known[place][0] for place in row] for row in order], warnings=warnings)


def _is_seen(box: Box, image: Pixels) -> bool:
    left, top, right, bottom = (max(0, round(side)) for side in box.bounds())
    part = image[top:bottom, left:right]
    return bool(part.size and np.ptp(part) >= SEEN)


def _stripped(run: Sequence[Glyph]) -> Sequence[Glyph]:
    """Without the spaces at its ends."""
    text = "".join(char for char, _ in run)
    return run[len(text) - len(text.lstrip()) : len(text.rstrip())]


def _to_line(run: Sequence[Glyph], image: Pixels) -> KnownLine:
    """A line on an image with a confidence of 1, and its box."""
    inked = [box for char, box in run if char.strip()]
    top, bottom = min(box[1] for box in inked), max(box[3] for box in inked)
    left, right = min(box[0] for box in inked), max(box[2] for box in inked)
    characters = tuple(Character(char, 1.0, box[0], box[2]) for char, box in run)
    strip = Strip(int(top), int(bottom) + 1)
    reading = Recognition("".join(char for char, _ in run), 1.0, characters, strip)
    box = Box((left + right) / 2, (top + bottom) / 2, right - left, max(1.0, bottom - top))
    return Line(reading, whole(image)), box
