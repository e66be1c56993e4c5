"""Which records are asked for, as queries of MongoDB; and the terms that text is found by."""

from __future__ import annotations

import base64
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import ASCENDING, DESCENDING, IndexModel

from frontend.errors import RecordNotFoundError, invalid_cursor
from frontend.mongo import Document

NEWEST_FIRST = [("timestamp", DESCENDING), ("_id", DESCENDING)]
_TERM_LENGTH = 3
"""Characters of the longest terms. Pairs are not rare enough: wh, ho, ol… are in most English receipts."""
_MAX_QUERY_TERMS = 16
NAME_MARK = "\0"
"""Between a record's text and its name, which are searched together: no query has it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _newest_by(*fields: str) -> list[tuple[str, int]]:
    """The keys of an index that has an owner's records by `fields`, newest first: nothing need be sorted."""
    return [(field, ASCENDING) for field in ("owner", *fields)] + NEWEST_FIRST


BY_TERM = _newest_by("terms")
_BY_TIME, _BY_MODEL, _BY_IMAGE = _newest_by(), _newest_by("model"), _newest_by("image_hash")
INDEXES = [
    *(IndexModel(keys) for keys in (_BY_TIME, _BY_MODEL, _BY_IMAGE, BY_TERM)),
    IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
]


@dataclass(frozen=True)
class HistoryFilter:
    """Which records: all conditions given must hold. `since` is included, `until` is not."""

    image_hash: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    ids: tuple[str, ...] | None = None
    has_fields: bool = False
    """Only those whose fields were asked for."""

    @property
    def index(self) -> list[tuple[str, int]]:
        """The one that leaves the fewest records to look at. MongoDB would try several side by side."""
        if self.ids is not None:
            return [("_id", ASCENDING)]
        if self.image_hash:
            return _BY_IMAGE
        if self.text:
            return BY_TERM
        return _BY_MODEL if self.model else _BY_TIME


def fold(text: str) -> str:
    """`text` as the search sees it: NFKC, case folded, without white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def index_terms(folded: str) -> list[str]:
    """Each run of one to three characters of a folded text; so 客票 is found in 电子客票行程单."""
    return sorted({term for length in range(1, _TERM_LENGTH + 1) for term in _runs(folded, length)})


def query_terms(text: str) -> list[str]:
    """The longest terms of a text that is sought, every so many of them when they are many."""
    folded = fold(text)
    terms = list(dict.fromkeys(_runs(folded, min(len(folded), _TERM_LENGTH))))
    return terms[:: -(-len(terms) // _MAX_QUERY_TERMS)]


def _runs(folded: str, length: int) -> list[str]:
    return [folded[start : start + length] for start in range(len(folded) - length + 1)]


def query(owner: str, wanted: HistoryFilter, term: str | None) -> Document:
    """The records of `owner`; those with the text sought are among those with `term`, one of its terms."""
    conditions: Document = {"owner": owner}
    if wanted.ids is not None:
        conditions["_id"] = {"$in": [object_id(record_id) for record_id in wanted.ids]}
    if wanted.image_hash:
        conditions["image_hash"] = wanted.image_hash
    if wanted.model:
        conditions["model"] = wanted.model
    if wanted.has_fields:
        conditions["options.fields"] = {"$exists": True}
    if wanted.text:
        conditions["terms"] = term
        if (folded := fold(wanted.text)) != term:
            conditions["folded"] = {"$regex": re.escape(folded)}
    times = {"$gte": wanted.since, "$lt": wanted.until}
    if given := {operator: time for operator, time in times.items() if time}:
        conditions["timestamp"] = given
    return conditions


def cursor_after(document: Document) -> str:
    """A place between two records, as text that means nothing to others."""
    milliseconds = (document["timestamp"] - _EPOCH) // timedelta(milliseconds=1)
    return base64.urlsafe_b64encode(f"{milliseconds}:{document['_id']}".encode()).decode()


def older_than(cursor: str) -> Document:
    """The records behind that place. The first condition lets the index begin there."""
    try:
        milliseconds, _, record_id = base64.urlsafe_b64decode(cursor).decode("ascii").partition(":")
        time = _EPOCH + timedelta(milliseconds=int(milliseconds))
        last = ObjectId(record_id)
    except (ValueError, OverflowError, InvalidId) as error:
        raise invalid_cursor() from error
    before = [{"timestamp": {"$lt": time}}, {"_id": {"$lt": last}}]
    return {"timestamp": {"$lte": time}, "$or": before}


def object_id(record_id: str) -> ObjectId:
    """Raises RecordNotFoundError: what is no id is the id of no record."""
    try:
        return ObjectId(record_id)
    except InvalidId as error:
        raise RecordNotFoundError from error
