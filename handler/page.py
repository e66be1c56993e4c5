"""Images -> pages that were read: lines found, turned upright, recognized together and put into order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median

import numpy as np

from handler.crop import Crop, Points, cut, lay_down, turn, turn_box, turn_image, turn_points, whole
from handler.decode import Recognition
from handler.image import InvalidImageError, Pixels
from handler.layout import Box, letter_heights
from handler.networks import Reader
from handler.order import reading_order
from handler.preprocess import check_line, text_bands

MAX_LINES = 1000
"""Lines on a page at most."""
TALL = 1.5
"""A box this many times as high as wide may hold a vertical line, or one that was turned."""
FAINT = 0.5
"""A line of a page whose characters have less confidence than this on average shows no text."""
FEW = 4
"""Characters without which a line tells nothing about which way up it is."""
SAMPLE = 6
"""The longest lines tell which way up a page is; so many are tried."""
LOW, LONG = 48, 15
"""An image of at most this height in pixels, or this many times as wide as high, whose busy rows are one band
is one line without a search."""
FILLING = 0.45
"""So is one that is not higher than wide, and whose letters are this part of its height or more."""
DOUBTFUL, MIN_LEAD = 0.5, 0.3
"""What is read with less confidence than the first is tried another way, which must lead by the second."""

Detect = Callable[[Pixels], list[Box]]
ReadCrops = Callable[[list[Crop]], list[Recognition]]


@dataclass(frozen=True)
class Line:
    """What was read, and where its pixels lie on the image as sent."""

    reading: Recognition
    crop: Crop


@dataclass(frozen=True)
class Page:
    """Rows of lines in reading order, and the degrees clockwise by which the image was turned upright."""

    rows: list[list[Line]]
    angle: int = 0


@dataclass
class Draft:
    """A page while it is read: the image as it was turned, its boxes, and each one's crop and reading.

    Without boxes it is one line, its only crop. What is `upright` is not tried turned.
    """

    image: Pixels
    boxes: list[Box]
    upright: bool = False
    angle: int = 0
    vertical: bool = False
    crops: list[Crop] = field(default_factory=list)
    readings: list[Recognition] = field(default_factory=list)

    def turn(self, angle: int, detect: Detect) -> None:
        """Upright, more lines are found: the detector has seen more of such pages."""
        turned = [turn_box(box, angle, *self.image.shape[:2]) for box in self.boxes]
        self.image, self.angle = turn_image(self.image, angle), (self.angle + angle) % 360
        self.boxes = detect(self.image)[:MAX_LINES] or turned

    def cut_all(self) -> None:
        self.crops = [_crop(self, box) for box in self.boxes]

    def longest(self) -> list[Box]:
        return sorted(self.boxes, key=lambda box: -max(box.width, box.height))[:SAMPLE]


def find_lines(detect: Detect, image: Pixels, mode: str) -> Draft:
    """The lines of an image in its mode: `line`, `page`, or `auto`, which is one of both.

    Raises:
        InvalidImageError: there are more than MAX_LINES, or the image is too long for one line (413).
    """
    boxes = [] if mode == "line" or (mode == "auto" and is_seen_as_line(image)) else detect(image)
    if len(boxes) > MAX_LINES:
        raise InvalidImageError(
            "image-too-large",
            f"The image has {len(boxes)} lines of text; at most {MAX_LINES} are read. Cut it into parts.",
            413,
        )
    if mode == "page" or (mode == "auto" and not in_one_row(boxes)):
        return Draft(image, boxes)
    return Draft(image, [], crops=[whole(check_line(image))])


def is_seen_as_line(image: Pixels) -> bool:
    """Whether an image can be seen at a glance to be one line."""
    height, width = image.shape[:2]
    if height <= LOW or width >= LONG * height:
        return text_bands(image) <= 1
    if width < height:
        return False
    letters = letter_heights(image)
    return len(letters) > 1 and bool(np.median(letters) >= FILLING * height)


def in_one_row(boxes: list[Box]) -> bool:
    """Whether an image with these boxes is one line, read from left to right."""
    return len(reading_order(boxes, [False] * len(boxes))) <= 1 and not is_sideways(boxes)


def read_lines(
    reader: Reader, detect: Detect, drafts: Sequence[Draft], allowlist: str | None = None
) -> list[Page]:
    """Read the lines of all drafts together; only characters of `allowlist` come out if there is one."""

    def read(crops: list[Crop]) -> list[Recognition]:
        return reader.read([crop.image for crop in crops], allowlist)

    pages = [draft for draft in drafts if draft.boxes and not draft.upright]
    _turn_sideways([page for page in pages if is_sideways(page.boxes)], read, detect)
    for draft in drafts:
        if draft.boxes:
            draft.cut_all()
    _read_all(drafts, read)
    _turn_over([page for page in pages if _is_doubtful(page)], read, detect)
    _read_turned(pages, read)
    return [_finished(draft) for draft in drafts]


def read_pages(reader: Reader, detect: Detect, images: Sequence[Pixels], modes: Sequence[str]) -> list[Page]:
    """Images, each in its mode, as pages: see find_lines and read_lines."""
    drafts = [find_lines(detect, image, mode) for image, mode in zip(images, modes, strict=True)]
    return read_lines(reader, detect, drafts)


def is_sideways(boxes: list[Box]) -> bool:
    """Whether most of what is written runs from top to bottom, by length."""
    tall = sum(box.height for box in boxes if box.height > TALL * box.width)
    return tall > sum(box.width for box in boxes if box.height <= TALL * box.width)


def _is_doubtful(page: Draft) -> bool:
    return median(reading.confidence for reading in page.readings) < DOUBTFUL


def _crop(page: Draft, box: Box) -> Crop:
    crop = cut(page.image, box)
    return lay_down(crop) if page.vertical and box.height > TALL * box.width else crop


def _read_all(drafts: Sequence[Draft], read: ReadCrops) -> None:
    """Read the crops of all drafts together."""
    readings = iter(read([crop for draft in drafts for crop in draft.crops]))
    for draft in drafts:
        draft.readings = [next(readings) for _ in draft.crops]


def _confidences(ways: list[list[Crop]], read: ReadCrops) -> list[float]:
    """Mean confidence of each list of crops."""
    readings = iter(read([crop for crops in ways for crop in crops]))
    return [fmean(next(readings).confidence for _ in crops) for crops in ways]


def _turn_sideways(pages: list[Draft], read: ReadCrops, detect: Detect) -> None:
    """Pages whose lines run from top to bottom: turned by a quarter to either side, or set vertically?"""
    for page in pages:
        crops = [cut(page.image, box) for box in page.longest()]
        ways = [[turn(crop, 90) for crop in crops], [turn(crop, 270) for crop in crops]]
        ways.append([lay_down(crop) for crop in crops])
        right, left, vertical = _confidences(ways, read)
        if vertical >= max(right, left):
            page.vertical = True
        else:
            page.turn(90 if right > left else 270, detect)


def _turn_over(pages: list[Draft], read: ReadCrops, detect: Detect) -> None:
    """Pages read with little confidence: upside down?"""
    for page in pages:
        crops = [_crop(page, box) for box in page.longest()]
        upright, over = _confidences([crops, [turn(crop, 180) for crop in crops]], read)
        if over > upright + MIN_LEAD:
            page.turn(180, detect)
            page.cut_all()
            page.readings = read(page.crops)


def _read_turned(pages: list[Draft], read: ReadCrops) -> None:
    """Read doubtful lines turned as well, and tall ones in every way; the clearly better reading stays."""
    tries = []
    for page in pages:
        for number, (box, reading) in enumerate(zip(page.boxes, page.readings, strict=True)):
            if reading.confidence < DOUBTFUL:
                crop = cut(page.image, box)
                tries.append((page, number, turn(crop, 180)))
                if box.height > TALL * box.width:
                    tries += [
                        (page, number, way) for way in (turn(crop, 90), turn(crop, 270), lay_down(crop))
                    ]
    for (page, number, crop), reading in zip(tries, read([crop for *_, crop in tries]), strict=True):
        clearly = reading.confidence > page.readings[number].confidence + MIN_LEAD
        if clearly and len(reading.text) >= FEW:
            page.readings[number], page.crops[number] = reading, crop


def _finished(draft: Draft) -> Page:
    """Lines with text, in order, with their way back to the image as sent."""
    if not draft.boxes:
        return Page([[Line(*pair)] for pair in zip(draft.readings, draft.crops, strict=True) if pair[0].text])
    kept = [number for number, reading in enumerate(draft.readings) if _shows_text(reading)]
    boxes, vertical = [draft.boxes[n] for n in kept], [draft.crops[n].vertical for n in kept]
    rows = [
        [Line(draft.readings[kept[place]], _on_original(draft, draft.crops[kept[place]])) for place in row]
        for row in reading_order(boxes, vertical)
    ]
    return Page(rows, draft.angle)


def _shows_text(reading: Recognition) -> bool:
    return bool(reading.text) and fmean(c.confidence for c in reading.characters) >= FAINT


def _on_original(draft: Draft, crop: Crop) -> Crop:
    height, width = draft.image.shape[:2]

    def to_page(points: Points) -> Points:
        return turn_points(crop.to_page(points), -draft.angle, height, width)

    return replace(crop, to_page=to_page, angle=(crop.angle + draft.angle) % 360)
