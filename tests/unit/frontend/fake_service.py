"""A stand-in for the whole service: it answers POST /recognize as the front end does, or as it is told."""

from __future__ import annotations

import json
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


def line(text: str, left: float = 10.4, top: float = 20, **more: Any) -> dict[str, Any]:
    """A line as the service answers it: characters 10 px wide and 20 high, the second of confidence 0.5."""
    right, bottom = left + 10 * len(text), top + 20
    chars = [
        {
            "char": char,
            "confidence": 0.5 if i == 1 else 0.99,
            "bbox": [[left + 10 * i, top], [left + 10 * (i + 1), bottom]],
        }
        for i, char in enumerate(text)
    ]
    return {
        "text": text,
        "confidence": 0.98,
        "bbox": [[left, top], [right, bottom]],
        "polygon": [[left, top], [right, top], [right, bottom], [left, bottom]],
        "angle": 0,
        "row": 0,
        "model": "crnn_v3",
        "chars": chars,
        **more,
    }


def answer(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "text": "\n".join(line["text"] for line in lines),
        "confidence": 0.98,
        "bbox": [[10.4, 20], [110, 40]],
        "lines": list(lines),
        "angle": 0.0,
        "width": 640,
        "height": 480,
        "model": "crnn_v3",
        "model_version": "1.0-3fa94c1b.77d0",
        "image_hash": "sha256:0",
        "cached": False,
        "history_id": None,
        "elapsed_ms": 12.5,
        **more,
    }


def document(*texts: str) -> dict[str, Any]:
    """A PDF with one line on each page; page n is 100 n pixels wide."""
    pages = [
        {"page": n, "width": 100 * n, "height": 50, "text": text, "lines": [line(text, page=n)]}
        for n, text in enumerate(texts, start=1)
    ]
    return answer(*(page["lines"][0] for page in pages), pages=pages)


class Reply(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str] = {}


OK = Reply(200, {"status": "ok"})


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Reply:
    return Reply(status, {"type": "/problems/x", "status": status, "detail": detail, **more}, headers or {})


RENDERED = b"a file"


class Received(NamedTuple):
    path: str
    options: dict[str, list[str]]
    body: bytes
    headers: dict[str, str]


class FakeService(ThreadingHTTPServer):
    """Gives the `replies` (None: breaks the connection off), then reads each image as its own bytes.

    What it renders is always RENDERED.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.replies: deque[Reply | None] = deque()
        self.received: list[Received] = []
        self.tasks: dict[str, deque[Reply]] = {}
        """By their paths, what is answered when they are asked for, one after the other."""

    def reply(self, received: Received) -> Reply | None:
        self.received.append(received)
        if self.replies:
            return self.replies.popleft()
        if received.path == "/render":
            return Reply(200, RENDERED)
        return Reply(200, answer(line(received.body.decode())))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeService

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        query = parse_qs(parts.query, keep_blank_values=True)
        reply = self.server.reply(Received(parts.path, query, body, dict(self.headers)))
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply)

    def do_GET(self) -> None:  # noqa: N802
        path = urlsplit(self.path).path
        self._send(self.server.tasks[path].popleft() if path in self.server.tasks else OK)

    def _send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Silent."""
