"""Gunicorn's own errors are problems like every other error, and its end costs nobody an answer."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from gunicorn.config import Config
from gunicorn.http import errors as http
from gunicorn.http import wsgi

from frontend.web.gunicorn_worker import ProblemWorker, WholeResponse
from frontend.web.response_schemas import Problem

pytestmark = pytest.mark.slow


def _answer(error: Exception) -> tuple[str, dict[str, str], Problem]:
    """Status line, headers and body of what the worker writes."""
    worker = ProblemWorker.__new__(ProblemWorker)  # a whole one needs an arbiter
    worker.log = logging.getLogger("gunicorn.error")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker.handle_error(None, ours, ("127.0.0.1", 1), error)
        received = theirs.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return status, headers, Problem.model_validate(json.loads(body))


@pytest.mark.parametrize(
    ("headers", "body"),
    [([("Content-Length", "5")], b"Hello"), ([], b"5\r\nHello\r\n")],
    ids=["whole", "chunked"],
)
def test_head_and_body_are_sent_at_once(headers: list[tuple[str, str]], body: bytes) -> None:
    assert wsgi.Response is WholeResponse
    request = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: False)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # each send is a packet
    with ours, theirs:
        response = wsgi.Response(request, ours, Config())
        response.start_response("200 OK", headers)
        for part in (b"Hello", b"again"):
            response.write(part)
        packets = [theirs.recv(65_536) for _ in range(1 + (not headers))]
    head, _, first = packets[0].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first == body
    assert packets[1:] == ([] if headers else [b"5\r\nagain\r\n"])


@pytest.mark.parametrize(
    "error",
    [
        http.InvalidRequestLine("GET /history?q=\xe6\x80\xbb HTTP/1.1"),
        http.InvalidHeaderName("bad header"),
        http.InvalidRequestMethod("get"),
    ],
)
def test_a_malformed_request_is_told_what_to_do(error: Exception) -> None:
    status, headers, problem = _answer(error)
    assert status == "HTTP/1.1 400 Bad Request"
    assert headers["Content-Type"] == "application/problem+json"
    assert (problem.type, problem.status) == ("/problems/malformed-request", 400)
    assert "%E6%80%BB" in problem.detail
    assert problem.request_id == headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (http.LimitRequestLine(9000, 4094), 414, "address-too-long"),
        (http.ExpectationFailed("a cake"), 417, "expectation-failed"),
        (http.LimitRequestHeaders("too many"), 431, "headers-too-large"),
        (http.UnsupportedTransferCoding("gzip"), 501, "transfer-coding"),
    ],
)
def test_other_refusals_keep_their_status(error: Exception, status: int, code: str) -> None:
    line, _headers, problem = _answer(error)
    assert int(line.split()[1]) == problem.status == status
    assert problem.type == f"/problems/{code}"
    assert problem.detail.endswith(".")


APP = """
class Services:
    def close(self):
        pass
    start = end = close
    streams = property(lambda self: self)

class App:
    extensions = {"ocr": Services()}

    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Length", "5")])
        return [b"heard"]

app = App()
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[tuple[psutil.Process, Path]]:
    """A gunicorn with one worker, and where it listens."""
    (tmp_path / "answering.py").write_text(APP)
    path = tmp_path / "sock"
    options = ["--worker-class", "frontend.web.gunicorn_worker.ProblemWorker", "--threads", "4"]
    command = [sys.executable, "-m", "gunicorn", "--bind", f"unix:{path}", *options, "answering:app"]
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as started:
        process = psutil.Process(started.pid)
        wait_for_answer(path)
        children = process.children()
        yield process, path
        for each in (process, *children):
            with suppress(psutil.NoSuchProcess):
                each.kill()


def wait_for_answer(path: Path) -> None:
    deadline = time.monotonic() + 60
    while (client := knock(path)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    answer(client)


def knock(path: Path) -> socket.socket | None:
    """Connect and ask; None if nobody is there, whereupon nginx asks another instance."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30)
    try:
        client.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        client.close()
        return None
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    client.shutdown(socket.SHUT_WR)  # gunicorn waits for our end of each connection before it goes on
    return client


def answer(client: socket.socket) -> bytes:
    with client:
        return b"".join(iter(lambda: client.recv(65_536), b"")).partition(b"\r\n\r\n")[2]


SECOND = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


AMBIGUOUS = [
    CHUNKED + b"Content-Length: 5\r\n",
    b"Content-Length: 5\r\n" + CHUNKED,
    b"Content-Length: 0\r\nContent-Length: 5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 0x5\r\n",
    b"Content-Length : 5\r\n",
    b"Content_Length: 5\r\nContent-Length: -1\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n",
    CHUNKED + CHUNKED,
    b"X: a\r\n b\r\n",
    b"X: a\nContent-Length: 5\r\n",
    b"X: a\rContent-Length: 5\r\n",
    b"X: a\0b\r\n",
    b": a\r\n",
]
"""Headers, and in them bodies, that two servers may understand in two ways."""


def test_no_second_request_hides_in_the_first(instance: tuple[psutil.Process, Path]) -> None:
    """What is ambiguous is refused, and what follows it is not looked at."""
    for headers in AMBIGUOUS:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(instance[1]))
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n0\r\n\r\n" + SECOND)
            client.shutdown(socket.SHUT_WR)
            received = b"".join(iter(lambda: client.recv(65_536), b""))  # noqa: B023 - read at once
        assert received.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")), headers
        assert (received.count(b"HTTP/1.1"), b"heard" in received) == (1, False), headers


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_whoever_was_let_in_before_the_end_is_heard(
    instance: tuple[psutil.Process, Path], sent: signal.Signals
) -> None:
    process, path = instance
    (worker,) = process.children()
    worker.suspend()  # so that clients wait at the door
    waiting = [client for _ in range(20) if (client := knock(path))]
    assert len(waiting) == 20
    process.send_signal(sent)
    time.sleep(0.3)
    worker.resume()
    deadline = time.monotonic() + 20
    while client := knock(path):
        assert time.monotonic() < deadline
        waiting.append(client)
        time.sleep(0.01)
    assert [answer(client) for client in waiting] == [b"heard"] * len(waiting)
