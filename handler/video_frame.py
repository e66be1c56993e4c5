"""A frame of a video -> its lines: searched from far away, and only where the caller says.

Subtitles are large, and a frame is one of many: what is too small is left out, and nothing is tried turned.
"""

from collections.abc import Sequence
from typing import Protocol

from handler.image import Pixels
from handler.layout import LETTER, Box
from handler.page import MAX_LINES, Draft

SEARCH_SIDE = 360
"""A frame is searched as if its shorter side had so many pixels; lines are cut from it as it is."""

Area = Sequence[int]
"""left, top, right, bottom in pixels of the frame; what lies outside it is left out."""


class Search(Protocol):
    """layout.Detector: the boxes on an image whose letters are so many pixels high."""

    def __call__(self, page: Pixels, letters: float | None = None, /) -> list[Box]: ...


def find_frame_lines(search: Search, frame: Pixels, areas: Sequence[Area] | None) -> Draft:
    """The lines in these areas of a frame, which do not overlap; None: in all of it."""
    height, width = frame.shape[:2]
    letters = LETTER * min(height, width) / SEARCH_SIDE
    boxes: list[Box] = []
    for left, top, right, bottom in [(0, 0, width, height)] if areas is None else areas:
        area = frame[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        if area.size:
            boxes += [_moved(box, max(left, 0), max(top, 0)) for box in search(area, letters)]
    return Draft(frame, boxes[:MAX_LINES], upright=True)


def _moved(box: Box, across: float, down: float) -> Box:
    return Box(box.x + across, box.y + down, box.width, box.height, box.angle)
