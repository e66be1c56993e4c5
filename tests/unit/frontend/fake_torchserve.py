"""A stand-in that speaks TorchServe's HTTP, both ports in one, with failures on demand."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.unit.frontend.servers import free_port


class Received(NamedTuple):
    path: str
    body: bytes
    headers: dict[str, str]


class Reply(NamedTuple):
    status: int
    body: Any


WORKER_DIED = Reply(507, {"code": 507, "type": "InternalServerException", "message": "Worker died."})
TIMED_OUT = Reply(500, {"code": 500, "type": "InternalServerException", "message": "Worker died."})
QUEUE_FULL = Reply(  # the same words as for a model without a worker
    503,
    {
        "code": 503,
        "type": "ServiceUnavailableException",
        "message": 'Model "auto" has no worker to serve inference request.',
    },
)
UNFINISHED = Reply(202, {"code": "unfinished", "detail": "Send the request again for the rest."})
HANDLER_CRASHED = Reply(503, {"code": 503, "type": "InternalServerException", "message": "Prediction failed"})


TIMING = "find;dur=3.5, read;dur=12.2"
"""The handler's milliseconds by stage, for each image."""
FACTS = {"languages": ["en"], "parameters": 1_100_000}
CASCADE = {"auto": FACTS, "crnn_v3": FACTS | {"parameters": 1_000_000}, "crnn_v3_lite": {"height": 48}}
"""A handler's facts about its networks: of one alone, and of two that form a cascade."""


def line(
    text: str, left: float = 10, top: float = 20, confidence: float = 0.98, row: int | None = None
) -> dict[str, Any]:
    """A line as the handler answers it: characters 10 px wide, 20 px high; each in a row of its own."""
    right, bottom = left + 10 * len(text), top + 20
    chars = [
        {"char": char, "confidence": 0.99, "bbox": [[left + 10 * i, top], [left + 10 * (i + 1), bottom]]}
        for i, char in enumerate(text)
    ]
    return {
        "text": text,
        "confidence": confidence,
        "angle": 0,
        "row": int(top) if row is None else row,
        "bbox": [[left, top], [right, bottom]],
        "polygon": [[left, top], [right, top], [right, bottom], [left, bottom]],
        "chars": chars,
    }


def prediction(*lines: dict[str, Any]) -> dict[str, Any]:
    return {"width": 640, "height": 480, "angle": 0, "lines": list(lines)}


def read_as_text(body: bytes) -> Reply:
    """The default: the "image" reads as its own bytes, so that no two answers can be mixed up unseen."""
    return Reply(200, prediction(line(body.decode("utf-8", "replace")[:40])))


def _signed(reply: Reply, network: str) -> Reply:
    """The reply with the network that read it in each line, where the line does not name one."""
    for page in reply.body.get("pages", [reply.body]) if reply.status == 200 else []:
        page["lines"] = [{"model": network, **line} for line in page["lines"]]
    return reply


class FakeTorchServe:
    """Replies from `replies` first, then from `answer`. `gate` holds predictions back while it is cleared."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.archives = {"auto": "1.0-3fa94c1b"}
        self.about: dict[str, Any] = {"auto": json.dumps({"models": CASCADE})}
        """The facts of the handlers, by archive; of those that are not there, FACTS."""
        self.workers = ["READY"]
        self.replies: deque[Reply | None] = deque()  # None: break the connection without an answer
        self.answer: Callable[[bytes], Reply] = read_as_text
        self.predictions: list[Received] = []
        self.management: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.start()

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def predict(self, received: Received) -> Reply | None:
        self.predictions.append(received)
        self.gate.wait(60)
        if self.replies:
            return self.replies.popleft()
        archive = received.path.rsplit("/", 1)[1]
        if archive not in self.archives:
            return Reply(404, {"code": 404, "type": "ModelNotFoundException", "message": "Model not found"})
        name = json.loads(received.headers.get("X-OCR-Options", "{}")).get("model", archive)
        if name not in {archive, *CASCADE}:
            return Reply(404, {"code": "unknown-model", "detail": f"There is no {name}.", "field": "model"})
        return _signed(self.answer(received.body), "crnn_v3_lite" if name == "auto" else name)

    def describe(self, target: str) -> Reply:
        self.management.append(target)
        parts = urlsplit(target)
        if parts.path == "/models":
            return Reply(200, {"models": [{"modelName": n, "modelUrl": f"{n}.mar"} for n in self.archives]})
        name = parts.path.rsplit("/", 1)[1]
        if name not in self.archives:
            return Reply(404, {"code": 404, "type": "ModelNotFoundException"})
        facts = {
            "modelName": name,
            "modelVersion": self.archives[name],
            "workers": [{"id": str(9000 + n), "status": status} for n, status in enumerate(self.workers)],
        }
        if parts.query:
            facts["customizedMetadata"] = self.about.get(name, FACTS)
        return Reply(200, [facts])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # with the 5 of the library, connections made at once wait for seconds

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.append(connection)
        return connection, address

    def server_close(self) -> None:
        super().server_close()
        for connection in self._connections:  # kept alive by the client
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_args: Any) -> None:
        """Silent: a client that gave up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeTorchServe

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._send(self.fake.predict(Received(self.path, body, dict(self.headers))))

    def do_GET(self) -> None:  # noqa: N802
        self._send(self.fake.describe(self.path))

    def _send(self, reply: Reply | None) -> None:
        if reply is None:
            self.close_connection = True
            return
        body = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Server-Timing", TIMING)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Silent."""
