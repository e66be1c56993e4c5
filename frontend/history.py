"""MongoDB: what was recognized, by whom and when. The only module that knows pymongo."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import threading
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pymongo
from bson import ObjectId
from bson.errors import InvalidId
from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    DuplicateKeyError,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from frontend.errors import HistoryDownError, InvalidRequestError, OCRError, RecordNotFoundError
from frontend.outage import Outage

log = logging.getLogger(__name__)
T = TypeVar("T")
Document = dict[str, Any]

_SELECTION_TIMEOUT_MS = 1000
_WRITE_TIMEOUT_SECONDS = 2.0
_READ_TIMEOUT_SECONDS = 5.0
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

    def __init__(self, url: str, days: float) -> None:
        self._days = days
        self._client: MongoClient[Document] = MongoClient(
            url,
            serverSelectionTimeoutMS=_SELECTION_TIMEOUT_MS,
            connectTimeoutMS=_SELECTION_TIMEOUT_MS,
            tz_aware=True,
            connect=False,
        )
        self._records: Collection[Document] = self._client.get_default_database("ocr")["history"]
        self._outage = Outage()
        self._indexed = False
        self._index_lock = threading.Lock()

    def prepare(self) -> None:
        """Create the indexes now, or at the first contact when MongoDB is away."""
        try:
            self.ping()
        except OCRError:
            log.warning("indexes of the history will be created when mongodb is there")

    def add(self, owner: str, record: Mapping[str, Any], once: str | None = None) -> str:
        """Store what was recognized for `owner`; returns the record's id. Raises OCRError.

        `once` names the occasion: whatever is added on the same one again is the same record.
        """
        now = datetime.now(UTC)
        folded = fold(record["text"])
        document = {"_id": _record_id(once), "owner": owner, "timestamp": now, **record}
        document |= {"folded": folded, "terms": sorted(index_terms(folded))}
        if self._days:
            document["expires_at"] = now + timedelta(days=self._days)
        self._call(lambda: self._insert(document), _WRITE_TIMEOUT_SECONDS)
        return str(document["_id"])

    def find(self, owner: str, wanted: HistoryFilter, limit: int, cursor: str | None = None) -> HistoryPage:
        """One page of `owner`'s records, newest first, without their lines."""
        query = _query(owner, wanted)
        if cursor:
            query = {"$and": [query, _older_than(cursor)]}
        found = self._call(
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
        if not self._call(lambda: self._records.delete_one(query)).deleted_count:
            raise RecordNotFoundError

    def ping(self) -> None:
        """Raises OCRError when MongoDB does not answer, or not as it should."""
        self._call(lambda: self._client.admin.command("ping"), _WRITE_TIMEOUT_SECONDS)

    def close(self) -> None:
        self._client.close()

    def _get(self, owner: str, record_id: str) -> Document:
        query = {"_id": _object_id(record_id), "owner": owner}
        document = self._call(lambda: self._records.find_one(query))
        if document is None:
            raise RecordNotFoundError
        return document

    def _insert(self, document: Document) -> None:
        try:
            self._records.insert_one(document)
        except DuplicateKeyError:
            log.debug("an earlier attempt had stored it")

    def _call(self, command: Callable[[], T], timeout_seconds: float = _READ_TIMEOUT_SECONDS) -> T:
        """Raises HistoryDownError when MongoDB cannot be reached, OCRError when it refuses the command."""
        if not self._outage.may_try():
            raise HistoryDownError
        try:
            self._ensure_indexes()
            with pymongo.timeout(timeout_seconds):
                answer = _twice(command)
        except PyMongoError as error:
            raise self._failure(error) from error
        if self._outage.ended():
            log.info("mongodb is back")
        return answer

    def _failure(self, error: PyMongoError) -> OCRError:
        """What an error of pymongo means, noted in the log without the values it may quote."""
        if not (isinstance(error, ConnectionFailure) or error.timeout):
            code = getattr(error, "code", None)
            log.error("mongodb refused a command: %s, code %s", type(error).__name__, code)
            return OCRError()
        if self._outage.began():
            log.warning("mongodb is down: %s", type(error).__name__)
        return HistoryDownError()

    def _ensure_indexes(self) -> None:
        if self._indexed:
            return
        with self._index_lock:
            if not self._indexed:
                self._records.create_indexes(_INDEXES)
                self._indexed = True


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


def _record_id(once: str | None) -> ObjectId:
    return ObjectId(hashlib.sha256(once.encode()).digest()[:12] if once else None)


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


def _twice(command: Callable[[], T]) -> T:
    """A connection that a restart of the server left stale fails once; the second attempt opens a new one."""
    try:
        return command()
    except ServerSelectionTimeoutError:
        raise
    except AutoReconnect:
        return command()
