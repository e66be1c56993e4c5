"""Forgetting: a record, its image, and the cached answer to it go together."""

from __future__ import annotations

from typing import Protocol

from frontend.history.images import Images
from frontend.history.records import History
from frontend.history.search import HistoryFilter

_BATCH = 100


class CachedResults(Protocol):
    """The part of the cache that deletion needs."""

    def delete(self, *keys: str) -> None: ...


def forget(history: History, cache: CachedResults, images: Images, owner: str, wanted: HistoryFilter) -> int:
    """Forget what `wanted` names; returns how many records there were. Raises OCRError.

    Records go last, so that what an outage leaves can be named again.
    """
    deleted = 0
    while found := history.references(owner, wanted, _BATCH):
        record_ids = [reference.record_id for reference in found]
        cache.delete(*(reference.cache_key for reference in found))
        images.delete(record_ids)
        deleted += history.delete(owner, record_ids)
    return deleted
