"""The one place where errors become HTTP: application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

from flask import Blueprint, Flask, Response, g, request
from gunicorn.http.errors import NoMoreData, ParseException
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from frontend import metrics
from frontend.errors import (
    DiskFullError,
    ImageTooLargeError,
    InvalidRequestError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotFoundError,
    OCRError,
    error_types,
)
from frontend.files import disk
from frontend.web.openapi import PROBLEM_MEDIA_TYPE
from frontend.web.validation import field_errors

log = logging.getLogger(__name__)

TYPE_PREFIX = "/problems/"
_SMALL_BYTES = 1024 * 1024
_DRAIN_LIMIT_BYTES = 64 * 1024 * 1024
_MALFORMED_BODY = "The body ends early, or its chunks are malformed. Send the request again."
_FRAMEWORK_ERRORS: Mapping[int, type[OCRError]] = {
    400: MalformedRequestError,
    404: NotFoundError,
    405: MethodNotAllowedError,
}


def problem(error: OCRError) -> Response:
    """The answer to a foreseen error, as a problem."""
    members = {"detail": error.detail, **error.extensions}
    return _response(error.status, TYPE_PREFIX + error.code, error.title, members, error.headers)


def register(target: Flask | Blueprint, form: Callable[[OCRError], Response] = problem) -> None:
    """Answer every error of `target` in this form; what only Flask knows of is always a problem."""

    def refuse(error: OCRError) -> Response:
        metrics.REJECTED.labels(error.code).inc()
        if (request.content_length or 0) <= _SMALL_BYTES:  # else the connection ends, which a proxy may reuse
            with suppress(OSError, ParseException):
                _drain()
        return form(error)

    target.register_error_handler(OCRError, refuse)
    target.register_error_handler(RequestEntityTooLarge, lambda error: refuse(_body_too_large(error)))
    target.register_error_handler(HTTPException, _framework_problem)
    target.register_error_handler(OSError, lambda error: refuse(_out_of_room(error)))
    for kind in (ParseException, NoMoreData):
        target.register_error_handler(kind, lambda _: refuse(MalformedRequestError(_MALFORMED_BODY)))
    target.register_error_handler(Exception, lambda error: refuse(_unforeseen(error)))


def refuse(error: ValidationError) -> NoReturn:
    """For flask-openapi3: a query or path does not fit its schema."""
    raise field_errors(error) from error


def catalogue() -> list[type[OCRError]]:
    """Every kind of problem, for the pages under /problems."""
    return list(error_types())


def _body_too_large(_error: RequestEntityTooLarge) -> OCRError:
    """The framework says the same of a long body and of a form with many parts."""
    _drain()
    too_many = f"over {request.max_form_parts} parts"
    limit_bytes = request.max_content_length or 0
    if request.content_length is not None and request.content_length <= limit_bytes:
        message = f"The form has {too_many}. Send one file part `image`, and options."
        return InvalidRequestError([("body", message)])
    unknown = request.content_length is None and request.mimetype == "multipart/form-data"
    what = f"The request is over {limit_bytes / 1024**2:.0f} MB{f', or has {too_many}' if unknown else ''}."
    return ImageTooLargeError(f"{what} Send a smaller image.")


def _drain() -> None:
    """Reads what the client is still sending, so that it gets to reading the answer."""
    remaining = min(request.content_length or 0, _DRAIN_LIMIT_BYTES)
    stream = request.environ["wsgi.input"]
    while remaining > 0 and (chunk := stream.read(min(remaining, 65_536))):
        remaining -= len(chunk)


def _framework_problem(error: HTTPException) -> Response:
    """Flask's own errors; those without a page of ours are `about:blank`, as the RFC says."""
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    kind = _FRAMEWORK_ERRORS.get(error.code or 500)
    metrics.REJECTED.labels(kind.code if kind else f"http-{error.code}").inc()
    if kind:
        return _response(kind.status, TYPE_PREFIX + kind.code, kind.title, {"detail": kind.advice}, headers)
    detail = {"detail": str(error.description)}
    return _response(error.code or 500, "about:blank", error.name, detail, headers)


def _out_of_room(error: OSError) -> OCRError:
    if error.errno not in disk.FULL:
        return _unforeseen(error)
    log.error("the disk is full")
    _drain()
    return DiskFullError()


def _unforeseen(error: Exception) -> OCRError:
    log.error("unforeseen error", exc_info=error)
    return OCRError()


def _response(
    status: int, kind: str, title: str, members: Mapping[str, object], headers: Mapping[str, str]
) -> Response:
    request_id = g.get("request_id", "-")
    body = document(status, kind, title, members, instance=request.path, request_id=request_id)
    return Response(body, status=status, headers=dict(headers), content_type=PROBLEM_MEDIA_TYPE)


def document(
    status: int, kind: str, title: str, members: Mapping[str, object], *, instance: str, request_id: str
) -> bytes:
    """A problem as JSON."""
    body = {
        "type": kind,
        "title": title,
        "status": status,
        **members,
        "instance": instance,
        "request_id": request_id,
    }
    return json.dumps(body, ensure_ascii=False).encode()
