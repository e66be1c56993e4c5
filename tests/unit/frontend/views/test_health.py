"""Whether the service is alive, and whether it is ready."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from frontend.recognition.readiness import CANARY
from frontend.web.response_schemas import ReadyAnswer
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply


def test_alive_whatever_is_down(make_app: Callable[..., Flask], nothing_there: dict[str, str]) -> None:
    assert make_app(**nothing_there).test_client().get("/healthz").json == {"status": "ok"}


def test_ready_when_a_canary_comes_through(app: Flask, fake: FakeTorchServe) -> None:
    client = app.test_client()
    app.extensions["ocr"].heartbeat.beat()
    for _ in range(3):
        response = client.get("/readyz")
        assert response.status_code == 200
        assert ReadyAnswer.model_validate(response.json)
    assert {part["state"] for part in response.json["parts"].values()} == {"ok"}
    assert [received.body for received in fake.predictions] == [CANARY]


def test_ready_without_redis_and_mongodb_but_says_so(
    make_app: Callable[..., Flask], nothing_there: dict[str, str]
) -> None:
    response = make_app(**nothing_there).test_client().get("/readyz")
    assert response.status_code == 200
    states = {name: part["state"] for name, part in response.json["parts"].items()}
    assert states == {"torchserve": "ok", "redis": "down", "mongodb": "down", "disk": "ok", "worker": "down"}


def test_a_worker_that_is_silent_is_named(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.recognition.readiness._FRESH_SECONDS", 0.0)
    client = app.test_client()
    app.extensions["ocr"].heartbeat.beat()
    assert client.get("/readyz").json["parts"]["worker"] == {"state": "ok"}
    monkeypatch.setattr("frontend.tasks.heartbeat.SILENCE_SECONDS", -1)
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json["parts"]["worker"]["state"] == "down"
    assert "tasks wait" in response.json["parts"]["worker"]["detail"]


def test_not_ready_without_torchserve(
    client: FlaskClient, fake: FakeTorchServe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontend.recognition.readiness._FRESH_SECONDS", 0.0)
    monkeypatch.setattr("frontend.recognition.torchserve._FACTS_RETRY_SECONDS", 0.0)
    fake.stop()
    response = client.get("/readyz")
    assert (response.status_code, response.json["type"]) == (503, "/problems/not-ready")
    assert response.json["parts"]["torchserve"]["state"] == "down"
    assert response.json["parts"]["mongodb"]["state"] == "ok"
    assert response.headers["Retry-After"]
    fake.start()
    assert client.get("/readyz").status_code == 200


def test_not_ready_when_the_model_reads_nothing(client: FlaskClient, fake: FakeTorchServe) -> None:
    fake.replies.append(Reply(503, {"code": 503, "type": "InternalServerException"}))
    assert client.get("/readyz").status_code == 503


def test_the_canary_is_an_image() -> None:
    opened = Image.open(io.BytesIO(CANARY))
    opened.load()
    assert (opened.format, opened.mode, opened.size) == ("PNG", "L", (48, 32))
    assert opened.getextrema() == (16, 255)
