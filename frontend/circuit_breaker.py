"""A circuit breaker (Nygard, "Release It!"): while a server is down, callers do not wait for it again."""

from __future__ import annotations

import threading
import time

PAUSE_SECONDS = 2.0


class CircuitBreaker:
    """Open for `pause_seconds` after a failure; then one caller tries first. Thread-safe."""

    def __init__(self, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._pause_seconds = pause_seconds
        self._lock = threading.Lock()
        self._retry_at: float | None = None

    def allows_call(self) -> bool:
        """Whether the caller should try the server now."""
        if self._retry_at is None:
            return True
        with self._lock:
            now = time.monotonic()
            if self._retry_at is not None and now < self._retry_at:
                return False
            if self._retry_at is not None:
                self._retry_at = now + self._pause_seconds
            return True

    def record_failure(self) -> bool:
        """Note a failure. True when the server was fine until now: log it once, not each time."""
        with self._lock:
            first = self._retry_at is None
            self._retry_at = time.monotonic() + self._pause_seconds
            return first

    def record_success(self) -> bool:
        """Note a success. True when the server was away until now."""
        if self._retry_at is None:
            return False
        with self._lock:
            self._retry_at = None
            return True
