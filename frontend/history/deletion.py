"""Forgetting: a record, its image and lines, and the cached answer to it go together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from frontend.history.records import History
from frontend.history.search import HistoryFilter

_BATCH = 100


class CachedResults(Protocol):
    """The part of the cache that deletion needs."""

    def delete(self, *keys: str) -> None: ...


class Parts(Protocol):
    """Parts of records that are kept elsewhere, such as images."""

    def delete(self, record_ids: list[str]) -> None: ...


def forget(
    history: History, cache: CachedResults, parts: Iterable[Parts], owner: str, wanted: HistoryFilter
) -> int:
    """Forget what `wanted` names with all its parts; returns how many records there were. Raises OCRError.

    Records go last, so that what an outage leaves can be named again; those that wait for MongoDB come first.
    """
    history.catch_up()
    deleted = 0
    while found := history.references(owner, wanted, _BATCH):
        record_ids = [reference.record_id for reference in found]
        cache.delete(*(key for reference in found for key in reference.cache_keys))
        for of_records in parts:
            of_records.delete(record_ids)
        deleted += history.delete(owner, record_ids)
    return deleted
