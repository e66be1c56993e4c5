"""What gunicorn refuses by itself is a problem like every other error."""

from __future__ import annotations

import json
import logging
import socket

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
