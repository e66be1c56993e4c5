"""A video as its frames come: what changed, where text is looked for, and the lines that it shows.

Looking for text is what costs, so it is done where lines were, and where something changed; in the whole
picture only now and then. Changes are seen on a thumbnail of an eighth of the size, each of whose pixels is
the mean of 64: noise is gone there, while a letter is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO
from math import ceil
from typing import Any

from PIL import Image, ImageChops, ImageOps

from frontend.errors import ImageTooLargeError, InvalidImageError
from frontend.files.image_headers import BROKEN
from frontend.live.tracking import Box, Track, Tracker
from frontend.recognition.predictions import Page

SCALE = 8
MAX_SIDE = 4096
"""Pixels of a frame's longer side."""
CHANGED_LEVELS = 24
"""Grey levels by which a thumbnail differs where the picture is another one, however noisy."""
NOISE_LEVELS = 4
"""Grey levels by which it differs at least if anything changed."""
SEARCH_SECONDS = 1.0
"""The whole picture is searched no more often, and one part in SEARCH_SHARE of the time at most."""
SEARCH_SHARE = 5
SEARCH_MARGIN = 1.25
"""Heights of a line above and below it in which its successor is looked for."""
REMEMBERED_READS = 50
"""Frames read since a line was there, after which none is looked for in its place."""
_SCALE_DOWN = f"Send frames of at most {MAX_SIDE} pixels a side; 720 rows are enough."
_IS_CHANGED = [255 * (level > CHANGED_LEVELS) for level in range(256)]

Rows = tuple[int, int]
Area = tuple[int, int, int, int]
"""left, top, right, bottom in pixels of the frame."""
ReadFrame = Callable[[bytes, list[Area] | None], Page]
"""The lines in these areas of a JPEG image; None: in all of it."""


class Video:
    """One video: frames in, the lines that are shown out."""

    def __init__(self, read: ReadFrame, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._tracker = Tracker()
        self._reads = 0
        self._places: dict[Rows, int] = {}
        self._seen = self._searched = Image.new("L", (0, 0))
        self._search_due = 0.0

    def show(self, number: int, jpeg: bytes) -> dict[str, Any]:
        """The lines that are shown with this frame, and those that ended with it. Raises OCRError."""
        thumbnail = make_thumbnail(jpeg)
        areas = self._areas(thumbnail)
        ended = self._look(number, jpeg, thumbnail, areas) if areas != [] else []
        self._tracker.stay(number)
        return {
            "unchanged": areas == [],
            "lines": [track.facts() for track in self._tracker.shown],
            "ended": [track.facts() for track in ended],
        }

    def _areas(self, thumbnail: Image.Image) -> list[Area] | None:
        """Where to look for text: nowhere if nothing changed, None for everywhere."""
        if self._seen.size != thumbnail.size:
            return None
        if self._clock() >= self._search_due and _most(_difference(self._searched, thumbnail)) > NOISE_LEVELS:
            return None
        difference = _difference(self._seen, thumbnail)
        width, height = (side * SCALE for side in thumbnail.size)
        doubtful = [_around(track) for track in self._tracker.shown if not track.is_settled]
        changed = [
            rows
            for rows in self._places
            if _most(difference, [[0, rows[0]], [width, rows[1]]]) > CHANGED_LEVELS
        ]
        rows = _merged([*doubtful, *changed, *_changed_rows(difference)])
        if not self._places and not rows and _most(difference) > CHANGED_LEVELS:
            return None
        return [(0, max(top, 0), width, min(bottom, height)) for top, bottom in rows]

    def _look(
        self, number: int, jpeg: bytes, thumbnail: Image.Image, areas: list[Area] | None
    ) -> list[Track]:
        started = self._clock()
        page = self._read(jpeg, areas)
        difference = _difference(self._seen, thumbnail)
        if areas is None:
            now = self._clock()
            self._search_due = now + max(SEARCH_SECONDS, (SEARCH_SHARE - 1) * (now - started))
            self._searched, self._seen = thumbnail, thumbnail.copy()
        for _, top, _, bottom in areas or []:
            rows = 0, top // SCALE, thumbnail.width, ceil(bottom / SCALE)
            self._seen.paste(thumbnail.crop(rows), rows[:2])
        ended = self._tracker.update(
            number,
            page["lines"],
            lambda box: areas is None or any(top <= box[0][1] <= bottom for _, top, _, bottom in areas),
            lambda box: _most(difference, box) > CHANGED_LEVELS,
        )
        self._remember_places()
        return ended

    def _remember_places(self) -> None:
        self._reads += 1
        self._places |= {_around(track): self._reads for track in self._tracker.shown}
        self._places = {
            rows: read for rows, read in self._places.items() if self._reads - read < REMEMBERED_READS
        }


def make_thumbnail(jpeg: bytes) -> Image.Image:
    """A frame in grey, an eighth of its size.

    Raises:
        InvalidImageError: it is no JPEG image, or not a whole one.
        ImageTooLargeError: it has more pixels than MAX_SIDE on a side.
    """
    try:
        image = Image.open(BytesIO(jpeg), formats=["JPEG"])
        if max(image.size) > MAX_SIDE:
            raise ImageTooLargeError(f"The frame has {image.width} x {image.height} pixels. {_SCALE_DOWN}")
        size = [max(1, side // SCALE) for side in image.size]
        image.draft("L", (size[0], size[1]))
        return ImageOps.exif_transpose(image).convert("L")
    except BROKEN:
        raise InvalidImageError(
            "The frame is not a complete JPEG image. Send each frame as one JPEG file."
        ) from None


def _around(track: Track) -> Rows:
    """The rows in which a line, or its successor, is looked for."""
    (_, top), (_, bottom) = track.line["bbox"]
    room = SEARCH_MARGIN * (bottom - top)
    return int(top - room), ceil(bottom + room)


def _difference(before: Image.Image, now: Image.Image) -> Image.Image:
    """Where two thumbnails differ; everywhere if their sizes do."""
    return ImageChops.difference(before, now) if before.size == now.size else Image.new("L", now.size, 255)


def _most(difference: Image.Image, box: Box | None = None) -> int:
    """The greatest difference, if given inside a box in pixels of the frame."""
    if box:
        (left, top), (right, bottom) = box
        difference = difference.crop(
            (int(left / SCALE), int(top / SCALE), ceil(right / SCALE), ceil(bottom / SCALE))
        )
    return int(difference.getextrema()[1])  # type: ignore[arg-type]  # of one band, a pair of numbers


def _changed_rows(difference: Image.Image) -> list[Rows]:
    """The rows of the frame in which something clearly changed, if they are no more than half of it."""
    found = difference.point(_IS_CHANGED).getbbox()
    if found is None or 2 * (found[3] - found[1]) > difference.height:
        return []
    return [((found[1] - 1) * SCALE, (found[3] + 1) * SCALE)]


def _merged(rows: list[Rows]) -> list[Rows]:
    """The same rows without overlaps."""
    merged: list[Rows] = []
    for top, bottom in sorted(rows):
        if merged and top <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(bottom, merged[-1][1])
        else:
            merged.append((top, bottom))
    return merged
