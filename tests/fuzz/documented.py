"""Whether an answer is one that the OpenAPI document names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from frontend.errors import error_types
from frontend.web.problems import TYPE_PREFIX
from tests.fuzz.targets import FoundError

PROBLEM = "application/problem+json"
_CODES = {kind.code: kind.status for kind in error_types()}
FAILURES = {"internal-error", "recognizer-failed"}
"""Documented, but never to be seen."""
_ANYWHERE = {"malformed-request", "not-found", "method-not-allowed", "address-too-long", "headers-too-large",
             "expectation-failed", "transfer-coding", "image-too-large", "untrusted-host", "rate-limited",
             "unavailable", "busy"}  # fmt: skip
"""Kinds that come before an operation is found, or instead of it."""


class Document:
    """The operations of the service."""

    def __init__(self, openapi: Mapping[str, Any]) -> None:
        self._operations = [
            (method.upper(), _pattern(path), set(operation["responses"]))
            for path, operations in openapi["paths"].items()
            for method, operation in operations.items()
        ]

    def check(self, method: str, path: str, status: int, media_type: str, body: bytes) -> None:
        """Raises FoundError."""
        code = _problem(status, media_type, body) if media_type.startswith(PROBLEM) else None
        if code in FAILURES or (status >= 400 and code is None):
            raise FoundError(f"{method} {status} {media_type} {code}: {body[:200]!r}")
        if code in _ANYWHERE or 300 <= status < 400:
            return
        named = [each[2] for each in self._operations if each[0] == method and each[1].fullmatch(path)]
        if named and not any(str(status) in statuses for statuses in named):
            raise FoundError(f"{method} {path[:80]} answers {status} {code or ''}")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


def _problem(status: int, media_type: str, body: bytes) -> str:
    """The code of a problem. Raises FoundError unless it is one of ours in full."""
    try:
        problem = json.loads(body)
    except ValueError:
        raise FoundError(f"{status} {media_type}: {body[:200]!r}") from None
    code = str(problem.get("type", "")).removeprefix(TYPE_PREFIX)
    if _CODES.get(code) != status or problem.get("status") != status or not problem.get("detail"):
        raise FoundError(f"{status}: {body[:200]!r}")
    return code
