"""How many requests an account may make in a time. The only module that knows Flask-Limiter.

Redis counts for all processes. While it is away each process counts by itself, so that limits hold for each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from flask import Flask, Response
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit
from limits.errors import StorageError

from frontend import metrics
from frontend.errors import RateLimitedError
from frontend.web import problems

_UNIX = "unix://"
_STORAGE_OPTIONS: dict[str, str | int] = {
    "socket_connect_timeout": 1,
    "socket_timeout": 1,
    "wrap_exceptions": True,
}


class RateLimits:
    """`limit`, such as `10/second;600/minute`, holds for each account; that of None is not limited."""

    def __init__(self, app: Flask, redis_url: str, limit: str, account: Callable[[], str | None]) -> None:
        self._limiter = Limiter(
            app=app,
            key_func=lambda: account() or "",
            application_limits=[limit],
            application_limits_exempt_when=lambda: account() is None,
            storage_uri=f"redis+{redis_url}" if redis_url.startswith(_UNIX) else redis_url,
            storage_options=_STORAGE_OPTIONS,
            in_memory_fallback_enabled=True,
            # of those that find Redis gone at once it lets one fall back, and would fail the others
            swallow_errors=True,
        )
        app.register_error_handler(RateLimitExceeded, self._refuse)

    def headers(self) -> dict[str, str]:
        """RateLimit and RateLimit-Policy of this request (draft-ietf-httpapi-ratelimit-headers)."""
        limits = self._limiter.current_limits
        policies = [f'"{item.limit}";q={item.limit.amount};w={item.limit.get_expiry()}' for item in limits]
        try:
            left = [f'"{item.limit}";r={item.remaining};t={_seconds_left(item)}' for item in limits]
        except StorageError:  # Redis went away since the request began
            return {}
        return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)} if limits else {}

    def _refuse(self, exceeded: RateLimitExceeded) -> Response:
        limit = self._limiter.current_limit
        try:
            seconds = _seconds_left(limit) if limit else 1
        except StorageError:
            seconds = 1
        metrics.REJECTED.labels(RateLimitedError.code).inc()
        return problems.problem(RateLimitedError(str(exceeded.limit.limit), seconds))


def _seconds_left(limit: RequestLimit) -> int:
    return max(1, math.ceil(limit.reset_at - time.time()))
