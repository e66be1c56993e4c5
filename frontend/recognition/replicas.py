"""TorchServe's replicas: the addresses that its URLs' names stand for, the least busy one first.

A kept-alive connection stays with one pod behind a Service, so whoever asks chooses among the pods' own
addresses: those of a headless Service, or several URLs separated by commas.
"""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from frontend.revalidation import Revalidated

log = logging.getLogger(__name__)

RESOLVED_SECONDS = 5.0
"""How long a name's addresses are used before it is asked again."""
DOWN_SECONDS = 2.0
"""How long a replica that did not answer is asked only if no other does."""
CONNECT_SECONDS = 1.0

Resolve = Callable[[str, int], Collection[str]]


@dataclass
class Replica:
    """One TorchServe, and what this process knows of it."""

    url: str
    in_flight: int = 0
    chosen_at: float = -math.inf
    answered_at: float = -math.inf
    down_until: float = -math.inf


class Replicas:
    """The replicas behind `urls`. Thread-safe."""

    def __init__(self, urls: str, resolve: Resolve | None = None) -> None:
        self._urls = [url.strip().rstrip("/") for url in urls.split(",") if url.strip()]
        self._resolve = resolve or addresses
        self._lock = threading.Lock()
        self._known: dict[str, Replica] = {}
        self._resolved = Revalidated(self._resolve_all)

    @contextmanager
    def choose(self, but: Collection[str] = ()) -> Iterator[Replica | None]:
        """The replica to ask now, busy inside; None: none but those of `but` takes connections.

        Of those that are not down the one with the fewest requests of this process, then the one that has not
        been asked for longest.
        """
        replica = self._choose(but)
        try:
            yield replica
        finally:
            if replica:
                self._release(replica)

    def answered(self, replica: Replica) -> None:
        replica.answered_at, replica.down_until = time.monotonic(), -math.inf

    def failed(self, replica: Replica) -> None:
        """It did not answer: others are asked first for a moment."""
        replica.answered_at, replica.down_until = -math.inf, time.monotonic() + DOWN_SECONDS

    def _choose(self, but: Collection[str]) -> Replica | None:
        urls = self._resolved.get(RESOLVED_SECONDS) or self._urls
        waiting = [url for url in urls if url not in but]
        while waiting:
            replica = self._take(waiting)
            if len(urls) == 1 or self._is_there(replica):
                return replica
            self.failed(replica)
            self._release(replica)
            waiting.remove(replica.url)
        return None

    def _take(self, urls: Collection[str]) -> Replica:
        """The best of these, now with one request more."""
        now = time.monotonic()
        with self._lock:
            candidates = [self._known.setdefault(url, Replica(url)) for url in urls]
            best = min(candidates, key=lambda r: (r.down_until > now, r.in_flight, r.chosen_at))
            best.in_flight, best.chosen_at = best.in_flight + 1, now
        return best

    def _release(self, replica: Replica) -> None:
        with self._lock:
            replica.in_flight -= 1

    def _is_there(self, replica: Replica) -> bool:
        """Whether it takes connections: a host that is gone would hold a request until its time is up."""
        if time.monotonic() - replica.answered_at < RESOLVED_SECONDS:
            return True
        target = urlsplit(replica.url)
        with (
            suppress(OSError),
            socket.create_connection((target.hostname, target.port or 80), CONNECT_SECONDS),
        ):
            return True
        return False

    def _resolve_all(self) -> list[str] | None:
        """None if no name is known now: the addresses there were are kept."""
        found = [address for url in self._urls for address in self._resolve_one(url)]
        with self._lock:
            for gone in self._known.keys() - set(found) if found else ():
                del self._known[gone]
        return found or None

    def _resolve_one(self, url: str) -> list[str]:
        parts = urlsplit(url)
        port = parts.port or 80
        try:
            hosts = self._resolve(parts.hostname or "", port)
        except OSError as error:
            log.warning("the address of torchserve is not known: %s", error)
            return []
        return [parts._replace(netloc=f"[{h}]:{port}" if ":" in h else f"{h}:{port}").geturl() for h in hosts]


def addresses(host: str, port: int) -> Collection[str]:
    """The IP addresses of a host, in order. Raises OSError if it is not known."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(address[0]) for *_, address in found})
