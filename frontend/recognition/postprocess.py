"""The handler's prediction -> the text, confidence and boxes of the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from frontend.recognition.predictions import Line, Page, Point, Prediction
from frontend.recognition.text_formats import TEXT_FORMATS, Lines, TextFormat

_OF_ALL = ("warnings", "mrz")
_UNSURE = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Reading:
    """The text of an image or page. Boxes are [[left, top], [right, bottom]] in pixels as it was sent."""

    text: str
    confidence: float | None
    bbox: list[Point] | None
    lines: list[dict[str, Any]]
    angle: int
    width: int
    height: int
    pages: list[dict[str, Any]] | None
    """Of a document; then `lines` are those of all pages, and size and angle those of the first."""
    reviewed_text: str | None
    warnings: list[str]
    """Sentences about what was not looked at, or not closely; of a document, with the page."""
    mrz: list[dict[str, Any]]
    """Machine-readable zones: of a document, each with its `page`."""


def assemble(
    prediction: Prediction, first_page: int, threshold: float | None, text_format: TextFormat = "lines"
) -> Reading:
    """The reading of an image or document, whose first page has this number."""
    pages = [_read_page(page, threshold, TEXT_FORMATS[text_format]) for page in prediction["pages"]]
    if not prediction["is_document"]:
        return pages[0]
    numbered = list(enumerate(pages, first_page))
    for number, page in numbered:
        for line in page.lines:
            line["page"] = number
    lines = [line for page in pages for line in page.lines]
    reviewed = [page.reviewed_text for page in pages if page.reviewed_text is not None]
    return Reading(
        text="\n\n".join(page.text for page in pages),
        confidence=_least(lines),
        bbox=None,
        lines=lines,
        angle=pages[0].angle,
        width=pages[0].width,
        height=pages[0].height,
        pages=[{"page": number} | _as_part(page) for number, page in numbered],
        reviewed_text="\n\n".join(reviewed) if threshold else None,
        warnings=[f"Page {number}: {warning}" for number, page in numbered for warning in page.warnings],
        mrz=[zone | {"page": number} for number, page in numbered for zone in page.mrz],
    )


def _read_page(page: Page, threshold: float | None, joined: Callable[[Lines, str], str]) -> Reading:
    lines: list[dict[str, Any]] = [dict(line) for line in page["lines"]]
    if threshold:
        for line, read in zip(lines, page["lines"], strict=True):
            line["reviewed_text"] = _reviewed(read, threshold)
    return Reading(
        text=joined(lines, "text"),
        confidence=_least(lines),
        bbox=union([line["bbox"] for line in page["lines"]]),
        lines=lines,
        angle=page["angle"],
        width=page["width"],
        height=page["height"],
        pages=None,
        reviewed_text=joined(lines, "reviewed_text") if threshold else None,
        warnings=list(page.get("warnings", [])),
        mrz=list(page.get("mrz", [])),
    )


def _as_part(page: Reading) -> dict[str, Any]:
    """A page of a document, whose `pages` and `_OF_ALL` are the document's."""
    return {name: value for name, value in vars(page).items() if name not in {"pages", *_OF_ALL}}


def _least(lines: Sequence[dict[str, Any]]) -> float | None:
    return min((line["confidence"] for line in lines), default=None)


def _reviewed(line: Line, threshold: float) -> str:
    return "".join(c["char"] if c["confidence"] >= threshold else _UNSURE for c in line["chars"])


def union(boxes: list[list[Point]]) -> list[Point] | None:
    """The smallest box around all; None of none."""
    if not boxes:
        return None
    corners = [point for box in boxes for point in box]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return [[min(xs), min(ys)], [max(xs), max(ys)]]
