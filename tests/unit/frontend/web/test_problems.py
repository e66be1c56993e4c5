"""Errors of the framework, and those that nobody foresaw, are problems like all others."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from frontend.web.response_schemas import Problem


def test_frameworks_errors_are_problems(client: FlaskClient) -> None:
    for response, status, kind in (
        (client.get("/nowhere"), 404, "/problems/not-found"),
        (client.get("/recognize"), 405, "/problems/method-not-allowed"),
        (client.post("/static/js/app.js"), 405, "/problems/method-not-allowed"),
    ):
        assert (response.status_code, response.json["type"]) == (status, kind)
        assert response.content_type == "application/problem+json"
        assert Problem.model_validate(response.json)
    assert "POST" in client.get("/recognize").headers["Allow"]


def test_the_unforeseen_tells_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("inner secret")

    monkeypatch.setattr(app.extensions["ocr"].torchserve, "models", fail)
    response = app.test_client().get("/models")
    assert (response.status_code, response.json["type"]) == (500, "/problems/internal-error")
    assert "secret" not in response.text
