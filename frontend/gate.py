"""Bounds what is under way at once: the rest is told to come back, not left waiting unseen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from frontend.errors import BusyError


class Gate:
    """Lets in so many images, and so many bytes of them. Thread-safe.

    Each image inside holds a thread of the front end and a place in TorchServe's memory. One that is alone
    always fits, whatever its size. Pages take a second each: of those inside, so many are with TorchServe,
    and the others wait here for at most `wait_seconds`, so that what TorchServe has is done in time.
    """

    def __init__(self, max_images: int, max_bytes: int, max_pages: int, wait_seconds: float) -> None:
        self._max_images = max_images
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._pages = threading.BoundedSemaphore(max_pages)
        self._wait_seconds = wait_seconds
        self._images = 0
        self._bytes = 0

    @contextmanager
    def admit(self, size_bytes: int, *, is_page: bool) -> Iterator[None]:
        """Hold a place for one image. Raises BusyError: at once, or for a page after having waited."""
        with self._admit(size_bytes):
            if not is_page:
                yield
                return
            if not self._pages.acquire(timeout=self._wait_seconds):
                raise BusyError
            try:
                yield
            finally:
                self._pages.release()

    @contextmanager
    def _admit(self, size_bytes: int) -> Iterator[None]:
        with self._lock:
            too_much = self._images > 0 and self._bytes + size_bytes > self._max_bytes
            if too_much or self._images >= self._max_images:
                raise BusyError
            self._images += 1
            self._bytes += size_bytes
        try:
            yield
        finally:
            with self._lock:
                self._images -= 1
                self._bytes -= size_bytes
