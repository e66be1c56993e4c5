"""Crops of lines, kept beside their records: what their lines were corrected to, the records know."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from frontend.errors import HistoryDownError, LineNotKeptError
from frontend.history.corrections import Place
from frontend.history.journal import Journal
from frontend.history.search import object_id
from frontend.mongo import Document, Mongo

MOST_OF_RECORD = 500
_LEAST_SURE_FIRST = [("owner", ASCENDING), ("confidence", ASCENDING), ("_id", ASCENDING)]
_INDEXES = [
    IndexModel(_LEAST_SURE_FIRST),
    IndexModel([("record", ASCENDING)]),
    IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
]
_REVIEWED: Document = {"$or": [{"corrected": True}, {"confirmed": {"$exists": True}}]}
_WITHOUT_IMAGE = {"image": 0}


def line_id(record_id: str, place: Place) -> str:
    """Pages count from 1; 0 where the record has none."""
    return f"{record_id}-{place.page or 0}-{place.line}"


class Lines:
    """Each has the id of its place; `record`, `page` and `line` name that, the rest is as it was read.

    `corrected` and `confirmed` (`at`) say that somebody has looked at it.
    """

    def __init__(self, mongo: Mongo, days: float, journal: Journal | None = None) -> None:
        """`journal`: as for the records that they belong to."""
        self._mongo = mongo
        self._days = days
        self._journal = journal
        self._lines = mongo.collection("lines", _INDEXES)

    def add(self, record_id: str, lines: Iterable[Document]) -> None:
        """Keep these as long as their record, up to MOST_OF_RECORD. Raises OCRError."""
        record = object_id(record_id)
        kept = self._count_kept(record)
        expiry = {"expires_at": datetime.now(UTC) + timedelta(days=self._days)} if self._days else {}
        if documents := [{**line, "record": record, **expiry} for line in lines][: MOST_OF_RECORD - kept]:
            (self._journal or self._mongo).insert(self._lines, *documents)

    def _count_kept(self, record: ObjectId) -> int:
        condition = {"record": record}
        try:
            return self._mongo.call(lambda: self._lines.count_documents(condition, limit=MOST_OF_RECORD))
        except HistoryDownError:
            if not self._journal:
                raise
            return 0  # its record is in the journal, too

    def get(self, owner: str, line: str) -> Document:
        """Raises LineNotKeptError, also when it is someone else's."""
        found = self._mongo.call(lambda: self._lines.find_one({"_id": line, "owner": owner}, _WITHOUT_IMAGE))
        if found is None:
            raise LineNotKeptError
        return found

    def known(self, ids: Collection[str]) -> set[str]:
        """Those of these that are kept."""
        wanted = {"_id": {"$in": list(ids)}}
        return {line["_id"] for line in self._mongo.call(lambda: list(self._lines.find(wanted, {"_id": 1})))}

    def mark_corrected(self, record_id: str, ids: Collection[str]) -> None:
        """Note that of the lines of a record these, and no others, have corrections."""
        record = {"record": object_id(record_id)}
        are, were = {"_id": {"$in": list(ids)}}, {"_id": {"$nin": list(ids)}, "corrected": True}
        self._mongo.call(lambda: self._lines.update_many(record | are, {"$set": {"corrected": True}}))
        self._mongo.call(lambda: self._lines.update_many(record | were, {"$unset": {"corrected": ""}}))

    def mark_confirmed(self, line: str, at: datetime | None) -> None:
        """Note that a line was read right, or that nobody says so any more."""
        change = {"$set": {"confirmed": at}} if at else {"$unset": {"confirmed": ""}}
        self._mongo.call(lambda: self._lines.update_one({"_id": line}, change))

    def waiting(self, owner: str, limit: int) -> list[Document]:
        """Lines that nobody has looked at, the least sure first, without their images."""
        found = self._lines.find(_waiting(owner), _WITHOUT_IMAGE, hint=_LEAST_SURE_FIRST)
        return self._mongo.call(lambda: list(found.clone().sort(_LEAST_SURE_FIRST).limit(limit)))

    def reviewed(self, owner: str, limit: int) -> list[Document]:
        """Lines that somebody has looked at, those of the newest records first, without their images."""
        found = self._lines.find({"owner": owner, **_REVIEWED}, _WITHOUT_IMAGE)
        return self._mongo.call(lambda: list(found.clone().sort("_id", DESCENDING).limit(limit)))

    def counts(self, owner: str) -> tuple[int, int]:
        """How many lines wait, and how many somebody has looked at."""
        conditions = (_waiting(owner), {"owner": owner, **_REVIEWED})
        waiting, reviewed = (
            self._mongo.call(lambda wanted=wanted: self._lines.count_documents(wanted))  # type: ignore[misc]
            for wanted in conditions
        )
        return waiting, reviewed

    def images(self, ids: Collection[str]) -> dict[str, bytes]:
        """The crops of these lines as PNG."""
        wanted = {"_id": {"$in": list(ids)}}
        found = self._mongo.call(lambda: list(self._lines.find(wanted, {"image": 1})))
        return {line["_id"]: bytes(line["image"]) for line in found}

    def reviewed_records(self, owner: str) -> list[str]:
        """The ids of records with lines that somebody has looked at, oldest first."""
        wanted = {"owner": owner, **_REVIEWED}
        return sorted(
            str(record) for record in self._mongo.call(lambda: self._lines.distinct("record", wanted))
        )

    def reviewed_of(self, record_id: str) -> list[Document]:
        """The lines of a record that somebody has looked at, in reading order, with their images."""
        wanted = {"record": object_id(record_id), **_REVIEWED}
        order = [("page", ASCENDING), ("line", ASCENDING)]
        return self._mongo.call(lambda: list(self._lines.find(wanted).sort(order)))

    def delete(self, record_ids: Collection[str]) -> None:
        """Forget the lines of these records."""
        records = [object_id(record_id) for record_id in record_ids]
        self._mongo.call(lambda: self._lines.delete_many({"record": {"$in": records}}))


def _waiting(owner: str) -> Document:
    return {"owner": owner, "corrected": {"$exists": False}, "confirmed": {"$exists": False}}
