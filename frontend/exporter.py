"""/metrics of the worker of tasks, on a port of its own, guarded as that of the front end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from frontend import metrics
from frontend.auth.access import Owners, check_reader
from frontend.errors import OCRError

log = logging.getLogger(__name__)

StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Exporter:
    """A thread that answers scrapes. `owners`: who may; None: anybody."""

    def __init__(self, owners: Owners | None) -> None:
        self._owners = owners
        self._server: WSGIServer | None = None

    def start(self, host: str, port: int) -> None:
        """Listen; where that cannot be, say so, and let the worker do its work all the same."""
        try:
            self._server = make_server(host, port, self.answer, _Server, _Handler)
        except OSError as error:
            log.error("no /metrics: port %d is not available: %s", port, error.strerror)
            return
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def leave(self) -> None:
        """In a process forked from this one: the port is the parent's."""
        if self._server:
            self._server.socket.close()
            self._server = None

    def answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application."""
        if environ["PATH_INFO"] != "/metrics":
            return _refuse(start_response, HTTPStatus.NOT_FOUND, "There is only /metrics here.")
        try:
            if self._owners:
                key = environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_X_API_KEY")
                check_reader(self._owners.identify(*key, cookie=None))
        except OCRError as error:
            return _refuse(start_response, HTTPStatus(error.status), error.detail)
        start_response("200 OK", [("Content-Type", metrics.MEDIA_TYPE)])
        return [metrics.exposition()]


def _refuse(start_response: StartResponse, status: HTTPStatus, detail: str) -> Iterable[bytes]:
    start_response(f"{status.value} {status.phrase}", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{detail}\n".encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Scrapes are not logged one by one."""
