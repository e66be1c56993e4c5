"""Drafts -> pages that were read: turned upright, recognized step by step, and put into order."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from math import prod
from statistics import fmean, median

import numpy as np

from handler.column_reading import are_columns, with_turned_marks
from handler.columns import columns_apart, narrowed
from handler.constraint import Constraint
from handler.crop import Crop, cut, lay_down, turn
from handler.decode import Allowlist, Recognition
from handler.image import Pixels, Points, contrast, turn_points
from handler.layout import Box
from handler.networks import Reader
from handler.page import TALL, Detect, Draft, Line, Page, find_lines, is_sideways, longest
from handler.reading_order import page_skew, reading_order
from handler.vertical_marks import reach_ends

FAINT = 0.5
"""A line of a page whose characters have less confidence than this on average shows no text."""
SHORT, LONE, LIKELY = 4, 0.9, 0.3
"""Where nothing but lines of so few characters is found, single characters and signs are text from the second
confidence on, for rings and crosses look like some, and the others from the third on."""
FEW, SLIM_DOUBTFUL = 4, 1.1
"""Characters without which a line tells nothing about which way up it is; how many times as high as wide a
doubtful line, or one of a single character, is that is tried turned by a quarter."""
DOUBTFUL, MIN_LEAD = 0.5, 0.3
"""A reading with less confidence than the first is tried another way, which must lead by the second."""
SLANTED, LIGHT = 12.0, 0.5
"""Degrees by which a watermark is turned from the page's lines at least; its contrast, of theirs, at most."""
SIDEWAYS = (90, 270)
"""Degrees clockwise by which a line is turned that runs upwards, or downwards."""
BETTER = 0.1
"""Boxes are kept if their confidence together is more than this above that of the whole image as a line."""

_WATERMARK = "Light text across the page was left out as a watermark: {}"
_FAINT_LINES = "{} that may be text could not be read with any certainty and {} left out."

Lines = list[Crop]
Readings = list[Recognition]


class PageReading:
    """A page that is being read: the lines that it waits for, step by step, and at the end `page`."""

    def __init__(self, draft: Draft, detect: Detect) -> None:
        self.page: Page | None = None
        self._steps = _steps(draft, detect)
        self._lines, self._readings = next(self._steps), Readings()
        self.take([])

    @property
    def waiting(self) -> Lines:
        """Lines of this step that are not read yet; none once there is a page."""
        return self._lines[len(self._readings) :]

    def take(self, readings: Readings) -> None:
        """Take the readings of the first lines that wait; after the last one the next step begins."""
        self._readings += readings
        while self.page is None and not self.waiting:
            try:
                self._lines, self._readings = self._steps.send(self._readings), []
            except StopIteration as end:
                self.page, self._lines, self._readings = end.value, [], []


def read_together(
    reader: Reader,
    portions: Sequence[tuple[PageReading, int]],
    allowlist: Allowlist | None = None,
    constraint: Constraint | None = None,
) -> None:
    """Read so many of the lines that each page waits for, all in one call of the reader."""
    lines = [crop.image for page, count in portions for crop in page.waiting[:count]]
    readings = iter(reader.read(lines, allowlist, constraint))
    for page, count in portions:
        page.take(list(islice(readings, count)))


def read_lines(
    reader: Reader, detect: Detect, drafts: Sequence[Draft], allowlist: Allowlist | None = None
) -> list[Page]:
    """Read the lines of all drafts together; only characters of `allowlist` come out if there is one."""
    pages = [PageReading(draft, detect) for draft in drafts]
    while unfinished := [(page, len(page.waiting)) for page in pages if page.page is None]:
        read_together(reader, unfinished, allowlist)
    return [page.page for page in pages if page.page]


def read_pages(reader: Reader, detect: Detect, images: Sequence[Pixels], modes: Sequence[str]) -> list[Page]:
    """Images, each in its mode, as pages: see find_lines and read_lines."""
    drafts = [find_lines(detect, image, mode) for image, mode in zip(images, modes, strict=True)]
    return read_lines(reader, detect, drafts)


def _steps(draft: Draft, detect: Detect) -> Generator[Lines, Readings, Page]:
    """Read a page: yields the lines that a step needs, and is sent their readings."""
    may_turn = bool(draft.boxes) and not draft.upright
    if may_turn and is_sideways(draft.boxes):
        yield from _turn_sideways(draft, detect)
    if draft.boxes:
        draft.cut_all()
    draft.readings = yield draft.crops
    if may_turn:
        if median(reading.confidence for reading in draft.readings) < DOUBTFUL:
            yield from _turn_over(draft, detect)
        yield from _read_turned(draft)
    draft.readings = yield from with_turned_marks(draft.crops, draft.readings)
    if draft.as_line:
        yield from _read_whole(draft, draft.as_line)
    return _finished(draft)


