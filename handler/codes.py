"""Codes of capitals and figures, such as serial numbers and licence keys: O and 0 are told apart by width.

Nothing beside them says which one it is, and networks guess. In most fonts a nought is as wide as the other
figures, and the letter much wider. Where letters are no wider than figures the network's word stands.
"""

import math
import re
from collections.abc import Sequence
from statistics import median

import numpy as np

from handler.decode import Character, Recognition
from handler.emissions import Emissions
from handler.image import Pixels, ink_mask
from handler.mrz import FILLER, scores_of, with_text

CODE = re.compile(r"(?<![A-Za-z0-9])[A-Z0-9]+(?:[-/:.][A-Z0-9]+)*(?![A-Za-z0-9])")
"""Capitals and figures, in groups."""
SHORTEST = 5
"""Characters that a code has at least; one of them is a figure other than 0, and one a letter."""
FIGURES, LETTERS = frozenset("23456789"), frozenset("ADGHKNQUVXY")
"""Figures and letters whose widths are typical."""
PROPORTIONAL, WIDEST, WIDER = 1.1, 1.4, 1.2
"""How many times as wide as figures such letters are on average in a font that tells O from 0 by width, and
O itself at most; it is WIDER times as much wider than figures as those letters are."""
SHAPE, PRIOR = 40.0, 1.5
"""What the logarithm of a width counts beside the network's logarithms of probabilities, and what 0 has ahead
beforehand: few codes use the letter at all."""

Line = tuple[Emissions, str, Pixels, float]
"""Emissions of a line, the alphabet, the line (h, w) or (h, w, 3) as the network saw it, and pixels across a
frame."""


def settle_noughts(reading: Recognition, line: Line) -> Recognition:
    """The reading, extents in frames, with 0 for each O in its codes that is less probable."""
    codes = [found.span() for found in CODE.finditer(reading.text) if _is_code(found.group())]
    if not codes or FILLER in reading.text:
        return reading
    widths = _widths(reading.characters, line[2], line[3])
    middle = _between(_typical(reading, widths, FIGURES), _typical(reading, widths, LETTERS))
    text = list(reading.text)
    for place in (n for start, end in codes for n in range(start, end) if text[n] == "O"):
        scores, width = scores_of(reading.characters[place], line[0], line[1]), widths[place]
        shape = SHAPE * math.log(width / middle) if width and middle else 0.0
        text[place] = "O" if scores["O"] - scores["0"] + shape > PRIOR else "0"
    return with_text(reading, "".join(text)) if "".join(text) != reading.text else reading


def _is_code(text: str) -> bool:
    return len(text) >= SHORTEST and any(c in "123456789" for c in text) and any(c.isalpha() for c in text)


def _between(figure: float | None, letter: float | None) -> float | None:
    """The width between 0 and O, from the widths of other figures and letters; None: it tells nothing."""
    if figure is None or letter is None or letter < PROPORTIONAL * figure:
        return None
    return figure * math.sqrt(min(WIDEST, 1 + WIDER * (letter / figure - 1)))


def _typical(reading: Recognition, widths: Sequence[int | None], chars: frozenset[str]) -> float | None:
    found = [width for char, width in zip(reading.text, widths, strict=True) if width and char in chars]
    return median(found) if found else None


def _widths(characters: Sequence[Character], line: Pixels, frame_width: float) -> list[int | None]:
    """Columns that the ink of each character covers; None where it touches a neighbour's."""
    mask = ink_mask(line)
    inked = np.zeros(line.shape[1], np.int8) if mask is None else mask.any(axis=0).astype(np.int8)
    edges = np.flatnonzero(np.diff(inked, prepend=0, append=0)).reshape(-1, 2)
    if not len(edges):
        return [None] * len(characters)
    middles = edges.mean(axis=1)
    runs = [int(np.argmin(abs(middles - frame_width * char.middle))) for char in characters]
    return [int(edges[run, 1] - edges[run, 0]) if runs.count(run) == 1 else None for run in runs]
