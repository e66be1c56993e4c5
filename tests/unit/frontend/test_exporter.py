"""/metrics of the worker: who may read it, and what becomes of a port that is taken."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
import requests
from flask import Flask

from frontend.auth.keys import digest
from frontend.exporter import Exporter
from tests.unit.frontend.servers import free_port


def _ask(exporter: Exporter, path: str = "/metrics", **headers: str) -> requests.Response:
    port = free_port()
    exporter.start("127.0.0.1", port)
    try:
        return requests.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=10)
    finally:
        exporter.leave()


@pytest.fixture
def guarded(make_app: Callable[..., Flask]) -> Exporter:
    return Exporter(make_app(api_keys={"prometheus": digest("k")}).extensions["ocr"].owners)


def test_it_is_guarded_by_keys_as_the_front_end_is(guarded: Exporter) -> None:
    assert _ask(guarded).status_code == 401
    assert _ask(guarded, Authorization="Bearer wrong").status_code == 401
    for header in ({"Authorization": "Bearer k"}, {"X-API-Key": "k"}):
        answer = _ask(guarded, **header)
        assert (answer.status_code, answer.headers["Content-Type"][:10]) == (200, "text/plain")
        assert "# TYPE ocr_images_total counter" in answer.text


def test_it_is_open_where_everything_is(app: Flask) -> None:
    assert _ask(Exporter(app.extensions["ocr"].owners)).status_code == 200
    assert _ask(Exporter(None)).status_code == 200
    assert _ask(Exporter(None), "/history").status_code == 404


def test_a_port_that_is_taken_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        exporter = Exporter(None)
        exporter.start("127.0.0.1", port)
        exporter.leave()
    assert str(port) in caplog.text
