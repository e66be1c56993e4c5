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

import psutil
import pytest
from gunicorn.http import errors as http

from frontend.web.gunicorn_worker import ProblemWorker
from frontend.web.response_schemas import Problem


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
    ("error", "status"),
    [
        (http.LimitRequestLine(9000, 4094), 414),
        (http.LimitRequestHeaders("too many"), 431),
        (http.UnsupportedTransferCoding("gzip"), 501),
    ],
)
def test_other_refusals_keep_their_status(error: Exception, status: int) -> None:
    line, _headers, problem = _answer(error)
    assert int(line.split()[1]) == problem.status == status
    assert problem.type == "about:blank"
    assert problem.detail.endswith(".")


APP = """
class Services:
    def close(self):
        pass
    end, streams = close, property(lambda self: self)

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
