"""Idempotency-Key: a POST that is sent again, because its answer was lost, is done once.

After draft-ietf-httpapi-idempotency-key-header; what else is in the request belongs to the key, so one
that is used again for something else is another request, not an error.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from flask import request
from pydantic import BaseModel

from frontend.errors import InvalidRequestError
from frontend.tasks.items import File

HEADER = "Idempotency-Key"
_MAX_LENGTH = 200
_VISIBLE = re.compile(rf"[!-~][ -~]{{0,{_MAX_LENGTH - 1}}}")

PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": _MAX_LENGTH, "pattern": "^[!-~][ -~]*$"},
    "description": "Any text of your own, for example a UUID. The same request sent again with the same key "
    "leaves one record in the history, or one task.",
}


def occasion(owner: str, options: BaseModel, files: Iterable[File]) -> str | None:
    """The digest of the key with all that is asked for; None without a key. Raises InvalidRequestError."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _VISIBLE.fullmatch(key):
        message = f"Give 1 to {_MAX_LENGTH} printable ASCII characters, for example a UUID."
        raise InvalidRequestError([(HEADER, message)])
    chosen = [owner, key, options.model_dump(mode="json", exclude={"image"})]
    digest = hashlib.sha256(json.dumps(chosen).encode())
    for file in files:
        digest.update(json.dumps(file.name).encode())
        file.stream.seek(0)
        digest.update(hashlib.file_digest(file.stream, "sha256").digest())  # type: ignore[arg-type]
    return digest.hexdigest()
