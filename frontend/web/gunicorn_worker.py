"""gunicorn's worker, which answers with a problem also what never reaches the application."""

from __future__ import annotations

import secrets
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors as http
from gunicorn.http import wsgi
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from frontend import metrics
from frontend.errors import (
    AddressTooLongError,
    ExpectationFailedError,
    HeadersTooLargeError,
    MalformedRequestError,
    OCRError,
    TransferCodingError,
)
from frontend.web import problems
from frontend.web.context import EXTENSION
from frontend.web.openapi import PROBLEM_MEDIA_TYPE

_OUR_FAULT = (http.InvalidResponseHeader, http.InvalidResponseHeaderName, http.ConfigurationProblem)
_OTHER_REFUSALS: Mapping[type[Exception], type[OCRError]] = {
    http.LimitRequestLine: AddressTooLongError,
    http.LimitRequestHeaders: HeadersTooLargeError,
    http.ExpectationFailed: ExpectationFailedError,
    http.UnsupportedTransferCoding: TransferCodingError,
}


class _Held(bytearray):
    """A connection that keeps what is sent."""

    sendall = bytearray.extend


class WholeResponse(wsgi.Response):  # type: ignore[misc]
    """Sends its head together with the beginning of its body.

    A process that was killed between the two left half of a small answer, where nginx would have told the
    client to come back.
    """

    sock: Any

    def write(self, arg: bytes) -> None:
        if self.headers_sent:
            super().write(arg)
            return
        connection, held = self.sock, _Held()
        self.sock = held
        try:
            super().write(arg)
        finally:
            self.sock = connection
        connection.sendall(held)


wsgi.Response = WholeResponse  # gthread names none to wsgi.create


class ProblemWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn comes without types
    """A pool of threads, as `gthread`, that stops without losing a request."""

    def run(self) -> None:
        """Serve until told to stop; connections left open would keep the interpreter for seconds."""
        services = self.wsgi.extensions[EXTENSION]
        services.start()
        super().run()
        services.close()

    def is_parent_alive(self) -> bool:
        """Without the process that started it a worker stops, which begins with letting nobody else in."""
        if super().is_parent_alive():
            return True
        for listener in self.sockets:
            if listener.FAMILY == socket.AF_UNIX:  # a new instance makes a socket of its own
                listener.shutdown(socket.SHUT_RD)
        self.handle_exit(signal.SIGTERM, None)
        return False

    def set_accept_enabled(self, enabled: bool) -> None:
        """At the end of a worker, whoever has been let in but not heard is heard."""
        super().set_accept_enabled(enabled)
        if not (enabled or self.alive):
            for listener in self.sockets:
                self._accept_all(listener)
                listener.close()

    def _accept_all(self, listener: Any) -> None:
        accepted = -1
        while accepted != self.nr_conns:
            accepted = self.nr_conns
            with suppress(OSError):  # nobody is left
                self.accept(listener)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: streams would go on, so they are told."""
        super().handle_exit(sig, frame)
        if hasattr(self, "wsgi"):  # the application is there
            self.wsgi.extensions[EXTENSION].streams.end()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """A request that gunicorn cannot parse: say so in the form that all errors have."""
        if not isinstance(exc, http.ParseException) or isinstance(exc, _OUR_FAULT):
            super().handle_error(req, client, addr, exc)
            return
        metrics.REJECTED.labels(_kind(exc).code).inc()
        self.log.warning("refused a malformed request: %s", type(exc).__name__)
        with suppress(OSError):
            write_nonblock(client, refusal(exc))


def refusal(error: Exception) -> bytes:
    """The whole HTTP answer to a request that cannot be parsed."""
    request_id = secrets.token_hex(8)
    kind = _kind(error)
    # Which path was asked for is what could not be told.
    body = problems.document(
        kind.status,
        problems.TYPE_PREFIX + kind.code,
        kind.title,
        {"detail": kind.advice},
        instance="",
        request_id=request_id,
    )
    head = [
        f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}",
        "Connection: close",
        f"Content-Type: {PROBLEM_MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        f"X-Request-Id: {request_id}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def _kind(error: Exception) -> type[OCRError]:
    return _OTHER_REFUSALS.get(type(error), MalformedRequestError)
