"""The handler's prediction -> the text, confidence and boxes of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from statistics import fmean
from typing import Any

from frontend.recognition.blocks import Block, find_blocks
from frontend.recognition.predictions import Line, Match, Page, Point, Prediction
from frontend.recognition.text_formats import TEXT_FORMATS, TextFormat
from frontend.recognition.upright import Lines

_OF_ALL = ("warnings", "mrz")
PAGE_BREAK = "\n\n"
_UNSURE = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Reading:
    """The text of an image or page. Boxes are [[left, top], [right, bottom]] in pixels as it was sent."""

    text: str
    confidence: float | None
    mean_confidence: float | None
    """Of the lines; `confidence` is the least."""
    bbox: list[Point] | None
    lines: list[dict[str, Any]]
    blocks: list[Block]
    angle: int
    width: int
    height: int
    pages: list[dict[str, Any]] | None
    """Of a document; `lines` and `blocks` are then those of all pages, size and angle those of the first."""
    reviewed_text: str | None
    warnings: list[str]
    """Sentences about what was not looked at, or not closely; of a document, with the page."""
    mrz: list[dict[str, Any]]
    """Machine-readable zones: of a document, each with its `page`."""
    match: Match | None
    """The surest of the lines' matches, where the request has a pattern or a lexicon."""


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
        text=PAGE_BREAK.join(page.text for page in pages),
        confidence=_least(lines),
        mean_confidence=_mean(lines),
        bbox=None,
        lines=lines,
        blocks=_of_all_pages((number, page.blocks, len(page.lines)) for number, page in numbered),
        angle=pages[0].angle,
        width=pages[0].width,
        height=pages[0].height,
        pages=[{"page": number} | _as_part(page) for number, page in numbered],
        reviewed_text=PAGE_BREAK.join(reviewed) if threshold else None,
        warnings=[f"Page {number}: {warning}" for number, page in numbered for warning in page.warnings],
        mrz=[zone | {"page": number} for number, page in numbered for zone in page.mrz],
        match=max(filter(None, (page.match for page in pages)), key=itemgetter("confidence"), default=None),
    )


def _read_page(page: Page, threshold: float | None, joined: Callable[[Lines, str], str]) -> Reading:
    lines: list[dict[str, Any]] = [dict(line) for line in page["lines"]]
    if threshold:
        for line, read in zip(lines, page["lines"], strict=True):
            line["reviewed_text"] = _reviewed(read, threshold)
    return Reading(
        text=joined(lines, "text"),
        confidence=_least(lines),
        mean_confidence=_mean(lines),
        bbox=union([line["bbox"] for line in page["lines"]]),
        lines=lines,
        blocks=find_blocks(lines),
        angle=page["angle"],
        width=page["width"],
        height=page["height"],
        pages=None,
        reviewed_text=joined(lines, "reviewed_text") if threshold else None,
        warnings=list(page.get("warnings", [])),
        mrz=list(page.get("mrz", [])),
        match=page.get("match"),
    )


def _as_part(page: Reading) -> dict[str, Any]:
    """A page of a document, whose `pages` and `_OF_ALL` are the document's."""
    return {name: value for name, value in vars(page).items() if name not in {"pages", *_OF_ALL}}


def _least(lines: Sequence[dict[str, Any]]) -> float | None:
    return min((line["confidence"] for line in lines), default=None)


def _mean(lines: Sequence[dict[str, Any]]) -> float | None:
    return round(fmean(line["confidence"] for line in lines), 4) if lines else None


def _of_all_pages(pages: Iterable[tuple[int, Sequence[Block], int]]) -> list[Block]:
    """Those of pages, given by number with their blocks and how many lines they have, counted through."""
    blocks: list[Block] = []
    before = 0
    for number, found, count in pages:
        for block in found:
            blocks.append({**block, "page": number, "lines": [before + place for place in block["lines"]]})
        before += count
    return blocks


def with_blocks(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the history with its blocks, and those of its pages, which it does not keep."""
    if pages := record.get("pages"):
        shown = [{**page, "blocks": find_blocks(page["lines"])} for page in pages]
        parts = [(page["page"], page["blocks"], len(page["lines"])) for page in shown]
        return {**record, "blocks": _of_all_pages(parts), "pages": shown}
    return {**record, "blocks": find_blocks(record["lines"])}


def text_of(record: Mapping[str, Any], text_format: TextFormat) -> str:
    """The text of a record, or of another answer, in this format. Lines may lack `row`, and their text."""
    texts = []
    for page in record.get("pages") or [record]:
        lines = [{"row": number, **line} for number, line in enumerate(page["lines"]) if line["text"]]
        texts.append(TEXT_FORMATS[text_format](lines, "text"))
    return PAGE_BREAK.join(texts)


def _reviewed(line: Line, threshold: float) -> str:
    return "".join(c["char"] if c["confidence"] >= threshold else _UNSURE for c in line["chars"])


def union(boxes: Sequence[Sequence[Point]]) -> list[Point] | None:
    """The smallest box around all; None of none."""
    return enclosing(boxes) if boxes else None


def enclosing(boxes: Sequence[Sequence[Point]]) -> list[Point]:
    """The smallest box around at least one."""
    corners = [point for box in boxes for point in box]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return [[min(xs), min(ys)], [max(xs), max(ys)]]
