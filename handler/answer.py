"""A request while it is read, and its answer as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.constraint import Constraint
from handler.decode import Match, Recognition
from handler.document import Sheet
from handler.image import Pixels
from handler.mrz import zones
from handler.options import Options
from handler.page import Line, Page
from handler.preprocess import Strip
from handler.reading import PageReading

Answer = dict[str, Any]
MARGIN = 0.1
"""Room left and right of a line in its box, in heights of the line: as much as above and below."""
_FOREIGN = "{} may be in a script that the model does not read; such text is a guess."
_GIVEN_UP = (
    "The pattern took too long, so lines were left out. Write it without repetition within repetition."
)


@dataclass
class Job:
    """A request: its sheets, and of each the page that is being read, or that a PDF's text makes."""

    sheets: list[Sheet]
    is_document: bool
    opened: list[PageReading | Page]
    options: Options
    number: int = field(default_factory=count().__next__)
    """In the order in which requests came."""
    seconds: dict[str, float] = field(default_factory=lambda: {"find": 0.0, "read": 0.0})
    """Spent on finding its lines, and on reading them together with those of its batches."""

    @property
    def pages(self) -> list[Page]:
        """Those that are read."""
        found = (page.page if isinstance(page, PageReading) else page for page in self.opened)
        return [page for page in found if page]

    @property
    def is_read(self) -> bool:
        return len(self.pages) == len(self.opened)

    @property
    def waiting(self) -> int:
        """Lines that can be read now."""
        return sum(len(page.waiting) for page in self.opened if isinstance(page, PageReading))

    def portions(self, lines: int) -> Iterator[tuple[PageReading, int]]:
        """Pages with lines to be read, and how many of each, so that they are so many in all."""
        for page in self.opened:
            taken = min(lines, len(page.waiting)) if isinstance(page, PageReading) else 0
            if taken and isinstance(page, PageReading):
                yield page, taken
                lines -= taken


def to_answer(job: Job) -> Answer:
    """The answer for an image, or for a document: then under `pages`, one each."""
    answers = [
        page_answer(sheet.image, page, sheet.warnings, job.options.constraint)
        for sheet, page in zip(job.sheets, job.pages, strict=True)
    ]
    return {"pages": answers} if job.is_document else answers[0]


def page_answer(
    image: Pixels, page: Page, warnings: Sequence[str] = (), constraint: Constraint | None = None
) -> Answer:
    """The answer for an image: lines in reading order; those of one row have the same number `row`.

    `warnings` are added to the page's own; it has these, and `mrz`, only where there are some: see mrz.zones.
    With a constraint, the lines have their `match` or null, and the page the surest of them.
    """
    height, width = image.shape[:2]
    lines = [_line(width, height, line) | {"row": n} for n, row in enumerate(page.rows) for line in row]
    answer: Answer = {"width": width, "height": height, "angle": page.angle, "lines": lines}
    if constraint:
        for line, read in zip(lines, (line for row in page.rows for line in row), strict=True):
            line["match"] = _match(read.reading, constraint)
        answer["match"] = _best(line["match"] for line in lines)
    foreign = sum(line.reading.is_foreign for row in page.rows for line in row)
    strange = [_FOREIGN.format(f"{foreign} line" + "s" * (foreign > 1))] if foreign else []
    given_up = [_GIVEN_UP] if constraint and constraint.is_given_up else []
    told = {
        "warnings": [*warnings, *page.warnings, *strange, *given_up],
        "mrz": list(zones([row[0].reading.text if len(row) == 1 else "" for row in page.rows])),
    }
    return answer | {name: value for name, value in told.items() if value}


def _match(reading: Recognition, constraint: Constraint) -> Answer | None:
    """The best match of a line; of one that a PDF has as text, the text if it matches."""
    match = reading.match
    if not match and constraint.allows(reading.text)[1]:
        match = Match(reading.text, reading.confidence)
    return {"text": match.text, "confidence": round(match.confidence, 4)} if match else None


def _best(matches: Iterable[Answer | None]) -> Answer | None:
    return max(filter(None, matches), key=lambda match: match["confidence"], default=None)


def _line(width: int, height: int, line: Line) -> Answer:
    """A line with its boxes in pixels of an image (height, width)."""
    reading, (high, wide) = line.reading, line.crop.image.shape[:2]
    if reading.strip is None:
        raise ValueError("a reading without its strip has no place on the page")
    strip = reading.strip

    def outlines(spans: Sequence[tuple[float, float]]) -> list[list[list[float]]]:
        """Four corners each, clockwise from the top left of the text, of its columns from start to end."""
        points = _outlines(strip, spans, high, wide)
        # a vertical line was cut apart: the way back is a character's own
        ways = points if line.crop.vertical else points.reshape(1, -1, 2)
        back = np.array([line.crop.to_page(way) for way in ways]).reshape(points.shape)
        return np.clip(back, 0, (width, height)).round(1).tolist()  # type: ignore[no-any-return]

    boxes = map(bounds, outlines([(c.start, c.end) for c in reading.characters]))
    chars: list[Answer] = [
        {"char": c.char, "confidence": round(c.confidence, 4), "bbox": box}
        for c, box in zip(reading.characters, boxes, strict=True)
    ]
    if line.crop.vertical:
        box = bounds([corner for char in chars for corner in char["bbox"]])
        (left, top), (right, bottom) = box
        polygon = [[left, top], [right, top], [right, bottom], [left, bottom]]
    else:
        margin = MARGIN * (strip.bottom - strip.top)
        (polygon,) = outlines([(reading.characters[0].start - margin, reading.characters[-1].end + margin)])
    return ({"unsupported": True} if reading.is_foreign else {}) | {
        "text": reading.text,
        "confidence": round(reading.confidence, 4),
        "model": reading.model,
        "angle": line.crop.angle,
        "bbox": bounds(polygon),
        "polygon": polygon,
        "chars": chars,
    }


def _outlines(
    strip: Strip, spans: Sequence[tuple[float, float]], height: int, width: int
) -> NDArray[np.float64]:
    """(N, 4, 2): the corners of N spans of columns of a line image (height, width), in its pixels."""
    corners = []
    for start, end in spans:
        (top, bottom), (last_top, last_bottom) = strip.rows(start, width), strip.rows(end, width)
        corners.append([(start, top), (end, last_top), (end, last_bottom), (start, bottom)])
    points = np.array(corners, float)
    points[..., 1] = points[..., 1].clip(0, height)
    return points


def bounds(points: list[list[float]]) -> list[list[float]]:
    """[[left, top], [right, bottom]] of points."""
    xs, ys = zip(*points, strict=True)
    return [[min(xs), min(ys)], [max(xs), max(ys)]]
