"""A web server for what is fetched: images, redirects, and servers that mean no good."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

OUTSIDE, INSIDE = "127.0.0.9", "127.0.0.1"
"""Two addresses of this machine; tests allow the first, which stands for the public internet then."""
IMAGE = b"\x89PNG of the web"


class FakeWeb(ThreadingHTTPServer):
    """Each path of the handler below is a kind of answer; `received` has the requests."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str = OUTSIDE) -> None:
        super().__init__((host, 0), _Handler)
        self.port = self.server_address[1]
        self.received: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.image = IMAGE
        self.posted: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        """With which POST is answered, one after the other, and then with 204."""

    def address(self, path: str, host: str | None = None) -> str:
        """Of something on it; `host` is another name of where it is."""
        return f"http://{host or self.server_address[0]}:{self.port}{path}"

    def handle_error(self, *_args: Any) -> None:
        """Silent: a client that gives up is part of the tests."""


@contextmanager
def serving(host: str = OUTSIDE) -> Iterator[FakeWeb]:
    with FakeWeb(host) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield web
        finally:
            web.over.set()
            web.gate.set()
            web.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: FakeWeb

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        self.server.received.append((self.path, dict(self.headers)))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with suppress(OSError):
            getattr(self, parts.path.strip("/").split(".")[0].replace("-", "_"))(**query)

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        """Of a webhook: answers with the next status, whose body has no end."""
        length = int(self.headers["Content-Length"])
        self.server.posted.append((dict(self.headers), self.rfile.read(length)))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        with suppress(OSError):
            if self.path.startswith("/silent"):
                self.silent()
            self._head(status, {"Location": "/hook"} if 300 <= status < 400 else {})
            if status != 204:
                self._pour()

    def image(self, kind: str = "image/png") -> None:
        self._head(200, {"Content-Type": kind, "Content-Length": str(len(self.server.image))})
        self.wfile.write(self.server.image)

    def untyped(self) -> None:
        self._head(200, {})
        self.wfile.write(self.server.image)

    def held(self) -> None:
        self.server.gate.wait(60)
        self.image()

    def status(self, code: str) -> None:
        self._head(int(code), {"Content-Type": "image/png"})
        self.wfile.write(b"inner secret")

    def redirect(self, to: str) -> None:
        """Its own body has no end, as a fetcher that reads those would find out."""
        self._head(302, {"Location": to})
        self._pour()

    def loop(self) -> None:
        self.redirect(self.path)

    def announced(self, size: str) -> None:
        self._head(200, {"Content-Type": "image/png", "Content-Length": size})
        self.wfile.write(b"x" * min(int(size), 1000))

    def endless(self) -> None:
        self._head(200, {"Content-Type": "image/png"})
        self._pour()

    def slow_body(self) -> None:
        self._head(200, {"Content-Type": "image/png"})
        self._drip(b"x")

    def slow_chunks(self) -> None:
        self.protocol_version = "HTTP/1.1"
        self._head(200, {"Content-Type": "image/png", "Transfer-Encoding": "chunked"})
        self._drip(b"0")

    def slow_head(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._drip(b"x")

    def silent(self) -> None:
        self.server.over.wait(60)

    def rude(self) -> None:
        self.wfile.write(b"220 this is no web server\r\n")

    def contradictory(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nabcde")

    def _pour(self) -> None:
        """So much that nobody who has a limit gets to its end."""
        for _ in range(1000):
            self.wfile.write(b"x" * 65_536)

    def _drip(self, drop: bytes) -> None:
        """For ten seconds."""
        for _ in range(200):
            if self.server.over.wait(0.05):
                return
            self.wfile.write(drop)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Silent."""