def _readings(ways: list[Lines]) -> Generator[Lines, Readings, list[Readings]]:
    """The readings of each list of lines."""
    readings = iter((yield [crop for crops in ways for crop in crops]))
    return [[next(readings) for _ in crops] for crops in ways]


def _confidence(readings: Readings) -> float:
    return fmean(reading.confidence for reading in readings)


def _turn_sideways(page: Draft, detect: Detect) -> Generator[Lines, Readings, None]:
    """A page whose lines run from top to bottom: turned by a quarter to either side, or set vertically?"""
    columns = columns_apart(page.image, page.boxes)
    crops = [cut(page.image, box) for box in longest(columns)]
    laid = [lay_down(crop) for crop in crops]
    ways = [[turn(crop, 90) for crop in crops], [turn(crop, 270) for crop in crops], laid]
    right, left, down = yield from _readings(ways)
    down = yield from with_turned_marks(laid, down)
    by_right, by_left, by_down = map(_confidence, (right, left, down))
    vertical = are_columns(right, left, down)
    if by_down >= max(by_right, by_left) if vertical is None else vertical:
        page.vertical = True
        page.boxes = reach_ends(page.image, columns)
    else:
        page.turn(90 if by_right > by_left else 270, detect)


def _turn_over(page: Draft, detect: Detect) -> Generator[Lines, Readings, None]:
    """A page read with little confidence: upside down?"""
    crops = [page.cut(box) for box in longest(page.boxes)]
    upright, over = yield from _readings([crops, [turn(crop, 180) for crop in crops]])
    if _confidence(over) > _confidence(upright) + MIN_LEAD:
        page.turn(180, detect)
        page.cut_all()
        page.readings = yield page.crops


def _read_turned(page: Draft) -> Generator[Lines, Readings, None]:
    """Read doubtful lines turned as well, and tall ones in every way; the clearly better reading stays."""
    tries = []
    for number, (box, reading) in enumerate(zip(page.boxes, page.readings, strict=True)):
        doubtful = reading.confidence < DOUBTFUL or not reading.text
        lone = len(reading.text) == 1 and reading.confidence < LONE
        slim = SLIM_DOUBTFUL if doubtful or lone or page.angle else TALL
        tall = box.height > slim * box.width and not page.crops[number].vertical
        if not (doubtful or tall):
            continue
        crop = cut(page.image, box)
        if doubtful:
            tries.append((number, turn(crop, 180)))
        if tall:
            column = lay_down(cut(page.image, narrowed(page.image, box)))
            tries += [(number, way) for way in (turn(crop, 90), turn(crop, 270), column)]
    readings = yield [crop for _, crop in tries]
    ways: dict[int, dict[int, tuple[Recognition, Crop]]] = {}
    for (number, crop), reading in zip(tries, readings, strict=True):
        if not crop.vertical:
            ways.setdefault(number, {})[crop.angle] = reading, crop
        if _is_better(reading, page.readings[number], crop.angle == 180):
            page.readings[number], page.crops[number] = reading, crop
    _turn_as_others(page, ways)


def _turn_as_others(page: Draft, ways: Mapping[int, Mapping[int, tuple[Recognition, Crop]]]) -> None:
    """Short lines that read about as well turned to the other side are turned as most are: L9 or 67?

    `ways` has readings of each line's crop as it was turned by an angle.
    """
    turned = [number for number in ways if page.crops[number].angle in SIDEWAYS]
    votes = {
        angle: sum(len(page.readings[n].text) for n in turned if page.crops[n].angle == angle)
        for angle in SIDEWAYS
    }
    usual = max(SIDEWAYS, key=votes.__getitem__)
    for number in turned:
        now = page.readings[number]
        other, crop = ways[number].get(usual, (now, page.crops[number]))
        is_alike = len(other.text) == len(now.text) < FEW and other.confidence > now.confidence - MIN_LEAD
        if is_alike and 2 * len(now.text) < votes[usual]:
            page.readings[number], page.crops[number] = other, crop


def _is_better(turned: Recognition, now: Recognition, is_over: bool) -> bool:
    """Whether a line is to be read turned: that leads clearly; or, of a tall line, it is as long and surer,
    or longer and about as sure, for a single letter is rarely that slim."""
    lead = turned.confidence - (now.confidence if now.text else 0.0)
    if is_over or len(turned.text) < 2:
        return lead > MIN_LEAD and len(turned.text) >= FEW
    if len(turned.text) < len(now.text) or turned.confidence < DOUBTFUL:
        return lead > MIN_LEAD
    return lead > (-MIN_LEAD if len(turned.text) > len(now.text) else 0)


