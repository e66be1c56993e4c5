"""What stands around recognition: health, models, documents, pages, hosts, logs."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from PIL import Image

from frontend.app import create_app
from frontend.errors import error_types
from frontend.logs import JsonLines
from frontend.recognition.readiness import CANARY
from frontend.settings import Settings, SettingsError
from frontend.web.response_schemas import ModelsAnswer, Problem, ReadyAnswer
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply


def test_alive_whatever_is_down(make_app: Callable[..., Flask], nothing_there: dict[str, str]) -> None:
    assert make_app(**nothing_there).test_client().get("/healthz").json == {"status": "ok"}


def test_ready_when_a_canary_comes_through(client: FlaskClient, fake: FakeTorchServe) -> None:
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
    assert states == {"torchserve": "ok", "redis": "down", "mongodb": "down"}


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


def test_models(client: FlaskClient, fake: FakeTorchServe) -> None:
    fake.archives["a_model"] = "2.0-abcdef01"
    models = client.get("/models").json
    assert ModelsAnswer.model_validate(models)
    assert [(m["name"], m["default"]) for m in models["models"]] == [
        ("auto", True),
        ("a_model", False),
        ("crnn_v3", False),
        ("crnn_v3_lite", False),
    ]
    assert models["models"][0]["about"]["languages"] == ["en"]
    aliases = [m["aliases"] for m in models["models"]]
    assert aliases == [[], [], ["crnn_v1", "crnn_v2"], ["crnn_v2_lite"]]


def test_the_default_model_may_be_set_by_an_alias(make_app: Callable[..., Flask]) -> None:
    client = make_app(default_model="crnn_v2").test_client()
    models = client.get("/models").json["models"]
    assert [model["name"] for model in models if model["default"]] == ["crnn_v3"]
    assert client.get("/readyz").status_code == 200


def test_starts_without_any_server(nothing_there: dict[str, str]) -> None:
    started = time.monotonic()
    app = create_app(Settings(**nothing_there))
    assert time.monotonic() - started < 3
    assert app.test_client().get("/models").status_code == 503
    app.extensions["ocr"].close()


def test_refuses_unsafe_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_ANONYMOUS", "true")
    with pytest.raises(SettingsError):
        create_app()


@pytest.mark.parametrize("path", ["/", "/docs", "/problems/", "/problems/busy", "/static/js/app.js"])
def test_pages_take_nothing_from_elsewhere(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "//cdn" not in response.text
    assert "https://" not in re.sub(r'placeholder="[^"]*"', "", response.text)
    assert "<script>" not in response.text
    assert "style=" not in response.text
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    response.close()


def test_what_pages_name_is_there(client: FlaskClient) -> None:
    for page in ("/", "/docs"):
        text = client.get(page).text
        for address in re.findall(r'(?:href|src|data-url)="([^"]+)"', text):
            if address.startswith("#"):
                assert f'id="{address[1:]}"' in text
                continue
            response = client.get(address)
            assert response.status_code == 200, address
            response.close()


def test_every_kind_of_problem_has_its_page(client: FlaskClient) -> None:
    codes = [kind.code for kind in error_types()]
    assert len(set(codes)) == len(codes)
    for kind in error_types():
        assert escape(kind.title) in client.get(f"/problems/{kind.code}").text
    assert client.get("/problems/unheard-of").status_code == 404


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


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def test_the_openapi_document(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/recognize", "/recognize/batch", "/import", "/tasks", "/tasks/{task_id}", "/stream", "/history",
        "/history/export", "/history/{record_id}", "/history/{record_id}/image",
        "/models", "/healthz", "/readyz", "/api/ocr", "/ocr", "/render", "/picture",
    }  # fmt: skip
    assert "422" not in document["paths"]["/healthz"]["get"]["responses"]
    post = document["paths"]["/recognize"]["post"]
    assert set(post["requestBody"]["content"]) == {
        "application/json", "multipart/form-data", "image/*", "application/octet-stream",
    }  # fmt: skip
    assert {"model", "mode", "detail", "async"} <= {parameter["name"] for parameter in post["parameters"]}
    statuses = {200, 202, 400, 401, 403, 404, 413, 415, 422, 429, 502, 503, 504}
    assert set(post["responses"]) == {str(status) for status in statuses}
    named = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    links = post["responses"]["200"]["links"]
    assert set(links) == {"getRecord", "deleteRecord"}
    assert {link["operationId"] for link in links.values()} <= named
    for path, operations in document["paths"].items():
        kind = "application/json" if path in {"/api/ocr", "/ocr"} else "application/problem+json"
        for operation in operations.values():
            for status, response in operation["responses"].items():
                assert int(status) < 400 or set(response["content"]) == {kind}
    for reference in _references(document):
        place, _, name = reference.rpartition("/")
        assert place == "#/components/schemas"
        assert name in document["components"]["schemas"]


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
        line = json.loads(JsonLines().format(record))
    assert line["request_id"] == "trace-1"
    assert (line["method"], line["path"], line["status"], line["cached"]) == (
        "POST",
        "/recognize",
        200,
        False,
    )
    assert line["elapsed_ms"] > 0
    assert image.decode() not in caplog.text
    assert "\n" not in JsonLines().format(record)
