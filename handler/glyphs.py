"""What a line's ink tells of its letters: how high they are, what they stand on, how far apart they are."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from handler.image import Pixels, ink_mask

TALL_PART, FLAT_ASPECT = 0.45, 2.0
"""A letter is this part of the tallest one's height, or more; none is so many times as wide as high."""
EVEN, EVEN_SHARE, FEWEST = 0.12, 0.7, 6
"""Of letters that are all as wide, this share differs from its places by so much of the width at most; of
fewer than so many nothing is known."""
LETTERS_EM, PITCH_EM = 0.73, 0.53
"""The height of letters, and the usual distance from one to the next, in a font's size."""


@dataclass(frozen=True)
class Piece:
    """Ink that hangs together, in pixels of its line."""

    left: int
    top: int
    right: int
    bottom: int
    area: int = 0
    """Pixels of ink, where they are known."""

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


@dataclass(frozen=True)
class Glyphs:
    """A line's ink (h, w), its pieces from left to right, its base line, and its letters' height above it."""

    ink: NDArray[np.uint8]
    pieces: list[Piece]
    base: float
    height: float

    @cached_property
    def pitch(self) -> tuple[float, bool]:
        """Pixels from one letter to the next, by the median, and whether all are as wide."""
        inked = self.ink[: int(self.base)].any(axis=0).astype(np.int8)
        edges = np.flatnonzero(np.diff(inked, prepend=0, append=0)).reshape(-1, 2)
        steps = np.diff(edges.mean(axis=1))
        if len(steps) < 3:
            return 0.0, False
        usual = float(np.median(steps))
        if len(steps) < FEWEST:
            return usual, False
        away = np.abs(steps / usual - (steps / usual).round())
        return usual, bool(np.quantile(away, EVEN_SHARE) <= EVEN)

    @cached_property
    def em(self) -> float:
        """The size of the font in pixels, about: capitals are high and far apart, small letters neither."""
        pitch, by_height = self.pitch[0] / PITCH_EM, self.height / LETTERS_EM
        return (pitch * by_height) ** 0.5 if pitch else by_height

    def room(self, left: float, right: float) -> tuple[float, float]:
        """Columns without ink before the column `left`, and from `right` on; infinite at the ends."""
        inked = np.flatnonzero(self.ink.any(axis=0))
        before, behind = inked[inked < left], inked[inked >= right]
        return (
            float(left - before[-1] - 1) if len(before) else np.inf,
            float(behind[0] - right) if len(behind) else np.inf,
        )


def pieces_of(ink: NDArray[np.uint8]) -> list[Piece]:
    """Those of a mask (h, w), from left to right."""
    _, _, found, _ = cv2.connectedComponentsWithStats(ink)
    return [
        Piece(x, y, x + width, y + height, area) for x, y, width, height, area in sorted(found[1:].tolist())
    ]


def glyphs_of(line: Pixels) -> Glyphs | None:
    """Those of a line (h, w) or (h, w, 3) that is straight; None where nothing may be a letter."""
    ink = ink_mask(line)
    pieces = pieces_of(ink) if ink is not None else []
    tallest = max((p.height for p in pieces if p.width < FLAT_ASPECT * p.height), default=0)
    letters = [p for p in pieces if p.height >= TALL_PART * tallest and p.width < FLAT_ASPECT * p.height]
    if ink is None or not letters:
        return None
    base = float(np.median([p.bottom for p in letters]))
    return Glyphs(ink, pieces, base, max(1.0, base - float(np.quantile([p.top for p in letters], 0.2))))
