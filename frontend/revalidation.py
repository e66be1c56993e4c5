"""A value that is fetched again once it is stale: stale-while-revalidate (RFC 5861) within a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Revalidated(Generic[T]):
    """The last value that `fetch` returned. Thread-safe: one thread fetches at a time.

    The others go on with the stale value and wait only if there is none, or always if `must_wait`. When
    `fetch` returns None, the value there is stays, and the next attempt is made when that is stale again.
    """

    def __init__(self, fetch: Callable[[], T | None], *, must_wait: bool = False) -> None:
        self._fetch = fetch
        self._must_wait = must_wait
        self._lock = threading.Lock()
        self._tried_at = float("-inf")
        self.latest: T | None = None

    def get(self, max_age_seconds: float) -> T | None:
        """The value, fetched again if the last attempt is older than that. None: there has never been one."""
        if self._is_stale(max_age_seconds) and self._lock.acquire(blocking=self._waits()):
            try:
                if self._is_stale(max_age_seconds):
                    self._revalidate()
            finally:
                self._lock.release()
        return self.latest

    def _waits(self) -> bool:
        return self._must_wait or self.latest is None

    def _is_stale(self, max_age_seconds: float) -> bool:
        return time.monotonic() - self._tried_at >= max_age_seconds

    def _revalidate(self) -> None:
        try:
            value = self._fetch()
        finally:
            self._tried_at = time.monotonic()
        if value is not None:
            self.latest = value
