"""The journal: what the history is to have while MongoDB is away, in a stream of Redis.

Each entry is the documents of one insert, with the ids that they have from the beginning: so it does no harm
to write one twice, and it leaves the stream only when it is written (docs/decisions/0030-journal.md).
"""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import bson
from pymongo.collection import Collection

from frontend import metrics
from frontend.errors import CacheDownError, HistoryDownError, OCRError, UnavailableError
from frontend.mongo import Document, Mongo
from frontend.redis import Redis

log = logging.getLogger(__name__)

KEY = "ocr:journal"
_SIZE, _LOCK = f"{KEY}:bytes", f"{KEY}:lock"
_MAX_ENTRIES, _MAX_BYTES = 50_000, 64 * 1024 * 1024
"""Of all entries; Redis has 256 MB for whatever it holds (supervisord.conf)."""
_MAX_ENTRY_BYTES = 15 * 1024 * 1024
"""Before it is compressed: MongoDB's documents end at 16 MB."""
_LOCK_SECONDS, _WRITING_SECONDS = 15.0, 10.0
"""The lock outlasts the writing, which stops in time."""
_PAUSE_SECONDS = 1.0
_AT_ONCE = 20

_APPEND = """
local size = tonumber(redis.call('GET', KEYS[2]) or '0') + #ARGV[1]
if size > tonumber(ARGV[2]) or redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('XADD', KEYS[1], '*', 'entry', ARGV[1])
redis.call('SET', KEYS[2], size)
return 1
"""
_REMOVE = """
local size = redis.call('XDEL', KEYS[1], ARGV[1]) * tonumber(ARGV[2])
redis.call('DECRBY', KEYS[2], size)
"""


class Journal:
    """One for all processes. `start` has what waits written as soon as MongoDB is back."""

    def __init__(self, redis: Redis, mongo: Mongo, max_bytes: int = _MAX_BYTES) -> None:
        self._redis = redis
        self._mongo = mongo
        self._max_bytes = max_bytes
        self._ended = threading.Event()

    def insert(self, collection: Collection[Document], *documents: Document) -> bool:
        """Store documents that have their `_id`; False: they wait here, because MongoDB is away.

        Raises OCRError when they are not kept: MongoDB refuses them, or there is no room here and no MongoDB.
        """
        try:
            self._mongo.insert(collection, *documents)
        except HistoryDownError:
            if not self._append(collection.name, documents):
                raise
            return False
        return True

    def _append(self, name: str, documents: tuple[Document, ...]) -> bool:
        """Whether an entry was kept. None that was is given up for a later one: it has been promised."""
        entry = bson.encode({"collection": name, "documents": list(documents)})
        packed = zlib.compress(entry, 1)
        arguments = (packed, self._max_bytes, _MAX_ENTRIES)
        is_kept = False
        if len(entry) <= _MAX_ENTRY_BYTES:
            with suppress(CacheDownError):
                is_kept = bool(
                    self._redis.call(lambda client: client.eval(_APPEND, 2, KEY, _SIZE, *arguments))
                )
        _count("kept" if is_kept else "dropped", len(documents))
        if not is_kept:
            log.error("the journal is full, or redis is down as well: %d documents are lost", len(documents))
        return is_kept

    def waiting(self) -> int:
        """How many entries wait. Raises CacheDownError."""
        return int(self._redis.call(lambda client: client.xlen(KEY)))

    def write_back(self, wait_seconds: float = 0) -> None:
        """Write what waits to MongoDB, oldest first; return at once when another process does, unless it ends
        within `wait_seconds`.

        Raises HistoryDownError while something still waits, CacheDownError without Redis.
        """
        if not self.waiting():
            return
        with self._redis.lock(_LOCK, _LOCK_SECONDS, wait_seconds) as is_mine:
            written = self._write_all() if is_mine else 0
        if written:
            log.info("the journal was written to mongodb: %d documents", written)
        if self.waiting():
            raise HistoryDownError("Records of before are still being written. Try again in a few seconds.")

    def _write_all(self) -> int:
        """How many documents were written within the time that there is. Raises UnavailableError."""
        ends = time.monotonic() + _WRITING_SECONDS
        written = 0
        while entries := self._redis.call(lambda client: client.xrange(KEY, count=_AT_ONCE)):
            for entry_id, fields in entries:
                if time.monotonic() > ends:
                    return written
                written += self._write(fields)
                self._remove(entry_id, len(fields[b"entry"]))
        return written

    def _write(self, fields: Mapping[bytes, bytes]) -> int:
        """How many documents of an entry were written: none that MongoDB will never take."""
        try:
            entry: dict[str, Any] = bson.decode(zlib.decompress(fields[b"entry"]))
            self._mongo.insert(self._mongo.existing(entry["collection"]), *entry["documents"])
        except UnavailableError:
            raise
        except (OCRError, zlib.error, bson.errors.BSONError, KeyError) as error:
            log.error("an entry of the journal was refused: %s", type(error).__name__)
            _count("dropped", 1)
            return 0
        _count("written", len(entry["documents"]))
        return len(entry["documents"])

    def _remove(self, entry_id: bytes, size: int) -> None:
        self._redis.call(lambda client: client.eval(_REMOVE, 2, KEY, _SIZE, entry_id, size))

    def start(self) -> None:
        """From now on look every second whether something waits."""
        threading.Thread(target=self._run, name="journal", daemon=True).start()

    def _run(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            with suppress(OCRError):  # one of them is away: the next second
                self.write_back()

    def close(self) -> None:
        self._ended.set()


def _count(outcome: str, documents: int) -> None:
    metrics.JOURNAL.labels(outcome).inc(documents)
