"""Hosts, origins and the log line of every request."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from frontend.logs import JsonFormatter
from tests.unit.frontend.fake_torchserve import FakeTorchServe


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example"])
def test_a_foreign_host_is_refused(client: FlaskClient, host: str) -> None:
    for path in ("/", "/history", "/healthz", "/static/js/app.js"):
        response = client.get(path, headers={"Host": host})
        assert (response.status_code, response.json["type"]) == (400, "/problems/untrusted-host")


def test_hosts_are_a_setting(make_app: Callable[..., Flask]) -> None:
    client = make_app(trusted_hosts=("ocr.example",)).test_client()
    assert client.get("/healthz", headers={"Host": "OCR.example:8000"}).status_code == 200
    assert client.get("/healthz").status_code == 400


def test_a_foreign_page_cannot_post_or_delete(client: FlaskClient, fake: FakeTorchServe) -> None:
    foreign = {"Origin": "https://evil.example"}
    for response in (
        client.post("/recognize", data=b"a", content_type="image/png", headers=foreign),
        client.delete("/history/x", headers=foreign),
    ):
        assert (response.status_code, response.json["type"]) == (403, "/problems/foreign-origin")
    assert fake.predictions == []
    own = client.post(
        "/recognize", data=b"a", content_type="image/png", headers={"Origin": "http://localhost"}
    )
    assert own.status_code == 200


def test_one_line_of_log_a_request(
    client: FlaskClient, image: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="frontend"):
        client.post("/recognize", data=image, content_type="image/png", headers={"X-Request-Id": "trace-1"})
        (record,) = [record for record in caplog.records if record.name == "frontend.requests"]
        line = json.loads(JsonFormatter().format(record))
    assert line["request_id"] == "trace-1"
    told = {
        "method": "POST", "path": "/recognize", "status": 200, "owner": "local", "client": "127.0.0.1",
        "bytes": len(image), "pixels": 640 * 480, "pages": 1, "lines": 1, "model": "auto", "cached": False,
    }  # fmt: skip
    assert told.items() <= line.items()
    assert (line["ms"].pop("queue") >= 0, line["ms"]) == (True, {"find": 3.5, "read": 12.2})
    assert line["elapsed_ms"] > 0
    assert image.decode() not in caplog.text
    assert "\n" not in JsonFormatter().format(record)


def test_an_address_cannot_break_a_line_of_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="frontend"):
        client.get("/%0A%C2%85%E2%80%A8%C2%9B31m")
    (record,) = [record for record in caplog.records if record.name == "frontend.requests"]
    line = JsonFormatter().format(record)
    assert line.splitlines() == [line]
    assert line.isascii()
    assert json.loads(line)["path"] == "/\n\x85\u2028\x9b31m"


def test_what_is_cached_took_no_stage(
    client: FlaskClient, image: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="frontend"):
            client.post("/recognize", data=image, content_type="image/png")
    (record,) = [record for record in caplog.records if record.name == "frontend.requests"]
    facts = vars(record)["facts"]
    assert (facts["cached"], facts["ms"]) == (True, {"queue": 0.0, "find": 0.0, "read": 0.0})


def test_polls_of_tasks_are_not_logged_one_by_one(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="frontend"):
        accepted = client.post("/recognize?async=true", data=b"x", content_type="image/png")
        for path in (accepted.headers["Location"], "/healthz", "/metrics", "/tasks/nothing"):
            client.get(path)
    logged = [vars(record)["facts"] for record in caplog.records if record.name == "frontend.requests"]
    assert [(facts["path"], facts["status"]) for facts in logged] == [
        ("/recognize", 202),
        ("/tasks/nothing", 404),
    ]
