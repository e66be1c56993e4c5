"""The invisible text of a page: each word where its ink is, as large and as slanted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Any, NamedTuple
from unicodedata import east_asian_width

from frontend.formats.pdf_font import ASCENT, InvisibleFont

_STANDS = 2
"""Where characters have no boxes, a line so many times as high as wide is one whose characters stand."""

_SPACE = 0.25
"""The width of one, in heights of its line."""

Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]


class Frame(NamedTuple):
    """A line: the corner where its text begins, the unit vectors along and down it, its length and height."""

    corner: Point
    along: Point
    down: Point
    length: float
    height: float


class PlacedWord(NamedTuple):
    """Characters between spaces, or spaces; where each begins along its line, and the last one ends."""

    chars: list[str]
    edges: list[float]

    @property
    def is_blank(self) -> bool:
        return self.chars[0].isspace()


def text_layer(lines: Sequence[Mapping[str, Any]], matrix: Matrix, font: InvisibleFont, name: str) -> bytes:
    """A content stream with the text of `lines`; `matrix` leads from their pixels to the page's space.

    `name` is what the page calls the font.
    """
    shown = [_line(line, font) for line in lines]
    begin = f"q {numbers(*matrix)} cm BT {name} 1 Tf 3 Tr"
    return "\n".join([begin, *shown, "ET Q"]).encode("ascii")


def _line(line: Mapping[str, Any], font: InvisibleFont) -> str:
    """One operator for the whole line: viewers take apart what is shown by several."""
    frame = frame_of(line)
    words = words_of(line, frame)
    if not words:
        return ""
    shown, reached = [], words[0].edges[0]
    for word in words:
        if not word.is_blank:
            shown.append(numbers((reached - word.edges[0]) / frame.height * 1000))
            reached = word.edges[0]
        for char, end in zip(word.chars, word.edges[1:], strict=True):
            code, ems = font.encode(char, (end - reached) / frame.height)
            shown.append(f"<{code}>")
            reached += ems * frame.height
    operators = f"{_text_matrix(frame, words[0].edges[0])} Tm [{''.join(shown)}] TJ"
    if abs(frame.along[1]) > abs(frame.along[0]):
        # PDFium sorts from left to right what begins at the same height; a space between prevents it
        operators += f" {_text_matrix(frame, reached)} Tm <{font.encode(' ', _SPACE)[0]}> Tj"
    return operators


def _text_matrix(frame: Frame, start: float) -> str:
    """From ems to pixels, for text that begins at `start` on its line."""
    (x, y), (along_x, along_y), (down_x, down_y) = frame.corner, frame.along, frame.down
    size, base = frame.height, ASCENT * frame.height
    return numbers(
        *(along_x * size, along_y * size, -down_x * size, -down_y * size),
        *(x + start * along_x + base * down_x, y + start * along_y + base * down_y),
    )


def frame_of(line: Mapping[str, Any]) -> Frame:
    """How the text of a line runs on its page."""
    first, second, _, last = line.get("polygon") or _corners(line["bbox"])
    length, height = math.dist(first, second), math.dist(first, last)
    along = ((second[0] - first[0]) / length, (second[1] - first[1]) / length) if length else (1.0, 0.0)
    down = (-along[1], along[0])
    if _is_standing(line, along, length, height):  # laid down, its beginning is the top right corner
        return Frame(second, down, (-along[0], -along[1]), max(height, 1.0), max(length, 1.0))
    return Frame(first, along, down, max(length, 1.0), max(height, 1.0))


def _corners(box: tuple[Point, Point]) -> tuple[Point, Point, Point, Point]:
    (left, top), (right, bottom) = box
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _is_standing(line: Mapping[str, Any], along: Point, length: float, height: float) -> bool:
    """Whether the characters of a line stand one above the other."""
    if chars := line.get("chars"):
        (x, y), (last_x, last_y) = _centre(chars[0]["bbox"]), _centre(chars[-1]["bbox"])
        step = (last_x - x, last_y - y)
        return abs(_dot(step, along)) < abs(_dot(step, (-along[1], along[0])))
    return len(line["text"]) > 1 and height > _STANDS * length


def words_of(line: Mapping[str, Any], frame: Frame) -> list[PlacedWord]:
    """The text of a line, and the spaces within, with where they are."""
    if line.get("chars"):
        extents = [(char["char"], *_extent(char["bbox"], frame)) for char in line["chars"]]
    else:
        extents = _even_extents(line["text"], frame.length)
    words = []
    for _, group in groupby(extents, key=lambda extent: extent[0].isspace()):
        parts = list(group)
        edges = [*(start for _, start, _ in parts), parts[-1][2]]
        words.append(PlacedWord([char for char, _, _ in parts], edges))
    inked = [number for number, word in enumerate(words) if not word.is_blank]
    return words[inked[0] : inked[-1] + 1] if inked else []


def _even_extents(text: str, length: float) -> list[tuple[str, float, float]]:
    """Where characters have no boxes: each gets its share of the line, the wide ones twice as much."""
    shares = [2 if east_asian_width(char) in "WF" else 1 for char in text]
    edges = [reached * length / sum(shares) for reached in accumulate(shares, initial=0)]
    return [(char, *edge) for char, edge in zip(text, pairwise(edges), strict=True)]


def _extent(box: tuple[Point, Point], frame: Frame) -> Point:
    """Where a character begins and ends along its line."""
    (x, y), (corner_x, corner_y) = _centre(box), frame.corner
    centre, half = _dot((x - corner_x, y - corner_y), frame.along), _span(box, frame.along) / 2
    return centre - half, centre + half


def _span(box: tuple[Point, Point], along: Point) -> float:
    """The width of a character along its line, from the upright box around it: wider if the line slants.

    width·|cos| + height·|sin| is the box's width, and width·|sin| + height·|cos| its height.
    """
    (left, top), (right, bottom) = box
    cos, sin = abs(along[0]), abs(along[1])
    if abs(cos * cos - sin * sin) < 0.5:  # near a diagonal the two say the same
        return min(right - left, bottom - top)
    return max(0.0, ((right - left) * cos - (bottom - top) * sin) / (cos * cos - sin * sin))


def _centre(box: tuple[Point, Point]) -> Point:
    return (box[0][0] + box[1][0]) / 2, (box[0][1] + box[1][1]) / 2


def _dot(a: Point, b: Point) -> float:
    return a[0] * b[0] + a[1] * b[1]


def numbers(*values: float) -> str:
    """Numbers as a content stream has them: never with an exponent."""
    return " ".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in values)
