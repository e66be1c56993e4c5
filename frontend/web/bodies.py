"""Bodies of requests: unpacked, and those of JSON bounded in what reading them costs."""

from __future__ import annotations

import re
import sys
import zlib
from codecs import BOM_UTF8
from itertools import islice
from typing import Any

from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from frontend.errors import ImageTooLargeError, InvalidRequestError, UnsupportedBodyTypeError

_GZIP = 16 + zlib.MAX_WBITS
"""For zlib: what follows has the header of gzip."""
MAX_FIELDS = 50_000
"""Of JSON, lists among them: the longest list of corrections has fewer; millions would hold all others up."""
_NAME = re.compile(rb'"\s*:')


class JsonProvider(DefaultJSONProvider):
    """JSON in the order of the contract, with Chinese as Chinese, both ways."""

    ensure_ascii = False
    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Raises InvalidRequestError for too many fields, ValueError for what is no JSON or too deep."""
        _check_fields(s if isinstance(s, bytes) else s.encode(errors="replace"))
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("too deep") from error


def read_body(request: Request) -> bytes:
    """All of the body, unpacked. One of unannounced length ends at the limit in silence, so it is checked."""
    limit = request.max_content_length or sys.maxsize
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= limit:
        raise RequestEntityTooLarge
    if _encoding(request) not in {"gzip", "x-gzip"}:
        refuse_encoding(request)
        return body
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(body, limit + 1 if limit < sys.maxsize else 0)
    except zlib.error as error:
        raise InvalidRequestError([("body", "This is not valid gzip, as Content-Encoding says.")]) from error
    if len(unpacked) > limit:
        raise ImageTooLargeError("Unpacked, the body is too large. Send a smaller image.")
    if not unpacker.eof:
        raise InvalidRequestError([("body", "This is gzip without its end. Send all of it.")])
    return unpacked


def _encoding(request: Request) -> str:
    return request.headers.get("Content-Encoding", "").strip().lower()


def refuse_encoding(request: Request) -> None:
    """Raises UnsupportedBodyTypeError where the body has a Content-Encoding (RFC 9110, 15.5.16)."""
    if (encoding := _encoding(request)) not in {"", "identity"}:
        raise UnsupportedBodyTypeError(
            f"Content-Encoding {encoding[:40]!r} is not supported here. Send the body without one; JSON and "
            "single files may be packed with gzip."
        )


def read_json(request: Request) -> bytes:
    """A body of JSON, without the byte order mark that .NET and PowerShell write (RFC 8259, 8.1).

    Raises InvalidRequestError for too many fields, or as read_body.
    """
    body = read_body(request).removeprefix(BOM_UTF8)
    _check_fields(body)
    return body


def _check_fields(body: bytes) -> None:
    names = next(islice(_NAME.finditer(body), MAX_FIELDS, None), None)
    if names or body.count(b"[") + body.count(b"{") > MAX_FIELDS:
        message = f"It has over {MAX_FIELDS} fields or lists. Send only what GET /docs shows."
        raise InvalidRequestError([("body", message)])
