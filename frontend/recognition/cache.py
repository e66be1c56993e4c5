"""Finished recognitions, in Redis for a day.

Without Redis everything still works, only slower: reads miss, writes do nothing.
"""

from __future__ import annotations

import json
from typing import Any

from frontend import metrics
from frontend.errors import CacheDownError
from frontend.redis import Redis


class Cache:
    """Values are JSON objects; each lives `ttl_seconds`."""

    def __init__(self, redis: Redis, ttl_seconds: int) -> None:
        self._redis = redis
        self._ttl_seconds = ttl_seconds

    def get(self, key: str) -> dict[str, Any] | None:
        """The value of `key`; None when it is not there or Redis is away."""
        try:
            text = self._redis.call(lambda client: client.get(key))
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
            self._redis.call(lambda client: client.set(key, text, ex=self._ttl_seconds))
        except CacheDownError:
            return

    def delete(self, *keys: str) -> None:
        """Forget `keys`. Raises CacheDownError: a promise to forget is not dropped in silence."""
        self._redis.call(lambda client: client.delete(*keys))


def _json_object(text: str | bytes | None) -> dict[str, Any] | None:
    try:
        value = json.loads(text) if text else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
