"""The glyphs of a PDF's text layer, line by line, on the page as it is turned to be read.

PDFium tells lines apart; where words and cells begin is found by the glyphs' places: https://pdfium.googlesource.com/pdfium
"""

import ctypes
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from handler.image import turn_points

SPACE = 0.15
"""Room between two glyphs beside that of the line's other ones, in heights, from which on it is a space."""
CELL = 1.5
"""Room from which on another cell, or another column, begins, in heights."""
TRACKING = 0.4
"""Room between the letters of a line, in heights, up to which they are letters of words set widely."""
FEW = 4
"""Of fewer letters it is not known how widely they are set."""
SAME_PITCH, ON_GRID, WIDER_PITCH = 0.05, 0.6, 1.5
"""Glyphs on a grid: of more than this part of them the distances differ by the first part at most; beside a
space they are so many times as wide."""

ABOVE = 0.15
"""Of a font's box this part is above its letters."""
_HYPHENS = "\ufffe\xad\x02"
"""As PDFium gives those at the end of a line, and as files have them."""

Bounds = tuple[float, float, float, float]
Glyph = tuple[str, Bounds]
"""A character and its left, top, right and bottom in pixels of the page as it is turned."""
Run = list[Glyph]


@dataclass(frozen=True)
class Place:
    """Where a page of a PDF is drawn: from points to pixels, and turned clockwise by `angle` degrees."""

    to_bitmap: pypdfium2.PdfPosConv
    height: int
    width: int
    """Of the bitmap before it is turned."""
    angle: int = 0

    def pixels(self, box: Sequence[float]) -> Bounds:
        """Left, bottom, right and top in points -> left, top, right and bottom in pixels."""
        left, bottom, right, top = box
        corners = [self.to_bitmap.to_bitmap(left, top), self.to_bitmap.to_bitmap(right, bottom)]
        x, y = turn_points(np.array(corners, float), self.angle, self.height, self.width).T
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())


@dataclass(frozen=True)
class _Char:
    """A character of a text layer: what it inks, and its box with the room of its font around it."""

    text: str
    ink: Bounds
    box: Bounds
    is_upright: bool
    is_made_up: bool
    """PDFium saw a gap, or an end of a line, there."""


def turn_of(page: pypdfium2.PdfPage, text: pypdfium2.PdfTextPage) -> int:
    """Degrees clockwise, in quarters, by which the page is turned so that most of its glyphs are upright."""
    turned = Counter(
        _quarters(text, number)
        for number in range(text.count_chars())
        if not pdfium.FPDFText_IsGenerated(text, number)
    )
    return -(max(turned, key=lambda angle: turned[angle], default=0) + int(page.get_rotation())) % 360


def _quarters(text: pypdfium2.PdfTextPage, number: int) -> int:
    """Degrees clockwise, in quarters, by which a character is turned on the page before /Rotate."""
    return round(math.degrees(pdfium.FPDFText_GetCharAngle(text, number)) / 90) * 90 % 360


def runs_of(page: pypdfium2.PdfPage, text: pypdfium2.PdfTextPage, place: Place) -> Iterator[Run]:
    """The lines of a text layer, or cells of lines."""
    upright = -(place.angle + int(page.get_rotation())) % 360
    for line in _lines(_chars(text, place, upright)):
        yield from _cells(line) if _runs_on(line) else [_as_run(line)]


def _runs_on(line: Sequence[_Char]) -> bool:
    """Whether it is upright, and from left to right."""
    return all(char.is_upright for char in line) and line[-1].box[2] > line[0].box[0]


def _chars(text: pypdfium2.PdfTextPage, place: Place, upright: int) -> Iterator[_Char]:
    for number in range(text.count_chars()):
        if char := text.get_text_range(number, 1):
            yield _Char(
                text="-" if char[0] in _HYPHENS else char[0],
                ink=place.pixels(text.get_charbox(number)),
                box=place.pixels(_loose_box(text, number)),
                is_upright=_quarters(text, number) == upright,
                is_made_up=bool(pdfium.FPDFText_IsGenerated(text, number)),
            )


