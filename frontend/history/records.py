"""The history: what was recognized, by whom and when."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bson import ObjectId

from frontend.errors import RecordNotFoundError
from frontend.history.search import (
    BY_TERM,
    INDEXES,
    NEWEST_FIRST,
    HistoryFilter,
    cursor_after,
    fold,
    index_terms,
    object_id,
    older_than,
    query,
    query_terms,
)
from frontend.mongo import Document, Mongo

_WHOLE = {"terms": 0, "folded": 0}
_SUMMARY = {**_WHOLE, "bbox": 0, "angle": 0, "lines": 0, "pages": 0, "warnings": 0, "mrz": 0}
_EXPORT_PAGE = 50
_COMMON = 3000
"""Records of one owner: terms that more than these have are not told apart."""


@dataclass(frozen=True)
class HistoryPage:
    records: list[Document]
    next_cursor: str | None


class Reference(NamedTuple):
    """A record, and where the cache keeps the answer that it holds."""

    record_id: str
    cache_key: str


class History:
    """Every method takes the owner first, and sees nobody else's records."""

    def __init__(self, mongo: Mongo, days: float) -> None:
        self._mongo = mongo
        self._days = days
        self._records = mongo.collection("history", INDEXES)

    def add(self, owner: str, record: Mapping[str, Any], once: str | None = None) -> str:
        """Store what was recognized for `owner`; returns the record's id. Raises OCRError.

        `once` names the occasion: whatever is added on the same one again is the same record.
        """
        document = new_document(owner, record, datetime.now(UTC), self._days)
        if once:
            document["_id"] = ObjectId(hashlib.sha256(once.encode()).digest()[:12])
        self._mongo.insert(self._records, document)
        return str(document["_id"])

    def find(self, owner: str, wanted: HistoryFilter, limit: int, cursor: str | None = None) -> HistoryPage:
        """One page of `owner`'s records, newest first, without their lines."""
        return self._page(owner, wanted, _SUMMARY, limit, cursor)

    def export(self, owner: str, wanted: HistoryFilter, *, with_lines: bool) -> Iterator[Document]:
        """All of `owner`'s records, newest first; a few at a time are held in memory."""
        cursor = None
        while True:
            page = self._page(owner, wanted, _WHOLE if with_lines else _SUMMARY, _EXPORT_PAGE, cursor)
            yield from page.records
            if (cursor := page.next_cursor) is None:
                return

    def get(self, owner: str, record_id: str) -> Document:
        """One record with its lines. Raises RecordNotFoundError, also when it is someone else's."""
        condition = {"_id": object_id(record_id), "owner": owner}
        document = self._mongo.call(lambda: self._records.find_one(condition, _WHOLE))
        if document is None:
            raise RecordNotFoundError
        return _public(document)

    def references(self, owner: str, wanted: HistoryFilter, limit: int) -> list[Reference]:
        """Up to `limit` of the records that `wanted` names."""
        conditions = self._query(owner, wanted)
        found = self._mongo.call(
            lambda: list(self._records.find(conditions, {"cache_key": 1}, hint=wanted.index).limit(limit))
        )
        return [Reference(str(document["_id"]), document.get("cache_key", "")) for document in found]

    def delete(self, owner: str, record_ids: list[str]) -> int:
        """Forget records; returns how many there were."""
        condition = {"_id": {"$in": [object_id(record_id) for record_id in record_ids]}, "owner": owner}
        return self._mongo.call(lambda: self._records.delete_many(condition)).deleted_count

    def _page(
        self, owner: str, wanted: HistoryFilter, fields: Mapping[str, int], limit: int, cursor: str | None
    ) -> HistoryPage:
        conditions = self._query(owner, wanted)
        if cursor:
            conditions = {"$and": [conditions, older_than(cursor)]}
        found = self._mongo.call(
            lambda: list(
                self._records.find(conditions, fields, hint=wanted.index).sort(NEWEST_FIRST).limit(limit + 1)
            )
        )
        page = found[:limit]
        return HistoryPage([_public(d) for d in page], cursor_after(page[-1]) if len(found) > limit else None)

    def _query(self, owner: str, wanted: HistoryFilter) -> Document:
        text = wanted.text
        term = self._mongo.call(lambda: self._rarest(owner, query_terms(text))) if text else None
        return query(owner, wanted, term)

    def _rarest(self, owner: str, terms: list[str]) -> str:
        """The term that the fewest records have. Each count stops at the fewest so far, so it is quick."""
        rarest, fewest = terms[0], _COMMON
        if len(terms) == 1:
            return rarest
        for term in terms:
            condition = {"owner": owner, "terms": term}
            count = self._records.count_documents(condition, limit=fewest, hint=BY_TERM)
            if count < fewest:
                rarest, fewest = term, count
            if not count:
                break
        return rarest


def new_document(owner: str, record: Mapping[str, Any], now: datetime, days: float) -> Document:
    """A record as it is stored, to be forgotten after so many days (0: never)."""
    folded = fold(record["text"])
    document = {"_id": ObjectId(), "owner": owner, "timestamp": now, **record}
    document |= {"folded": folded, "terms": index_terms(folded)}
    if days:
        document["expires_at"] = now + timedelta(days=days)
    return document


def _public(document: Document) -> Document:
    """A document as its owner sees it."""
    hidden = {"_id", "owner", "folded", "terms", "cache_key", "timestamp", "expires_at"}
    shown = {name: value for name, value in document.items() if name not in hidden}
    for name in ("timestamp", "expires_at"):
        if name in document:
            shown[name] = document[name].isoformat()
    for page in shown.get("pages", []):  # stored without their lines, which the record has
        page["lines"] = [line for line in shown["lines"] if line["page"] == page["page"]]
    return {"id": str(document["_id"]), **shown}
