"""Redis: one client, and what its errors mean. Nobody else catches redis-py's exceptions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import CacheDownError

log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_SECONDS = 0.3
_TIMEOUT_SECONDS = 1.0


class Redis:
    """A server that may be away: then every call raises CacheDownError, at once after the first."""

    def __init__(self, url: str) -> None:
        self._breaker = CircuitBreaker()
        self._trouble = ""
        # One retry, not after a timeout: a restart of Redis leaves stale connections, and a new one works.
        self._client = redis.Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            socket_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
        )

    def call(self, command: Callable[[Any], Any]) -> Any:
        """What `command` gets from the client. Raises CacheDownError when Redis is away, or refuses."""
        if not self._breaker.allows_call():
            raise CacheDownError(self._trouble)
        try:
            answer = command(self._client)
        except (redis.RedisError, OSError) as error:
            self._trouble = _advice(error)
            if self._breaker.record_failure():
                log.warning("redis is down: %s", _reason(error))
            raise CacheDownError(self._trouble) from error
        if self._breaker.record_success():
            log.info("redis is back")
        return answer

    @contextmanager
    def lock(self, name: str, seconds: float, wait_seconds: float = 0) -> Iterator[bool]:
        """Whether it was had within `wait_seconds`; others get it after `seconds` at the latest.

        Raises CacheDownError.
        """
        lock = self._client.lock(name, timeout=seconds, blocking_timeout=wait_seconds)
        held = self.call(lambda _: lock.acquire(blocking=wait_seconds > 0))
        try:
            yield held
        finally:
            if held and self.call(lambda _: lock.owned()):
                self.call(lambda _: lock.release())

    def ping(self) -> None:
        """Raises CacheDownError when Redis does not answer."""
        self.call(lambda client: client.ping())

    def close(self) -> None:
        self._client.close()


def _reason(error: Exception) -> str:
    """The error without what it may quote: its class, and for an answer of Redis the word it begins with."""
    word = str(error).partition(" ")[0] if isinstance(error, redis.ResponseError) else ""
    return f"{type(error).__name__} {word}".strip()


def _advice(error: Exception) -> str:
    if isinstance(error, redis.AuthenticationError):
        return "Redis refuses the user or the password in OCR_REDIS_URL."
    if isinstance(error, redis.ResponseError):
        return f"Redis refuses commands: {_reason(error)}."
    return "Redis does not answer."
