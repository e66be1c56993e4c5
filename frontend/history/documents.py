"""A document whose pages are read one by one: its record grows by a page at a time, in whatever order."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from frontend.mongo import Document
from frontend.recognition.entry import STORED_CHARACTERS, without_characters
from frontend.recognition.postprocess import PAGE_BREAK

MAX_LINES = 10_000
"""Of one record: with more, MongoDB's limit of 16 MB for a document would come near."""
_OF_FIRST = ("angle", "width", "height", "thumbnail")


def with_page(document: Document, record: Document) -> Document | None:
    """The fields of `document` that change as `record`, one of its pages, is put in its place.

    None where it would be too large.
    """
    lines = _put_in(document, record)
    if len(lines) > MAX_LINES:
        return None
    (page,) = record["pages"]
    pages = sorted([*document["pages"], page], key=lambda one: int(one["page"]))
    text = PAGE_BREAK.join(one["text"] for one in pages)
    changes = {
        "pages": pages,
        "text": text,
        "lines": without_characters(lines) if len(text) > STORED_CHARACTERS else lines,
        "confidence": min((line["confidence"] for line in lines), default=None),
        "mean_confidence": round(fmean(line["confidence"] for line in lines), 4) if lines else None,
        "cache_keys": [*document["cache_keys"], *record["cache_keys"]],
        **{name: found for name in ("warnings", "mrz") if (found := _both(document, record, name))},
    }
    if pages[0] is page:
        changes |= {name: record[name] for name in _OF_FIRST if name in record}
    if corrections := document.get("corrections"):
        changes["corrections"] = _moved(corrections, before=_lines_before(document, page), by=record)
    return changes


def _lines_before(document: Document, page: Document) -> int:
    return sum(line["page"] < page["page"] for line in document["lines"])


def _put_in(document: Document, record: Document) -> list[Document]:
    place = _lines_before(document, record["pages"][0])
    return [*document["lines"][:place], *record["lines"], *document["lines"][place:]]


def _both(document: Document, record: Document, name: str) -> list[Any]:
    return [*document.get(name, []), *record.get(name, [])]


def _moved(corrections: list[Document], before: int, by: Document) -> list[Document]:
    """Corrections of lines that other lines have come before."""
    count = len(by["lines"])
    return [one | {"line": one["line"] + (count if one["line"] >= before else 0)} for one in corrections]
