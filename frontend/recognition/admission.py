"""Admission control: what is over the limits is refused at once, and not left waiting."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

from frontend import metrics
from frontend.errors import BusyError

_YOURS = (
    "Too many of your images are in progress; others would have to wait. Send this one after their answers."
)


class Admission:
    """Admits so many images, and so many bytes of them. Thread-safe.

    Each image admitted holds a thread of the front end, and memory here or in TorchServe. An image that is
    alone always fits, whatever its size. Pages take a second each: at most `max_pages` of those admitted are
    processed at once, and the others wait here for at most `wait_seconds`. No account gets more than `share`
    of any of these limits, so that others find room at once; the account `unlimited` gets all. `work` is what
    they are admitted for, as metrics say.
    """

    def __init__(
        self,
        max_images: int,
        max_bytes: int,
        max_pages: int,
        wait_seconds: float,
        share: float = 1.0,
        unlimited: str | None = None,
        work: str = "reading",
    ) -> None:
        self._all = _Limits(max_images, max_bytes, max_pages)
        self._each = self._all.part(share)
        self._unlimited = unlimited
        self._in_flight = metrics.IN_FLIGHT.labels(work)
        self._wait_seconds = wait_seconds
        self._changed = threading.Condition()
        self._images: Counter[str | None] = Counter()
        self._bytes: Counter[str | None] = Counter()
        self._pages: Counter[str | None] = Counter()
        self._waiting: dict[
            object, str | None
        ] = {}  # the account of each page that waits, the first come first

    @contextmanager
    def admit(self, size_bytes: int, *, account: str | None = None, is_page: bool) -> Iterator[None]:
        """Around the work on one image. Raises BusyError: at once, or for a page after having waited."""
        with self._changed:
            self._check_room(account, size_bytes)
            _add(self._images, account, 1)
            _add(self._bytes, account, size_bytes)
        try:
            with self._in_flight.track_inprogress(), self._turn(account) if is_page else nullcontext():
                yield
        finally:
            with self._changed:
                _add(self._images, account, -1)
                _add(self._bytes, account, -size_bytes)

    @contextmanager
    def _turn(self, account: str | None) -> Iterator[None]:
        """Wait until it is the turn of a page of `account`."""
        ticket = object()
        with self._changed:
            self._waiting[ticket] = account
            try:
                if not self._changed.wait_for(lambda: self._next() is ticket, self._wait_seconds):
                    raise BusyError
                _add(self._pages, account, 1)
            finally:
                del self._waiting[ticket]
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                _add(self._pages, account, -1)
                self._changed.notify_all()

    def _check_room(self, account: str | None, size_bytes: int) -> None:
        if not self._all.have_room(self._images.total(), self._bytes.total(), size_bytes):
            raise BusyError
        each = self._limits_of(account)
        if not each.have_room(self._images[account], self._bytes[account], size_bytes):
            raise BusyError(_YOURS)

    def _next(self) -> object | None:
        """The page whose turn it is: the first whose account has not its share of pages inside."""
        if self._pages.total() >= self._all.pages:
            return None
        may_go = (t for t, who in self._waiting.items() if self._pages[who] < self._limits_of(who).pages)
        return next(may_go, None)

    def _limits_of(self, account: str | None) -> _Limits:
        return self._all if account == self._unlimited else self._each


class _Limits(NamedTuple):
    """The most that is admitted at once."""

    images: int
    bytes: int
    pages: int

    def part(self, share: float) -> _Limits:
        """`share` of these, but one of each at least."""
        return _Limits(*(max(1, int(limit * share)) for limit in self))

    def have_room(self, images: int, bytes_inside: int, size_bytes: int) -> bool:
        """Whether one more image fits; it does when it is alone."""
        return images == 0 or (images < self.images and bytes_inside + size_bytes <= self.bytes)


def _add(counter: Counter[str | None], account: str | None, count: int) -> None:
    """As counter[account] += count, but what is 0 is forgotten."""
    counter[account] += count
    if not counter[account]:
        del counter[account]
