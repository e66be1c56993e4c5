"""gunicorn's worker, which answers with a problem also what never reaches the application."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors as http
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from frontend import metrics
from frontend.errors import MalformedRequestError
from frontend.web import problems
from frontend.web.context import EXTENSION
from frontend.web.openapi import PROBLEM_MEDIA_TYPE

_OUR_FAULT = (http.InvalidResponseHeader, http.InvalidResponseHeaderName, http.ConfigurationProblem)
_OTHER_REFUSALS: Mapping[type[Exception], tuple[HTTPStatus, str]] = {
    http.LimitRequestLine: (HTTPStatus.REQUEST_URI_TOO_LONG, "Shorten the address."),
    http.LimitRequestHeaders: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "Send fewer or shorter headers.",
    ),
    http.ExpectationFailed: (HTTPStatus.EXPECTATION_FAILED, "Send no Expect header but 100-continue."),
    http.UnsupportedTransferCoding: (HTTPStatus.NOT_IMPLEMENTED, "Use no Transfer-Encoding but chunked."),
}


class ProblemWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn comes without types
    """A pool of threads, as `gthread`."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: streams would go on, so they are told."""
        super().handle_exit(sig, frame)
        if self.wsgi:
            self.wsgi.extensions[EXTENSION].streams.end()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """A request that gunicorn cannot parse: say so in the form that all errors have."""
        if not isinstance(exc, http.ParseException) or isinstance(exc, _OUR_FAULT):
            super().handle_error(req, client, addr, exc)
            return
        metrics.REJECTED.labels(MalformedRequestError.code).inc()
        self.log.warning("refused a malformed request: %s", type(exc).__name__)
        with suppress(OSError):
            write_nonblock(client, refusal(exc))


def refusal(error: Exception) -> bytes:
    """The whole HTTP answer to a request that cannot be parsed."""
    request_id = secrets.token_hex(8)
    kind = MalformedRequestError
    status, title, code = HTTPStatus(kind.status), kind.title, problems.TYPE_PREFIX + kind.code
    detail = kind.advice
    if type(error) in _OTHER_REFUSALS:
        status, detail = _OTHER_REFUSALS[type(error)]
        title, code = status.phrase, "about:blank"
    # Which path was asked for is what could not be told.
    body = problems.document(status, code, title, {"detail": detail}, instance="", request_id=request_id)
    head = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        f"Content-Type: {PROBLEM_MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        f"X-Request-Id: {request_id}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
