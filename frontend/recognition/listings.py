"""Lines as a listing: in a font of one width, with as many spaces as stand in the image."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import Any, NamedTuple

from frontend.recognition.upright import Lines, is_wide

_SAME_EDGE = 0.5
"""Rows begin in the same column whose left edges are within this of each other, in widths of a character."""
_CODE = re.compile(
    r"[{};]$|[\w\]]\(|\)\s*[:{]|[=!<>+*/-]=|\s=\s|=>|->|^(?:#include\b|//|/\*|\*/|@\w)|</?\w+>|"
    r"^(?:def|class|return|if|elif|else|for|while|import|from|const|let|var|try|except|public|private|function)\b"
)
_CODE_SHARE, _FEWEST = 0.6, 3
"""Rows of code that look like it, of all; and how many there are at least."""


class Spaced(NamedTuple):
    """A line with the spaces that stand before it in its row, and its text with those within it."""

    before: str
    text: str


def is_code(rows: Sequence[str]) -> bool:
    """Whether these rows of a page are those of a program."""
    return len(rows) >= _FEWEST and sum(bool(_CODE.search(row)) for row in rows) >= _CODE_SHARE * len(rows)


def as_code(lines: Lines, field: str = "text") -> str:
    """As the page shows it in a font of one width: with its indentation and as wide gaps."""
    pairs = zip(lines, spaced(lines, field), strict=True)
    rows = groupby(pairs, key=lambda pair: pair[0]["row"])
    return "\n".join("".join(before + text for _, (before, text) in row) for _, row in rows)


def spaced(lines: Lines, field: str = "text") -> list[Spaced]:
    """The lines of a page, each with its spaces by where its characters stand."""
    places = [_middles(line) for line in lines]
    width = _character_width(lines, places)
    edges = _edges(lines, places, width)
    done: list[Spaced] = []
    for number, line in enumerate(lines):
        if number in edges:
            before = " " * round((edges[number] - min(edges.values())) / width)
        else:
            last = lines[number - 1]["text"][-1], places[number - 1][-1]
            before = _spaces(last, (line["text"][0], places[number][0]), width)
        done.append(Spaced(before, _with_gaps(line[field], places[number], width)))
    return done


def _middles(line: Mapping[str, Any]) -> list[float]:
    """Where the characters of a line stand along it, in pixels in the direction in which it is read."""
    text, angle = line["text"], line.get("angle", 0)
    axis, sign = (1 if angle % 180 else 0), (-1 if angle in {90, 180} else 1)
    boxes = [char["bbox"] for char in line.get("chars") or []]
    if len(boxes) == len(text):
        return [sign * (first[axis] + last[axis]) / 2 for first, last in boxes]
    ends = sorted(sign * corner[axis] for corner in line["bbox"])
    step = (ends[1] - ends[0]) / len(text)
    return [ends[0] + step * (place + 0.5) for place in range(len(text))]


def _character_width(lines: Lines, places: Sequence[Sequence[float]]) -> float:
    """Pixels from one character to the next, in the middle of all; wide ones count as two."""
    steps = [
        (second - first) / (_cells(pair[0]) + _cells(pair[1])) * 2
        for line, middles in zip(lines, places, strict=True)
        for pair, (first, second) in zip(pairwise(line["text"]), pairwise(middles), strict=True)
        if " " not in pair
    ]
    return max(1.0, median(steps)) if steps else 1.0


def _cells(char: str) -> int:
    return 2 if is_wide(char) else 1


def _edges(lines: Lines, places: Sequence[Sequence[float]], width: float) -> dict[int, float]:
    """Where each row begins, by the number of its first line; edges that are about the same are the same."""
    first = [n for n, line in enumerate(lines) if not n or lines[n - 1]["row"] != line["row"]]
    found = {n: places[n][0] - _cells(lines[n]["text"][0]) * width / 2 for n in first}
    edges: dict[int, float] = {}
    edge = -math.inf
    for number in sorted(found, key=found.__getitem__):
        edge = edge if found[number] - edge < _SAME_EDGE * width else found[number]
        edges[number] = edge
    return edges


def _with_gaps(text: str, middles: Sequence[float], width: float) -> str:
    """The text with as many spaces between words as their distance has room for."""
    done, last = "", ("", -math.inf)
    for before, char, middle in zip(" " + text, text, middles, strict=False):
        if char != " ":
            done += _spaces(last, (char, middle), width) if before == " " and done else ""
            done, last = done + char, (char, middle)
    return done


def _spaces(last: tuple[str, float], following: tuple[str, float], width: float) -> str:
    """The spaces that stand between two characters with these middles: one at least."""
    taken = (_cells(last[0]) + _cells(following[0])) / 2
    return " " * max(1, round((following[1] - last[1]) / width - taken))
