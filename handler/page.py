"""Images -> drafts of pages: their lines found, or that they are one line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from handler.crop import Crop, cut, lay_down, turn_box, whole
from handler.decode import Recognition
from handler.faded import STRENGTHENED, strengthen
from handler.image import InvalidImageError, Pixels, turn_image
from handler.layout import LEGIBLE, Box, coarse_scale, letter_heights
from handler.line_boxes import line_boxes
from handler.preprocess import check_line, text_bands
from handler.reading_order import reading_order
from handler.seals import SEEN_THROUGH, see_through_seals

MAX_LINES = 1000
"""Lines on a page at most."""
TALL = 1.5
"""A box this many times as high as wide may hold a vertical line, or one that was turned."""
SAMPLE = 6
"""The longest lines tell which way up a page is; so many are tried."""
LOW, LINE_RATIO = 48, 15
"""An image of at most this height in pixels, or this many times as wide as high, whose busy rows are one band
is one line without a search."""
FILLING = 0.45
"""So is one that is not higher than wide, and whose letters are this part of its height or more."""
REACH = 0.3
"""So may one whose only row of boxes reaches over this part of its height: it is read both ways."""

COVERED = 0.4
"""A box of which this part or more is covered by other lines shows nothing new."""

_TOO_MANY = (
    f"Once it was turned upright, more than {MAX_LINES} lines were found; the others were not read. "
    "Cut the image into parts to have them read."
)

Detect = Callable[[Pixels], list[Box]]


@dataclass(frozen=True)
class Line:
    """A reading, and where its pixels lie on the image as sent."""

    reading: Recognition
    crop: Crop


KnownLine = tuple[Line, Box]
"""A line of a PDF's own text and its box."""


@dataclass(frozen=True)
class Page:
    """Rows of lines in reading order, and the degrees clockwise by which the image was turned upright."""

    rows: list[list[Line]]
    angle: int = 0
    warnings: Sequence[str] = ()
    """Sentences about what was not looked at, or not closely."""


@dataclass
class Draft:
    """A page while it is read: the image as it was turned, its boxes, and each one's crop and reading.

    Without boxes and `known` lines it is one line, its only crop. What is `upright` is not tried turned.
    `as_line` is the whole image where that may be one line after all: it is read as well.
    """

    image: Pixels
    boxes: list[Box]
    upright: bool = False
    angle: int = 0
    vertical: bool = False
    as_line: Crop | None = None
    is_seen: bool = False
    """At a glance it seems to be one line."""
    is_guess: bool = False
    """Nothing was found: the image may be one line, or have no text."""
    is_faint: bool = False
    """Its contrast was raised, which makes specks look like characters."""
    crops: list[Crop] = field(default_factory=list)
    readings: list[Recognition] = field(default_factory=list)
    known: list[KnownLine] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def beside(self, known: list[KnownLine]) -> "Draft":
        """A page of which these lines are known: what is found beside them is read."""
        areas = [box.bounds() for _, box in known]
        boxes = [box for box in self.boxes if _covered(box, areas) < COVERED]
        return Draft(self.image, boxes, True, self.angle, known=known, warnings=self.warnings)

    def turn(self, angle: int, detect: Detect) -> None:
        """Upright, more lines are found: the detector has seen more of such pages."""
        turned = [turn_box(box, angle, *self.image.shape[:2]) for box in self.boxes]
        self.image, self.angle = turn_image(self.image, angle), (self.angle + angle) % 360
        found = line_boxes(self.image, detect(self.image))
        areas = [box.bounds() for box in found]
        lost = [box for box in turned if _covered(box, areas) < COVERED]
        self.boxes = found + lost
        if len(self.boxes) > MAX_LINES:
            self.boxes = self.boxes[:MAX_LINES]
            self.warnings.append(_TOO_MANY)

    def cut_all(self) -> None:
        self.crops = [self.cut(box) for box in self.boxes]

    def cut(self, box: Box) -> Crop:
        crop = cut(self.image, box)
        return lay_down(crop) if self.vertical and box.height > TALL * box.width else crop


