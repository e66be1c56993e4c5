"""The sign of life of the worker of tasks, in Redis: without one tasks are accepted, but not read."""

from __future__ import annotations

from typing import Any

from frontend.errors import TasksDownError
from frontend.redis import Redis

BEAT_SECONDS = 2.0
SILENCE_SECONDS = 10
"""After so long without a beat the worker is away."""
_KEY = "ocr:worker"


class Heartbeat:
    """Beaten by the worker, looked at by the front end; both by the clock of Redis.

    The key does not expire: of those that do, a full Redis drops some.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def beat(self) -> None:
        """The worker is there. Raises CacheDownError."""
        self._redis.call(lambda client: client.set(_KEY, client.time()[0]))

    def check(self) -> None:
        """Raises TasksDownError when no worker has been heard of, CacheDownError without Redis."""
        silence = self._redis.call(_silence)
        if silence > SILENCE_SECONDS:
            raise TasksDownError("The worker of tasks does not answer: tasks wait until it is back.")


def _silence(client: Any) -> float:
    """Seconds since the last beat."""
    return float(client.time()[0] - int(client.get(_KEY) or 0))