def _loose_box(text: pypdfium2.PdfTextPage, number: int) -> Bounds:
    bounds = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(text, number, ctypes.byref(bounds))
    return bounds.left, bounds.bottom, bounds.right, bounds.top


def _lines(chars: Iterator[_Char]) -> Iterator[list[_Char]]:
    """A line ends where PDFium sees a line feed."""
    line: list[_Char] = []
    for char in chars:
        if char.text in {"\r", "\n"}:
            if line:
                yield line
            line = []
        else:
            line.append(char)
    if line:
        yield line


def _as_run(line: Sequence[_Char]) -> Run:
    return [(char.text, char.ink) for char in line]


def _cells(line: Sequence[_Char]) -> Iterator[Run]:
    """Runs of a line with the spaces that are there, and those that the places of its glyphs show."""
    places = [n for n, char in enumerate(line) if char.text.strip() and not char.is_made_up]
    letters = [line[n] for n in places]
    gaps = [
        _Gap.between(line[a], line[b], any(not char.is_made_up for char in line[a + 1 : b]))
        for a, b in pairwise(places)
    ]
    is_space = _rule(gaps)
    cell, spaces = letters[:1], set[int]()
    for letter, gap in zip(letters[1:], gaps, strict=True):
        if gap.is_wide:
            yield _level(cell, spaces)
            cell, spaces = [], set()
        elif gap.has_space or is_space(gap):
            spaces.add(len(cell))
        cell.append(letter)
    if cell:
        yield _level(cell, spaces)


def _level(cell: Sequence[_Char], spaces: Collection[int]) -> Run:
    """A run whose glyphs all have the height of the line: `spaces` are the numbers of those after a space."""
    top, bottom = (median(char.box[side] for char in cell) for side in (1, 3))
    top, bottom = top + ABOVE * (bottom - top), max(bottom, top + 1.0)
    run: Run = []
    for number, char in enumerate(cell):
        left, _, right, _ = char.ink
        if number in spaces:
            run.append((" ", (run[-1][1][2], top, max(run[-1][1][2], left), bottom)))
        run.append((char.text, (left, top, right, bottom)))
    return run


@dataclass(frozen=True)
class _Gap:
    """What is between two glyphs that follow each other."""

    has_space: bool
    """The text has one there."""
    room: float
    pitch: float
    """From the start of one to the start of the other."""
    height: float
    is_wide: bool
    """The second is elsewhere: in another cell, or line."""

    @staticmethod
    def between(before: _Char, after: _Char, has_space: bool) -> "_Gap":
        (start, top, end, bottom), (left, other_top, _, other_bottom) = before.box, after.box
        height = max(1.0, min(bottom - top, other_bottom - other_top))
        is_elsewhere = other_top >= bottom or other_bottom <= top or start - left > CELL * height
        is_wide = is_elsewhere or left - end > CELL * height
        return _Gap(has_space, left - end, left - start, height, is_wide)


Rule = Callable[[_Gap], bool]
"""Whether there is a space where the text has none."""


def _rule(gaps: Sequence[_Gap]) -> Rule:
    letters = [gap for gap in gaps if not gap.has_space]
    if len(letters) < FEW:
        return lambda gap: gap.room > SPACE * gap.height
    pitch = median(gap.pitch for gap in letters)
    if sum(abs(gap.pitch - pitch) <= SAME_PITCH * pitch for gap in letters) > ON_GRID * len(letters):
        return lambda gap: gap.pitch > WIDER_PITCH * pitch and gap.room > SPACE * gap.height
    room = median(gap.room / gap.height for gap in letters)
    tracking = room if 0 < room <= TRACKING else 0.0
    return lambda gap: gap.room > (SPACE + tracking) * gap.height
