"""What readers have corrected in a record: kept beside what was read, and laid over it when it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from frontend.errors import InvalidRequestError
from frontend.mongo import Document
from frontend.recognition.postprocess import PAGE_BREAK
from frontend.recognition.text_formats import as_lines

_EARLIER = 20
"""Of one line: how many are kept of those that others took the place of."""


class Place(NamedTuple):
    """A line by its number from 0 on, among all of the record or those of a page of it."""

    line: int
    page: int | None = None


def merged(record: Document, texts: Mapping[Place, str], by: str, now: datetime) -> list[Document]:
    """The record's corrections with `texts` by place of the line; those that say what was read end.

    One that takes the place of another has it among its `earlier` ones.
    Raises InvalidRequestError if there is no such line.
    """
    lines: list[Document] = record["lines"]
    found = {correction["line"]: correction for correction in record.get("corrections", [])}
    for place, after in texts.items():
        line = _index(lines, place)
        said = {"after": after, "at": now, "by": by}
        found[line] = {
            "line": line,
            "before": lines[line]["text"],
            **said,
            **_earlier(found.get(line), after),
        }
    return [one for _, one in sorted(found.items()) if one["after"] != one["before"]]


def _earlier(known: Document | None, after: str) -> Document:
    """What was said of a line before, the latest last."""
    if known is None:
        return {}
    earlier: list[Document] = known.get("earlier", [])
    if known["after"] != after:
        earlier = [*earlier, {name: known[name] for name in ("after", "at", "by")}][-_EARLIER:]
    return {"earlier": earlier} if earlier else {}


def _index(lines: list[Document], place: Place) -> int:
    """Among all lines. Raises InvalidRequestError if there is no such line."""
    own = [number for number, line in enumerate(lines) if place.page in {None, line.get("page")}]
    if place.line >= len(own):
        whose = "record" if place.page is None else f"record's page {place.page}"
        raise InvalidRequestError([("lines", f"The {whose} has {len(own)} lines, counted from 0.")])
    return own[place.line]


def corrected(record: Document) -> Document:
    """A whole record with the lines and texts as corrected. Where their characters stand is not known."""
    corrections = {one["line"]: one for one in record.get("corrections", [])}
    if not corrections:
        return record
    lines = [
        _saying(line, corrections[number]["after"]) if number in corrections else line
        for number, line in enumerate(record["lines"])
    ]
    pages = [page | {"text": _text(_of_page(lines, page))} for page in record.get("pages") or []]
    text = PAGE_BREAK.join(page["text"] for page in pages) if pages else _text(lines)
    return record | {"lines": lines, "text": text} | ({"pages": pages} if pages else {})


def _saying(line: Document, text: str) -> Document:
    return {name: value for name, value in line.items() if name != "chars"} | {"text": text}


def _of_page(lines: list[Document], page: Document) -> list[Document]:
    return [line for line in lines if line["page"] == page["page"]]


def _text(lines: list[Document]) -> str:
    """Lines that were emptied leave no row behind."""
    return as_lines([line for line in lines if line["text"]])
