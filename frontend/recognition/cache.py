"""Redis: finished recognitions for a day. The only module that knows redis-py.

Without Redis everything still works, only slower: reads miss, writes do nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from frontend import metrics
from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import CacheDownError

log = logging.getLogger(__name__)

_CONNECT_TIMEOUT_SECONDS = 0.3
_TIMEOUT_SECONDS = 1.0


class Cache:
    """Values are JSON objects; each lives `ttl_seconds`."""

    def __init__(self, url: str, ttl_seconds: int) -> None:
        self._ttl_seconds = ttl_seconds
        self._breaker = CircuitBreaker()
        self._trouble = ""
        # One retry, not after a timeout: a restart of Redis leaves stale connections, and a new one works.
        self._redis = redis.Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            socket_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
        )

    def get(self, key: str) -> dict[str, Any] | None:
        """The value of `key`; None when it is not there or Redis is away."""
        try:
            text = self._call(lambda: self._redis.get(key))
        except CacheDownError:
            metrics.CACHE_REQUESTS.labels("down").inc()
            return None
        value = _json_object(text)
        metrics.CACHE_REQUESTS.labels("miss" if value is None else "hit").inc()
        return value

    def set(self, key: str, value: dict[str, Any]) -> None:
        """Keep `value`, if Redis is there."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        try:
            self._call(lambda: self._redis.set(key, text, ex=self._ttl_seconds))
        except CacheDownError:
            return

    def delete(self, *keys: str) -> None:
        """Forget `keys`. Raises CacheDownError: a promise to forget is not dropped in silence."""
        self._call(lambda: self._redis.delete(*keys))

    def ping(self) -> None:
        """Raises CacheDownError when Redis does not answer."""
        self._call(self._redis.ping)

    def close(self) -> None:
        self._redis.close()

    def _call(self, command: Callable[[], Any]) -> Any:
        if not self._breaker.allows_call():
            raise CacheDownError(self._trouble)
        try:
            answer = command()
        except (redis.RedisError, OSError) as error:
            self._trouble = _advice(error)
            if self._breaker.record_failure():
                log.warning("redis is down: %s", _reason(error))
            raise CacheDownError(self._trouble) from error
        if self._breaker.record_success():
            log.info("redis is back")
        return answer


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


def _json_object(text: str | bytes | None) -> dict[str, Any] | None:
    try:
        value = json.loads(text) if text else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