def _read_whole(draft: Draft, as_line: Crop) -> Generator[Lines, Readings, None]:
    """Read the whole image as one line; it is one unless its boxes read clearly better, or it has no text."""
    (reading,) = yield [as_line]
    of_boxes = prod(found.confidence for found in draft.readings)
    if draft.angle == 0 and reading.confidence + BETTER >= of_boxes and _is_text(reading):
        draft.boxes, draft.crops, draft.readings = [], [as_line], [reading]


def _finished(draft: Draft) -> Page:
    """Lines with text, in order, with their way back to the image as sent."""
    if not (draft.boxes or draft.known):
        shows = _is_text if draft.is_guess else _shows_text if draft.is_seen else _has_text
        pairs = zip(draft.readings, draft.crops, strict=True)
        return Page([[Line(*pair)] for pair in pairs if shows(pair[0])], warnings=draft.warnings)
    kept = shown = [number for number, reading in enumerate(draft.readings) if _shows_text(reading)]
    if not draft.known and all(len(draft.readings[number].text) <= SHORT for number in kept):
        kept = [number for number in kept if _is_text(draft.readings[number]) and not draft.is_faint]
    faint = sum(len(reading.text) >= FEW and not _shows_text(reading) for reading in draft.readings)
    faint += len(shown) - len(kept)
    kept = _without_watermark(draft, kept)
    if faint:
        counted = ("1 line", "was") if faint == 1 else (f"{faint} lines", "were")
        draft.warnings.append(_FAINT_LINES.format(*counted))
    boxes, vertical = [draft.boxes[n] for n in kept], [draft.crops[n].vertical for n in kept]
    lines = [Line(draft.readings[n], _on_original(draft, draft.crops[n])) for n in kept]
    lines += [line for line, _ in draft.known]
    boxes += [box for _, box in draft.known]
    rows = _in_order(draft.angle, lines, boxes, vertical + [False] * len(draft.known))
    return Page(rows, draft.angle, draft.warnings)


def _without_watermark(draft: Draft, kept: list[int]) -> list[int]:
    """Those of the lines `kept` that are none of a watermark: light beside the others, and slanted. What it
    says becomes a warning."""
    skew = page_skew([draft.boxes[n] for n in kept])
    slanted = [n for n in kept if abs(draft.boxes[n].angle - skew) >= SLANTED]
    if not slanted or len(kept) - len(slanted) < 2:
        return kept
    usual = median(contrast(draft.crops[n].image) for n in kept if n not in slanted)
    light = [n for n in slanted if contrast(draft.crops[n].image) < LIGHT * usual]
    draft.warnings += [_WATERMARK.format(draft.readings[n].text) for n in light]
    return [n for n in kept if n not in light]


def _in_order(angle: int, lines: list[Line], boxes: list[Box], vertical: list[bool]) -> list[list[Line]]:
    """Rows of lines in reading order. On a page that was turned, lines that are upright on the sheet, such as
    its head and page number, come before or after the others, as they lie above them or not."""
    turned = [n for n, line in enumerate(lines) if not angle or line.crop.angle != 0]
    order = reading_order([boxes[n] for n in turned], [vertical[n] for n in turned])
    rows = [[lines[turned[place]] for place in row] for row in order]
    upright = sorted((line for line in lines if angle and line.crop.angle == 0), key=_height_on_sheet)
    top = min((_height_on_sheet(line) for row in rows for line in row), default=0.0)
    above = [[line] for line in upright if _height_on_sheet(line) < top]
    return above + rows + [[line] for line in upright[len(above) :]]


def _height_on_sheet(line: Line) -> float:
    """The middle of a line in pixels from the top of the image as sent."""
    height, width = line.crop.image.shape[:2]
    return float(line.crop.to_page(np.array([[width / 2, height / 2]]))[0, 1])


def _has_text(reading: Recognition) -> bool:
    return bool(reading.text)


def _shows_text(reading: Recognition) -> bool:
    return bool(reading.text) and fmean(c.confidence for c in reading.characters) >= FAINT


def _is_text(reading: Recognition) -> bool:
    """Whether what was read is text, where nothing else on the image is."""
    if not _shows_text(reading):
        return False
    if len(reading.text) == 1 or not any(map(str.isalnum, reading.text)):
        return reading.confidence >= LONE
    return len(reading.text) > SHORT or reading.confidence >= LIKELY


def _on_original(draft: Draft, crop: Crop) -> Crop:
    height, width = draft.image.shape[:2]

    def to_page(points: Points) -> Points:
        return turn_points(crop.to_page(points), -draft.angle, height, width)

    return replace(crop, to_page=to_page, angle=(crop.angle + draft.angle) % 360)
