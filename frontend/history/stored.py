"""Documents of the history: as they are stored, changed, and shown to their owner."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from frontend.extraction.extract import find_fields
from frontend.history.corrections import corrected
from frontend.history.search import NAME_MARK, fold, index_terms
from frontend.mongo import Document
from frontend.recognition.entry import STORED_OF_PAGES

WHOLE = {"terms": 0, "folded": 0, "thumbnail": 0}
SUMMARY = WHOLE | dict.fromkeys(("bbox", "angle", "lines", "warnings", "mrz", "match"), 0)
SUMMARY |= {f"pages.{name}": 0 for name in STORED_OF_PAGES if name != "page"}
SUMMARY |= {f"corrections.{name}": 0 for name in ("before", "after", "at", "by", "earlier")}
KEYS = {"cache_key": 1, "cache_keys": 1}
"""What is read: all but what only the search needs, all but the lines too, and where the cache has it."""
ONLY_ID: Document = {"owner": {"$exists": False}, "expires_at": {"$exists": True}}
"""What is left of a deleted document for a while, so that pages still being read do not bring it back."""


def new_document(owner: str, record: Mapping[str, Any], now: datetime, days: float) -> Document:
    """A record as it is stored, to be forgotten after so many days (0: never)."""
    document = {"_id": ObjectId(), "owner": owner, "timestamp": now, **record, **_with_thumbnail(record)}
    document |= _terms(document, record["text"])
    if days:
        document["expires_at"] = now + timedelta(days=days)
    return document


def id_of(occasion: str) -> ObjectId:
    return ObjectId(hashlib.sha256(occasion.encode()).digest()[:12])


def is_forgotten(document: Document) -> bool:
    return "owner" not in document  # see ONLY_ID


def cache_keys_of(document: Document) -> list[str]:
    return document.get("cache_keys") or [document.get("cache_key", "")]


def _with_thumbnail(fields: Mapping[str, Any]) -> Document:
    """What tells that there is one, for it is not read along."""
    return {"has_thumbnail": True} if "thumbnail" in fields else {}


def _terms(document: Document, text: str) -> Document:
    """By what a record is found, where this is its text."""
    parts = [fold(text), fold(document.get("name", ""))]
    return {
        "folded": NAME_MARK.join(filter(None, parts)),
        "terms": sorted({term for part in parts for term in index_terms(part)}),
    }


def update_of(document: Document, fields: Document) -> dict[str, Document]:
    """The update of a record that has these `fields` from now on: it is found by the text as corrected."""
    changed = document | fields
    text = corrected(changed)["text"]
    fields = fields | _with_thumbnail(fields) | _terms(document, text)
    if changed.get("corrections"):
        return {"$set": fields | {"corrected_text": text}}
    fields.pop("corrections", None)
    return {"$unset": {"corrections": "", "corrected_text": ""}, "$set": fields}


_HIDDEN = {
    *("_id", "owner", "folded", "terms", "thumbnail", "timestamp", "expires_at", "corrected_text"),
    *KEYS,
}


def as_shown(document: Document) -> Document:
    """A document as its owner sees it: with its lines, or a summary without."""
    is_whole = "lines" in document
    shown = {name: value for name, value in document.items() if name not in _HIDDEN}
    if is_whole:
        shown |= _whole(document)
    shown["text"] = document.get("corrected_text", document["text"])
    for name in ("timestamp", "expires_at"):
        if name in document:
            shown[name] = document[name].isoformat()
    for name, count in (("pages", "page_count"), ("corrections", "corrected_lines")):
        if name in document:
            shown[count] = len(document[name])
            if not is_whole:
                del shown[name]
    return {"id": str(document["_id"]), "has_thumbnail": False, **shown}


def _whole(document: Document) -> Document:
    """The lines of a document as corrected, also by page, its fields if asked for, its corrections."""
    record = corrected(document)
    shown: Document = {"lines": record["lines"]}
    if pages := record.get("pages"):  # stored without their lines, which the record has
        by_page: dict[int, list[Document]] = {page["page"]: [] for page in pages}
        for line in record["lines"]:
            by_page[line["page"]].append(line)
        shown["pages"] = [page | {"lines": by_page[page["page"]]} for page in pages]
    if option := document.get("options", {}).get("fields"):
        shown["fields"] = find_fields(option, record["lines"])
    if corrections := document.get("corrections"):
        shown["corrections"] = [_told(one) for one in corrections]
    return shown


def _told(correction: Document) -> Document:
    shown = correction | {"at": correction["at"].isoformat()}
    return shown | ({"earlier": [_told(one) for one in correction["earlier"]]} if "earlier" in shown else {})
