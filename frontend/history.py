"""The history in MongoDB: what was recognized, by whom and when."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import ASCENDING, DESCENDING, IndexModel

from frontend.errors import InvalidRequestError, RecordNotFoundError
from frontend.mongo import Document, Mongo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_QUERY_TERMS = 32
_NEWEST_FIRST = [("timestamp", DESCENDING), ("_id", DESCENDING)]
_INDEXES = [
    IndexModel([("owner", ASCENDING), *_NEWEST_FIRST]),
    IndexModel([("owner", ASCENDING), ("image_hash", ASCENDING), *_NEWEST_FIRST]),
    IndexModel([("owner", ASCENDING), ("terms", ASCENDING), *_NEWEST_FIRST]),
    IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
]
_LIST_FIELDS = {"lines": 0, "terms": 0, "folded": 0}


@dataclass(frozen=True)
class HistoryFilter:
    """Which records: all conditions given must hold. `since` is included, `until` is not."""

    image_hash: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class HistoryPage:
    records: list[Document]
    next_cursor: str | None


class History:
    """Every method takes the owner first, and sees nobody else's records."""

    def __init__(self, mongo: Mongo, days: float) -> None:
        self._days = days
        self._mongo = mongo
        self._records = mongo.collection("history", _INDEXES)

    def add(self, owner: str, record: Mapping[str, Any]) -> str:
        """Store what was recognized for `owner`; returns the record's id. Raises OCRError."""
        now = datetime.now(UTC)
        folded = fold(record["text"])
        document = {"_id": ObjectId(), "owner": owner, "timestamp": now, **record}
        document |= {"folded": folded, "terms": sorted(index_terms(folded))}
        if self._days:
            document["expires_at"] = now + timedelta(days=self._days)
        self._mongo.insert(self._records, document)
        return str(document["_id"])

    def find(self, owner: str, wanted: HistoryFilter, limit: int, cursor: str | None = None) -> HistoryPage:
        """One page of `owner`'s records, newest first, without their lines."""
        query = _query(owner, wanted)
        if cursor:
            query = {"$and": [query, _older_than(cursor)]}
        found = self._mongo.call(
            lambda: list(self._records.find(query, _LIST_FIELDS).sort(_NEWEST_FIRST).limit(limit + 1))
        )
        page = found[:limit]
        return HistoryPage([_public(d) for d in page], _cursor(page[-1]) if len(found) > limit else None)

    def get(self, owner: str, record_id: str) -> Document:
        """One record with its lines. Raises RecordNotFoundError, also when it is someone else's."""
        return _public(self._get(owner, record_id))

    def cache_key(self, owner: str, record_id: str) -> str:
        """Where the cache keeps the answer that this record holds."""
        return str(self._get(owner, record_id).get("cache_key", ""))

    def delete(self, owner: str, record_id: str) -> None:
        """Forget one record. Raises RecordNotFoundError, also when it is someone else's."""
        query = {"_id": _object_id(record_id), "owner": owner}
        if not self._mongo.call(lambda: self._records.delete_one(query)).deleted_count:
            raise RecordNotFoundError

    def _get(self, owner: str, record_id: str) -> Document:
        query = {"_id": _object_id(record_id), "owner": owner}
        document = self._mongo.call(lambda: self._records.find_one(query))
        if document is None:
            raise RecordNotFoundError
        return document


def fold(text: str) -> str:
    """`text` as the search sees it: NFKC, case folded, without white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def index_terms(folded: str) -> set[str]:
    """The characters and pairs of neighbours of a folded text; so 客票 is found in 电子客票行程单."""
    return set(folded) | _pairs(folded)


def _pairs(folded: str) -> set[str]:
    return {first + second for first, second in zip(folded, folded[1:], strict=False)}


def _query(owner: str, wanted: HistoryFilter) -> Document:
    query: Document = {"owner": owner}
    if wanted.image_hash:
        query["image_hash"] = wanted.image_hash
    if wanted.text:
        folded = fold(wanted.text)
        terms = sorted(_pairs(folded) or {folded})[:_MAX_QUERY_TERMS]
        query |= {"terms": {"$all": terms}, "folded": {"$regex": re.escape(folded)}}
    times = {"$gte": wanted.since, "$lt": wanted.until}
    if given := {operator: time for operator, time in times.items() if time}:
        query["timestamp"] = given
    return query


def _cursor(document: Document) -> str:
    """A place between two records, as text that means nothing to others."""
    milliseconds = (document["timestamp"] - _EPOCH) // timedelta(milliseconds=1)
    return base64.urlsafe_b64encode(f"{milliseconds}:{document['_id']}".encode()).decode()


def _older_than(cursor: str) -> Document:
    try:
        milliseconds, _, record_id = base64.urlsafe_b64decode(cursor).decode("ascii").partition(":")
        time = _EPOCH + timedelta(milliseconds=int(milliseconds))
        last = ObjectId(record_id)
    except (ValueError, OverflowError, InvalidId) as error:
        message = "This is no cursor of this service. Use `next_cursor` of the page before, or leave it out."
        raise InvalidRequestError([("cursor", message)]) from error
    return {"$or": [{"timestamp": {"$lt": time}}, {"timestamp": time, "_id": {"$lt": last}}]}


def _object_id(record_id: str) -> ObjectId:
    try:
        return ObjectId(record_id)
    except InvalidId as error:
        raise RecordNotFoundError from error


def _public(document: Document) -> Document:
    """A document as its owner sees it."""
    hidden = {"_id", "owner", "folded", "terms", "cache_key", "timestamp", "expires_at"}
    shown = {name: value for name, value in document.items() if name not in hidden}
    for name in ("timestamp", "expires_at"):
        if name in document:
            shown[name] = document[name].isoformat()
    return {"id": str(document["_id"]), **shown}
