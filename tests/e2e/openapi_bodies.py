"""Bodies for test_openapi.py that no schema describes: image files, whole and broken."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import schemathesis
from hypothesis import strategies

from tests.e2e import lines

_WHOLE = [lines.png("Total 42.50"), *lines.encodings("Invoice 2031").values()]
_ANSWER = {"text": "", "width": 1, "height": 1, "lines": []}
_IMAGES = strategies.sampled_from(_WHOLE)
_FILES = strategies.one_of(_IMAGES, strategies.binary(max_size=200), _IMAGES.map(lambda image: image[:100]))

schemathesis.openapi.format("binary", _FILES)
for media_type in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, _FILES)


LONGEST_QUERY = 3000
"""Bytes, percent-encoded, that leave room for the path; see gunicorn's limit_request_line."""


@schemathesis.hook
def filter_case(_context: Any, case: schemathesis.Case) -> bool:
    """An address that is too long is refused by gunicorn, before any operation: 414."""
    return len(urlencode(case.query or {}, doseq=True)) <= LONGEST_QUERY


@schemathesis.hook
def map_case(_context: Any, case: schemathesis.Case) -> schemathesis.Case:
    """Options beside JSON or a form are refused, which no schema says: what is to work goes without."""
    is_raw = case.media_type is None or case.media_type.startswith(("image/", "application/octet"))
    if not is_raw and case.meta and case.meta.generation.mode.is_positive:
        case.query = {}
    return case


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Every other text that should be an image in Base64 becomes one, and such that should be answers."""
    if isinstance(body, dict) and isinstance(image := body.get("image"), str) and len(image) % 2 == 0:
        body["image"] = base64.b64encode(_WHOLE[len(image) % len(_WHOLE)]).decode()
    if isinstance(body, dict) and isinstance(answers := body.get("answers"), str) and len(answers) % 2 == 0:
        body["answers"] = json.dumps([{"name": answers, "answer": _ANSWER}])
    return body
