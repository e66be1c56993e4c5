"""The history: what was recognized, by whom and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from frontend import metrics
from frontend.errors import ImageNotKeptError, RecordNotFoundError
from frontend.history.corrections import Place, merged
from frontend.history.documents import with_page
from frontend.history.journal import Journal
from frontend.history.search import (
    BY_TERM,
    INDEXES,
    NEWEST_FIRST,
    HistoryFilter,
    cursor_after,
    object_id,
    older_than,
    query,
    query_terms,
)
from frontend.history.stored import (
    KEYS,
    SUMMARY,
    WHOLE,
    as_shown,
    cache_keys_of,
    id_of,
    is_forgotten,
    new_document,
    update_of,
)
from frontend.mongo import Document, Mongo
from frontend.recognition.entry import Entry, Stored

_EXPORT_PAGE = 50
_CATCH_UP_SECONDS = 3.0
_COMMON = 3000
"""Records of one owner: terms that more than these have are not told apart."""
_FORGOTTEN_DAYS = 1.0
"""So long the id of a deleted document stays, so that pages still being read do not bring it back."""
_NO_THUMBNAIL = "There is no thumbnail of it: it is of before thumbnails were kept, or it cannot be drawn."


@dataclass(frozen=True)
class HistoryPage:
    records: list[Document]
    next_cursor: str | None


class Reference(NamedTuple):
    """A record, and where the cache keeps the answers that it holds."""

    record_id: str
    cache_keys: list[str]


class History:
    """Every method takes the owner first, and sees nobody else's records."""

    def __init__(self, mongo: Mongo, days: float, journal: Journal | None = None) -> None:
        """`journal`: where records wait while MongoDB is away; without one they are refused."""
        self._mongo = mongo
        self._days = days
        self._journal = journal
        self._records = mongo.collection("history", INDEXES)

    def add(self, owner: str, record: Mapping[str, Any], once: str | None = None) -> str:
        """Store what was recognized for `owner`; returns the record's id. Raises OCRError.

        `once` names the occasion: whatever is added on the same one again is the same record.
        """
        document = self._document(owner, record, once)
        self._mongo.insert(self._records, document)
        return str(document["_id"])

    def remember(self, owner: str, record: Mapping[str, Any], entry: Entry) -> Stored:
        """Store what was recognized for `owner` as `entry` has it, now or when MongoDB is back.

        Raises OCRError.
        """
        if entry.document and "pages" in record:
            return Stored(self.add_page(owner, record, entry.document, entry.once))
        if not self._journal:
            return Stored(self.add(owner, record, entry.once))
        document = self._document(owner, record, entry.once)
        is_there = self._journal.insert(self._records, document)
        return Stored(str(document["_id"]), is_late=not is_there)

    def catch_up(self) -> None:
        """Have the records that wait. Raises OCRError while some do."""
        if self._journal:
            self._journal.write_back(_CATCH_UP_SECONDS)

    def _document(self, owner: str, record: Mapping[str, Any], once: str | None) -> Document:
        document = new_document(owner, record, datetime.now(UTC), self._days)
        return document | {"_id": id_of(once)} if once else document

    def add_page(self, owner: str, record: Mapping[str, Any], document: str, once: str | None = None) -> str:
        """Store what was recognized on a page of a document; returns the id of the document's record.

        `document` names its occasion, `once` that of the page, which becomes a record of its own where the
        document's would grow too large. Nothing is stored where the owner has deleted it. Raises OCRError.
        """
        page = dict(record) | {"cache_keys": [record["cache_key"]]}
        record_id = id_of(document)
        while True:  # until no other page has come meanwhile
            known = self._mongo.call(lambda: self._records.find_one({"_id": record_id}, WHOLE))
            if known is None:
                self.add(owner, page, document)
            elif is_forgotten(known) or page["pages"][0]["page"] in {one["page"] for one in known["pages"]}:
                return str(record_id)
            elif (changes := with_page(known, page)) is None:
                return self.add(owner, page, once)
            else:
                self._update(known, changes)

    def find(self, owner: str, wanted: HistoryFilter, limit: int, cursor: str | None = None) -> HistoryPage:
        """One page of `owner`'s records, newest first, without their lines."""
        return self._page(owner, wanted, SUMMARY, limit, cursor)

    def export(self, owner: str, wanted: HistoryFilter, *, with_lines: bool) -> Iterator[Document]:
        """All of `owner`'s records, newest first; a few at a time are held in memory."""
        cursor = None
        while True:
            page = self._page(owner, wanted, WHOLE if with_lines else SUMMARY, _EXPORT_PAGE, cursor)
            yield from page.records
            if (cursor := page.next_cursor) is None:
                return

    def get(self, owner: str, record_id: str) -> Document:
        """One record with its lines. Raises RecordNotFoundError, also when it is someone else's."""
        return as_shown(self._get(owner, record_id))

    def thumbnail(self, owner: str, record_id: str) -> bytes:
        """Raises RecordNotFoundError, also when it is someone else's; ImageNotKeptError without one."""
        condition = {"_id": object_id(record_id), "owner": owner}
        document = self._mongo.call(lambda: self._records.find_one(condition, {"thumbnail": 1}))
        if document is None:
            raise RecordNotFoundError
        if "thumbnail" not in document:
            raise ImageNotKeptError(_NO_THUMBNAIL)
        return bytes(document["thumbnail"])

    def correct(self, owner: str, record_id: str, texts: Mapping[Place, str]) -> Document:
        """One record whose lines say these texts, by place, from now on. What was read stays beside them.

        Raises RecordNotFoundError, also when it is someone else's; InvalidRequestError without such a line.
        """
        while True:  # until nobody else has corrected it meanwhile
            document = self._get(owner, record_id)
            found = merged(document, texts, owner.partition(":")[0], datetime.now(UTC))
            if self._update(document, {"corrections": found}):
                _count_corrected(document, found)
                return self.get(owner, record_id)

    def _update(self, document: Document, fields: Document) -> bool:
        """Whether the record was still as in `document`, and has these `fields` now."""
        condition = {"_id": document["_id"], "corrections": document.get("corrections")}
        if "pages" in document:  # they only ever become more
            condition["pages"] = {"$size": len(document["pages"])}
        changes = update_of(document, fields)
        return bool(self._mongo.call(lambda: self._records.update_one(condition, changes)).matched_count)

    def _get(self, owner: str, record_id: str) -> Document:
        condition = {"_id": object_id(record_id), "owner": owner}
        document = self._mongo.call(lambda: self._records.find_one(condition, WHOLE))
        if document is None:
            raise RecordNotFoundError
        return document

    def references(self, owner: str, wanted: HistoryFilter, limit: int) -> list[Reference]:
        """Up to `limit` of the records that `wanted` names."""
        conditions = self._query(owner, wanted)
        found = self._mongo.call(
            lambda: list(self._records.find(conditions, KEYS, hint=wanted.index).limit(limit))
        )
        return [Reference(str(document["_id"]), cache_keys_of(document)) for document in found]

    def delete(self, owner: str, record_ids: list[str]) -> int:
        """Forget records; returns how many there were.

        Of a document that was read page by page the id stays for a day: more pages may be on the way.
        """
        condition = {"_id": {"$in": [object_id(record_id) for record_id in record_ids]}, "owner": owner}
        documents = condition | {"cache_keys": {"$exists": True}}
        until = datetime.now(UTC) + timedelta(days=_FORGOTTEN_DAYS)
        only_id = [{"$replaceWith": {"_id": "$_id", "expires_at": until}}]
        emptied = self._mongo.call(lambda: self._records.update_many(documents, only_id)).modified_count
        return emptied + self._mongo.call(lambda: self._records.delete_many(condition)).deleted_count

    def has(self, owner: str, record_id: str) -> bool:
        """Whether a record is there. Raises OCRError."""
        condition = {"_id": object_id(record_id), "owner": owner}
        return self._mongo.call(lambda: self._records.find_one(condition, {"_id": 1})) is not None

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
        return HistoryPage(
            [as_shown(d) for d in page], cursor_after(page[-1]) if len(found) > limit else None
        )

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


def _count_corrected(document: Document, corrections: list[Document]) -> None:
    known = {one["line"] for one in document.get("corrections", [])}
    new = sum(one["line"] not in known for one in corrections)
    metrics.count_reviewed(document["model"], document.get("model_version", ""), "corrected", new)
