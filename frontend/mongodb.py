"""MongoDB: one connection for what is kept there. The only module that translates pymongo's errors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pymongo
from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    DuplicateKeyError,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from frontend.errors import HistoryDownError, OCRError, UnavailableError
from frontend.outage import Outage

log = logging.getLogger(__name__)
T = TypeVar("T")
Document = dict[str, Any]

WRITE_TIMEOUT_SECONDS = 2.0
_READ_TIMEOUT_SECONDS = 5.0
_SELECTION_TIMEOUT_MS = 1000


class Database:
    """Collections, and commands on them that are tried again after a restart. Thread-safe."""

    def __init__(self, url: str) -> None:
        self._client: MongoClient[Document] = MongoClient(
            url,
            serverSelectionTimeoutMS=_SELECTION_TIMEOUT_MS,
            connectTimeoutMS=_SELECTION_TIMEOUT_MS,
            tz_aware=True,
            connect=False,
        )
        self._database = self._client.get_default_database("ocr")
        self._outage = Outage()
        self._unindexed: list[tuple[Collection[Document], Sequence[IndexModel]]] = []
        self._index_lock = threading.Lock()

    def collection(self, name: str, indexes: Sequence[IndexModel]) -> Collection[Document]:
        """A collection, for use inside call(); its indexes are made at the first contact."""
        self._unindexed.append((self._database[name], indexes))
        return self._database[name]

    def prepare(self) -> None:
        """Create the indexes now, or at the first contact when MongoDB is away."""
        try:
            self.ping()
        except OCRError:
            log.warning("indexes will be created when mongodb is there")

    def ping(self) -> None:
        """Raises OCRError when MongoDB does not answer, or not as it should."""
        self.call(HistoryDownError, lambda: self._client.admin.command("ping"), WRITE_TIMEOUT_SECONDS)

    def close(self) -> None:
        self._client.close()

    def call(
        self,
        down: type[UnavailableError],
        command: Callable[[], T],
        timeout_seconds: float = _READ_TIMEOUT_SECONDS,
    ) -> T:
        """What `command` answers. Raises `down` when MongoDB cannot be reached, OCRError when it refuses."""
        if not self._outage.may_try():
            raise down
        try:
            self._ensure_indexes()
            with pymongo.timeout(timeout_seconds):
                answer = _twice(command)
        except PyMongoError as error:
            raise self._failure(down, error) from error
        if self._outage.ended():
            log.info("mongodb is back")
        return answer

    def _failure(self, down: type[UnavailableError], error: PyMongoError) -> OCRError:
        """What an error of pymongo means, noted in the log without the values it may quote."""
        if not (isinstance(error, ConnectionFailure) or error.timeout):
            code = getattr(error, "code", None)
            log.error("mongodb refused a command: %s, code %s", type(error).__name__, code)
            return OCRError()
        if self._outage.began():
            log.warning("mongodb is down: %s", type(error).__name__)
        return down()

    def _ensure_indexes(self) -> None:
        if not self._unindexed:
            return
        with self._index_lock:
            while self._unindexed:
                collection, indexes = self._unindexed[-1]
                collection.create_indexes(indexes)
                self._unindexed.pop()


def insert(collection: Collection[Document], document: Document) -> bool:
    """Store `document`, for use inside call(); False if another has its place. To repeat it does no harm."""
    try:
        collection.insert_one(document)
    except DuplicateKeyError:
        return collection.find_one({"_id": document["_id"]}, {"_id": 1}) is not None
    return True


def _twice(command: Callable[[], T]) -> T:
    """A connection that a restart of the server left stale fails once; the second attempt opens a new one."""
    try:
        return command()
    except ServerSelectionTimeoutError:
        raise
    except AutoReconnect:
        return command()