def find_lines(detect: Detect, image: Pixels, mode: str) -> Draft:
    """The lines of an image in its mode: `line`, `page`, or `auto`, which is one of both.

    In `auto` an image whose boxes stand in one row, and that they fill, may be one line after all.

    Raises:
        InvalidImageError: there are more than MAX_LINES, or the image is too long for one line (413).
    """
    if mode == "line" or (mode == "auto" and is_seen_as_line(image)):
        return Draft(image, [], is_seen=mode == "auto", crops=[whole(check_line(image))])
    clear = see_through_seals(image)
    strong = strengthen(image) if clear is None else None
    image = next((better for better in (clear, strong) if better is not None), image)
    boxes = _few(line_boxes(image, _few(detect(image))))
    warnings = _warnings(image) + [SEEN_THROUGH] * (clear is not None)
    warnings += [STRENGTHENED] * (strong is not None and bool(boxes))
    if mode == "auto" and not boxes:
        return Draft(image, [], is_guess=True, warnings=warnings, crops=[whole(check_line(image))])
    if mode == "auto" and in_one_row(boxes) and _fill(boxes, image):
        return Draft(image, boxes, as_line=whole(check_line(image)), warnings=warnings)
    return Draft(image, boxes, is_faint=strong is not None, warnings=warnings)


def _few(boxes: list[Box]) -> list[Box]:
    if len(boxes) > MAX_LINES:
        raise InvalidImageError(
            "image-too-large",
            f"The image has {len(boxes)} lines of text; at most {MAX_LINES} are read. Cut it into parts.",
            413,
        )
    return boxes


def _warnings(image: Pixels) -> list[str]:
    scale = coarse_scale(image)
    if scale is None:
        return []
    return [
        f"The image is so large that it was searched at {scale:.0%} of its size: letters less than "
        f"{LEGIBLE / scale:.0f} pixels high may be missing. Cut it into parts to have them read."
    ]


def _covered(box: Box, areas: list[tuple[float, float, float, float]]) -> float:
    """The part of a box's bounds that lies in `areas`, which overlap little."""
    left, top, right, bottom = box.bounds()
    shared = sum(
        max(0.0, min(right, area[2]) - max(left, area[0]))
        * max(0.0, min(bottom, area[3]) - max(top, area[1]))
        for area in areas
    )
    return shared / max(1.0, (right - left) * (bottom - top))


def _fill(boxes: list[Box], image: Pixels) -> bool:
    """Whether boxes reach over so much of an image's height that it may be cut for one line."""
    bounds = [box.bounds() for box in boxes]
    reach = max(b[3] for b in bounds) - min(b[1] for b in bounds)
    return reach >= REACH * float(image.shape[0])


def is_seen_as_line(image: Pixels) -> bool:
    """Whether an image can be seen at a glance to be one line."""
    height, width = image.shape[:2]
    if height <= LOW or width >= LINE_RATIO * height:
        return text_bands(image) <= 1
    if width < height:
        return False
    letters = letter_heights(image)
    return len(letters) > 1 and bool(np.median(letters) >= FILLING * height)


def in_one_row(boxes: list[Box]) -> bool:
    """Whether an image with these boxes is one line, read from left to right."""
    return len(reading_order(boxes, [False] * len(boxes))) <= 1 and not is_sideways(boxes)


def longest(boxes: list[Box]) -> list[Box]:
    """A few of the boxes that show most."""
    return sorted(boxes, key=lambda box: -max(box.width, box.height))[:SAMPLE]


def is_sideways(boxes: list[Box]) -> bool:
    """Whether most of what is written runs from top to bottom, by length."""
    tall = sum(box.height for box in boxes if box.height > TALL * box.width)
    return tall > sum(box.width for box in boxes if box.height <= TALL * box.width)
