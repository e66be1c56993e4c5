"""POST /api/ocr as Umi-OCR answers it and POST /ocr as PaddleX does, held to what both publish."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from frontend.views.paddlex import PaddleXAnswer, PaddleXFailure
from frontend.views.umi_ocr import UmiAnswer
from tests.unit.frontend.fake_torchserve import QUEUE_FULL, FakeTorchServe, Reply, line, prediction
from tests.unit.frontend.fake_web import OUTSIDE, FakeWeb, serving

GOLDEN = Path(__file__).parents[3] / "golden"
UMI_OCR = json.loads((GOLDEN / "umi_ocr.json").read_text(encoding="utf-8"))
PADDLEX = json.loads((GOLDEN / "paddlex.json").read_text(encoding="utf-8"))


def _base64(image: bytes) -> str:
    return base64.b64encode(image).decode()


@pytest.fixture
def keyed(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app(api_keys={"anna": "0" * 64}).test_client()


# Umi-OCR


@pytest.mark.parametrize("name", UMI_OCR["examples"])
def test_umi_ocr_as_recorded(client: FlaskClient, fake: FakeTorchServe, image: bytes, name: str) -> None:
    example = UMI_OCR["examples"][name]
    fake.replies.append(Reply(200, prediction(*UMI_OCR["lines"])))
    began = time.time()
    body = {"base64": _base64(image), "options": example["options"]}
    response = client.post("/api/ocr", json=body)
    assert response.status_code == 200
    answer = response.json
    assert UmiAnswer.model_validate(answer)
    assert began <= answer.pop("timestamp") <= time.time()
    assert answer.pop("time") > 0
    assert answer == example["answer"]


def test_others_forms_are_read_by_the_default_model(
    make_app: Callable[..., Flask], fake: FakeTorchServe, image: bytes
) -> None:
    client = make_app(default_model="crnn_v2").test_client()
    assert client.post("/api/ocr", json={"base64": _base64(image)}).json["code"] == 100
    assert client.post("/ocr", json={"file": _base64(image + b"!")}).json["errorCode"] == 0
    asked = [json.loads(received.headers["X-OCR-Options"])["model"] for received in fake.predictions]
    assert asked == ["crnn_v3", "crnn_v3"]


def test_umi_ocr_by_default(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    """Rows end; lines of one row do not. What it asks for is what /recognize asks for."""
    lines = line("Tea", 10, row=0), line("3.50", 200, row=0), line("Total", 10, 50, row=1)
    fake.replies.append(Reply(200, prediction(*lines)))
    data = client.post("/api/ocr", data=json.dumps({"base64": _base64(image)})).json["data"]
    assert [(part["text"], part["end"]) for part in data] == [("Tea", " "), ("3.50", "\n"), ("Total", "\n")]
    assert client.post("/recognize", data=image, content_type="image/png").json["cached"] is True


def test_umi_ocr_joins_latin_words_by_spaces(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    fake.replies.append(Reply(200, prediction(line("one", row=0), line("two", 10, 50, row=1))))
    options = {"tbpu.parser": "single_none", "data.format": "text"}
    assert (
        client.post("/api/ocr", json={"base64": _base64(image), "options": options}).json["data"] == "one two"
    )


def test_umi_ocr_keeps_indentation_of_code(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    lines = line("if a:", 10, row=0), line("# ?", 100, row=0), line("b = 1", 50, 50, row=1)
    fake.replies.append(Reply(200, prediction(*lines)))
    body: dict[str, Any] = {"base64": _base64(image), "options": {"tbpu.parser": "single_code"}}
    data = client.post("/api/ocr", json=body).json["data"]
    assert [(part["text"], part["end"]) for part in data] == [
        ("if a:", "    "), ("# ?", "\n"), ("    b = 1", "\n"),
    ]  # fmt: skip
    body["options"]["data.format"] = "text"
    assert client.post("/api/ocr", json=body).json["data"] == "if a:    # ?\n    b = 1"


def test_umi_ocr_without_text(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    fake.replies.append(Reply(200, prediction()))
    answer = client.post("/api/ocr", json={"base64": _base64(image)}).json
    assert (answer["code"], answer["data"]) == (101, "No text found in image.")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", 800),
        (b"\xff", 800),
        (b"{}", 801),
        (b"null", 801),
        (b'{"options": {}}', 802),
        (b'{"base64": 5}', 802),
        (b'{"base64": "YQ==", "options": "text"}', 803),
        (b'{"base64": "YQ==", "options": {"tbpu.ignoreArea": [[0, 0, 1, 1]]}}', 804),
        (b'{"base64": "no Base64!"}', 300),
        (b'{"base64": ""}', 301),
    ],
)
def test_umi_ocr_refuses_as_it_does(
    client: FlaskClient, fake: FakeTorchServe, body: bytes, code: int
) -> None:
    response = client.post("/api/ocr", data=body, content_type="application/json")
    assert (response.status_code, response.json["code"]) == (200, code)
    assert response.json["data"].endswith((".", "`"))
    assert UmiAnswer.model_validate(response.json)
    assert fake.predictions == []


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply(400, {"code": "invalid-image", "detail": "Send another one."}), 200, 301),
        (Reply(415, {"code": "unsupported-image-type", "detail": "Send another one."}), 200, 301),
        (Reply(200, {}), 200, 902),
        (QUEUE_FULL, 503, 503),
    ],
)
def test_errors_as_umi_ocr_has_them(
    client: FlaskClient, fake: FakeTorchServe, image: bytes, reply: Reply, status: int, code: int
) -> None:
    fake.replies += [reply] * 2
    response = client.post("/api/ocr", json={"base64": _base64(image)})
    assert (response.status_code, response.json["code"]) == (status, code), response.text
    assert isinstance(response.json["data"], str)
    assert ("Retry-After" in response.headers) == (status == 503)


# PaddleX


@pytest.mark.parametrize("name", PADDLEX["examples"])
def test_paddlex_as_recorded(client: FlaskClient, fake: FakeTorchServe, image: bytes, name: str) -> None:
    example = PADDLEX["examples"][name]
    fake.replies.append(Reply(200, prediction(*PADDLEX["lines"])))
    response = client.post("/ocr", json={"file": _base64(image), **example["request"]})
    assert response.status_code == 200
    answer = response.json
    assert PaddleXAnswer.model_validate(answer)
    assert uuid.UUID(answer.pop("logId"))
    assert answer == example["answer"]


def test_paddlex_of_a_document(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    pages = [prediction(line("first")), prediction() | {"width": 480, "height": 640}]
    fake.replies.append(Reply(200, {"pages": pages}))
    result = client.post("/ocr", json={"file": _base64(image), "fileType": 0}).json["result"]
    assert [page["prunedResult"]["rec_texts"] for page in result["ocrResults"]] == [["first"], []]
    sizes = [{"width": 640, "height": 480}, {"width": 480, "height": 640}]
    assert result["dataInfo"] == {"numPages": 2, "pages": sizes, "type": "pdf"}


def test_paddlex_reads_the_first_pages_of_a_long_document(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    too_long = Reply(413, {"code": "image-too-large", "detail": "The document has 12 pages."})
    fake.replies += [too_long, Reply(200, {"pages": [prediction(line(str(n))) for n in range(10)]})]
    result = client.post("/ocr", json={"file": _base64(image), "fileType": 0}).json["result"]
    assert result["dataInfo"]["numPages"] == 10
    asked = [json.loads(received.headers["X-OCR-Options"])["pages"] for received in fake.predictions]
    assert asked == [None, "1-10"]


def test_paddlex_says_what_else_is_too_large(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    fake.replies += [
        Reply(413, {"code": "image-too-large", "detail": "The image has 60 megapixels."}),
        Reply(422, {"code": "invalid-request", "detail": "There are no pages 1-10.", "field": "pages"}),
    ]
    response = client.post("/ocr", json={"file": _base64(image)})
    assert (response.status_code, response.json["errorMsg"]) == (413, "The image has 60 megapixels.")


@pytest.fixture
def web(image: bytes) -> Iterator[FakeWeb]:
    with serving() as server:
        server.image = image
        yield server


def test_paddlex_by_url(make_app: Callable[..., Flask], web: FakeWeb, image: bytes) -> None:
    client = make_app(url_allow=(ip_network(OUTSIDE),)).test_client()
    answer = client.post("/ocr", json={"file": web.address("/image.png")}).json
    assert answer["result"]["ocrResults"][0]["prunedResult"]["rec_texts"] == [image.decode()]
    inward = client.post("/ocr", json={"file": "http://169.254.169.254/latest"})
    assert (inward.status_code, inward.json["errorCode"]) == (422, 422)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "JSON"),
        (b"[]", "JSON object"),
        (b"{}", "file"),
        (b'{"file": 5}', "file"),
        (b'{"file": "no Base64!"}', "file: This is not valid Base64"),
        (b'{"file": "YQ==", "fileType": 2}', "fileType"),
        (b'{"file": "YQ==", "visualize": true}', "visualize"),
    ],
)
def test_paddlex_refuses_as_it_does(
    client: FlaskClient, fake: FakeTorchServe, body: bytes, word: str
) -> None:
    response = client.post("/ocr", data=body, content_type="application/json")
    assert (response.status_code, response.json["errorCode"]) == (422, 422)
    assert PaddleXFailure.model_validate(response.json)
    assert word in response.json["errorMsg"]
    assert fake.predictions == []


@pytest.mark.parametrize(
    ("reply", "status"),
    [(Reply(400, {"code": "invalid-image", "detail": "Send another one."}), 400), (QUEUE_FULL, 503)],
)
def test_errors_as_paddlex_has_them(
    client: FlaskClient, fake: FakeTorchServe, image: bytes, reply: Reply, status: int
) -> None:
    fake.replies += [reply] * 2
    response = client.post("/ocr", json={"file": _base64(image)})
    assert (response.status_code, response.json["errorCode"]) == (status, status)
    assert PaddleXFailure.model_validate(response.json)
    assert ("Retry-After" in response.headers) == (status == 503)


# Both

ROUTES = {"/api/ocr": ("base64", "code", "data"), "/ocr": ("file", "errorCode", "errorMsg")}


@pytest.mark.parametrize("path", ROUTES)
def test_keys_hosts_and_origins_are_asked_for(keyed: FlaskClient, fake: FakeTorchServe, path: str) -> None:
    field, code, message = ROUTES[path]
    for headers, status in (
        ({}, 401),
        ({"Host": "evil.example"}, 400),
        ({"Host": ""}, 400),
        ({"Origin": "https://evil.example"}, 403),
    ):
        response = keyed.post(path, json={field: "YQ=="}, headers=headers)
        assert (response.status_code, response.json[code]) == (status, status)
        assert response.json[message].endswith(".")
        assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert fake.predictions == []


@pytest.mark.parametrize("path", ROUTES)
def test_a_file_over_the_limit(client: FlaskClient, path: str) -> None:
    field, code, _ = ROUTES[path]
    for size in (129 * 1024, 400 * 1024):  # over the limit of the image, and over that of the body
        response = client.post(path, json={field: _base64(b"x" * size)})
        assert (response.status_code, response.json[code]) == (413, 413)


@pytest.mark.parametrize("path", ROUTES)
def test_the_unforeseen_has_their_form_and_tells_nothing(
    app: Flask, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(*_args: Any) -> None:
        raise RuntimeError("inner secret")

    field, code, _ = ROUTES[path]
    monkeypatch.setattr(app.extensions["ocr"].recognizer, "recognize", fail)
    response = app.test_client().post(path, json={field: "YQ=="})
    assert (response.status_code, response.json[code]) == (500, 500)
    assert "secret" not in response.text


@pytest.mark.parametrize("path", ROUTES)
def test_their_results_are_in_the_history(client: FlaskClient, image: bytes, path: str) -> None:
    assert client.post(path, json={ROUTES[path][0]: _base64(image)}).status_code == 200
    assert (
        client.get("/history", query_string={"q": image.decode()}).json["items"][0]["text"] == image.decode()
    )


@pytest.mark.parametrize(
    "field", [{"visualize": "false"}, {"textRecScoreThresh": "0.5"}, {"fileType": False}]
)
def test_paddlex_fields_have_the_types_of_its_schema(
    client: FlaskClient, image: bytes, field: dict[str, Any]
) -> None:
    assert client.post("/ocr", json={"file": _base64(image), **field}).status_code == 422
    assert client.post("/ocr", json={"file": _base64(image), "textRecScoreThresh": 1}).status_code == 200
