"""MongoDB: one client, its indexes, and what its errors mean. Nobody else catches pymongo's exceptions."""

from __future__ import annotations

import errno
import logging
import math
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pymongo
from gridfs import GridFSBucket
from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.write_concern import WriteConcern

from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import HistoryDownError, OCRError, UnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")
Document = dict[str, Any]

_SELECTION_TIMEOUT_MS = 1000
WRITE_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
_DUPLICATE_KEY = 11000
_UNAUTHORIZED, _AUTHENTICATION_FAILED, _OUT_OF_DISK_SPACE = 13, 18, 14031
_NO_ROOM = "MongoDB has no room on its disk."
_MIN_FREE_BYTES = 16 * 1024 * 1024


class Mongo:
    """A database that may be away: then every call raises an UnavailableError, at once after the first."""

    def __init__(self, url: str) -> None:
        self._client: MongoClient[Document] = MongoClient(
            url,
            serverSelectionTimeoutMS=_SELECTION_TIMEOUT_MS,
            connectTimeoutMS=_SELECTION_TIMEOUT_MS,
            tz_aware=True,
            journal=True,  # what is acknowledged is on the disk: a killed mongod had lost its last 100 ms
            connect=False,
        )
        self._database = self._client.get_default_database("ocr")
        self._breaker = CircuitBreaker()
        self._trouble = ""
        self._lock = threading.Lock()
        self._collections: list[tuple[Collection[Document], Sequence[IndexModel]]] = []
        self._indexed = False

    def collection(self, name: str, indexes: Sequence[IndexModel]) -> Collection[Document]:
        """A collection whose indexes will be there before the next call."""
        collection = self._database[name]
        self._collections.append((collection, indexes))
        self._indexed = False
        return collection

    def existing(self, name: str) -> Collection[Document]:
        """A collection of which `collection` has been told, or will be."""
        return self._database[name]

    def bucket(self, name: str) -> GridFSBucket:
        """The files of GridFS whose collections have names that begin so."""
        return GridFSBucket(self._database, name)

    def prepare(self) -> None:
        """Create the indexes now, or at the first contact when MongoDB is away."""
        try:
            self.ping()
        except OCRError:
            log.warning("indexes will be created when mongodb is available")

    def ping(self) -> None:
        """Raises OCRError when MongoDB does not answer, or not as it should, or has no room."""
        try:
            free = self.call(self._free_bytes, WRITE_TIMEOUT_SECONDS)
        except UnavailableError as error:
            raise HistoryDownError(self._trouble or "MongoDB does not answer.") from error
        if free < _MIN_FREE_BYTES:
            raise HistoryDownError(_NO_ROOM)

    def _free_bytes(self) -> float:
        """Of MongoDB's disk; infinity where it does not tell us, as of a database that is still empty."""
        self._client.admin.command("ping")
        try:
            told = self._database.command("dbStats")
        except OperationFailure:
            return math.inf
        return float((told.get("fsTotalSize") or math.inf) - told.get("fsUsedSize", 0))

    def call(
        self,
        command: Callable[[], T],
        timeout_seconds: float = READ_TIMEOUT_SECONDS,
        down: type[UnavailableError] = HistoryDownError,
    ) -> T:
        """Raises `down` when MongoDB cannot be reached, OCRError when it refuses the command."""
        if not self._breaker.allows_call():
            raise down(self._trouble or None)
        try:
            self._create_indexes()
            with pymongo.timeout(timeout_seconds):
                answer = _twice(command)
        except PyMongoError as error:
            raise self._failure(error, down) from error
        self._trouble = ""
        if self._breaker.record_success():
            log.info("mongodb is back")
        return answer

    def insert(
        self,
        collection: Collection[Document],
        *documents: Document,
        timeout_seconds: float = WRITE_TIMEOUT_SECONDS,
        down: type[UnavailableError] = HistoryDownError,
    ) -> None:
        """Store documents that have their `_id`: those that are there already stay as they are."""
        self.call(lambda: insert_missing(collection, documents), timeout_seconds, down)

    def insert_new(
        self, collection: Collection[Document], document: Document, down: type[UnavailableError]
    ) -> bool:
        """Store a document that has its `_id`; False if another has its place."""
        return self.call(lambda: _insert_new(collection, document), WRITE_TIMEOUT_SECONDS, down)

    def close(self) -> None:
        self._client.close()

    def _failure(self, error: PyMongoError, down: type[UnavailableError]) -> OCRError:
        """Translate an error of pymongo, and log it without the values that it may quote."""
        if not (isinstance(error, ConnectionFailure) or error.timeout):
            self._indexed = False  # perhaps somebody dropped one that a query names
            code = getattr(error, "code", None)
            if code in {_UNAUTHORIZED, _AUTHENTICATION_FAILED}:
                # after a wrong password pymongo takes the server for gone, for a while
                self._trouble = "MongoDB refuses the user or the password in OCR_MONGO_URL."
                if code != _AUTHENTICATION_FAILED or self._breaker.record_failure():
                    log.error("mongodb refuses the user or the password in OCR_MONGO_URL: code %s", code)
                return down(self._trouble)
            if _has_no_room(error):
                log.error("mongodb has no room on its disk")
                return down(_NO_ROOM)
            log.error("mongodb refused a command: %s, code %s", type(error).__name__, code)
            return OCRError()
        if self._breaker.record_failure():
            log.warning("mongodb is down: %s", type(error).__name__)
        return down(self._trouble or None)

    def _create_indexes(self) -> None:
        if self._indexed:
            return
        with self._lock:
            if not self._indexed:
                for collection, indexes in self._collections:
                    durable = collection.with_options(write_concern=WriteConcern(j=True))
                    durable.create_indexes(list(indexes))
                self._indexed = True


def _has_no_room(error: PyMongoError) -> bool:
    """Whether its disk is full, as MongoDB or as the system below it says."""
    return getattr(error, "code", None) == _OUT_OF_DISK_SPACE or os.strerror(errno.ENOSPC) in str(error)


def insert_missing(collection: Collection[Any], documents: Sequence[Any]) -> int:
    """Insert the documents whose keys are not there yet; how many those are. Raises PyMongoError."""
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if any(failure["code"] != _DUPLICATE_KEY for failure in error.details["writeErrors"]):
            raise
        return int(error.details["nInserted"])
    return len(documents)


def _insert_new(collection: Collection[Document], document: Document) -> bool:
    try:
        collection.insert_one(document)
    except DuplicateKeyError:  # perhaps the first attempt had stored it
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
