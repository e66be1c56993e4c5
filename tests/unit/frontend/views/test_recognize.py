"""POST /recognize: the three kinds of body, and everything that can be wrong with them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.unreader import IterUnreader
from werkzeug.test import TestResponse

from frontend.web.response_schemas import RecognizeAnswer
from tests.unit.frontend.fake_torchserve import QUEUE_FULL, FakeTorchServe, Reply, line, prediction
from tests.unit.frontend.fake_web import OUTSIDE, FakeWeb, serving

LIMIT = 128 * 1024


def _base64(image: bytes) -> str:
    return base64.b64encode(image).decode()


def _problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem that the answer is; fails unless it is that one, whole."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = response.json
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["detail"].endswith((".", "`", "png"))
    assert problem["request_id"] == response.headers["X-Request-Id"]
    return problem


def _fields(response: TestResponse) -> dict[str, str]:
    errors = _problem(response, 422, "invalid-request")["errors"]
    return {error["field"]: error["message"] for error in errors}


def test_json(client: FlaskClient, image: bytes) -> None:
    response = client.post("/recognize", json={"image": _base64(image)})
    assert response.status_code == 200
    answer = response.json
    assert answer["text"] == image.decode()
    assert answer["lines"][0]["polygon"]
    assert "chars" not in answer["lines"][0]
    assert "warnings" not in answer
    if_any = {"warnings", "mrz", "pages", "reviewed_text", "fields", "match"}
    assert set(answer) == set(RecognizeAnswer.model_fields) - if_any
    assert RecognizeAnswer.model_validate(answer)


@pytest.mark.parametrize(
    "prefix",
    ["data:image/png;base64,", "data:;base64,", "DATA:image/png;x=y;BASE64,", " \n data:image/png;base64, "],
)
def test_json_with_a_data_uri(client: FlaskClient, image: bytes, prefix: str) -> None:
    response = client.post("/recognize", json={"image": prefix + _base64(image)})
    assert response.json["text"] == image.decode()


@pytest.mark.parametrize(
    ("route", "field"), [("/recognize", "image"), ("/api/ocr", "base64"), ("/ocr", "file")]
)
def test_json_with_a_byte_order_mark(client: FlaskClient, image: bytes, route: str, field: str) -> None:
    body = b"\xef\xbb\xbf" + json.dumps({field: _base64(image)}).encode()
    response = client.post(route, data=body, content_type="application/json")
    assert response.status_code == 200
    assert response.json.get("code", 100) == 100


def test_json_with_line_breaks_in_base64(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    image *= 10
    assert client.post("/recognize", json={"image": base64.encodebytes(image).decode()}).status_code == 200
    assert fake.predictions[0].body == image


def test_json_with_the_base64_of_urls(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    image += b"\xfb\xff\xfe?"
    encoded = base64.urlsafe_b64encode(image).decode()
    assert set("-_") & set(encoded)
    assert client.post("/recognize", json={"image": encoded + "\n"}).status_code == 200
    assert fake.predictions[0].body == image


@pytest.mark.parametrize("length", range(20, 24))
def test_json_with_base64_that_is_not_padded(client: FlaskClient, fake: FakeTorchServe, length: int) -> None:
    image = (b"\xfb\xff\xfe?" * 6)[:length]
    encoded = base64.urlsafe_b64encode(image).decode().rstrip("=")
    assert client.post("/recognize", json={"image": encoded}).status_code == 200
    assert fake.predictions[0].body == image


def test_options_that_are_null_or_empty_have_their_defaults(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    names = (
        "url",
        "model",
        "mode",
        "detail",
        "allowlist",
        "allowlist_mode",
        "pattern",
        "lexicon",
        "threshold",
        "pages",
        "pdf_text",
        "text_format",
        "fields",
        "async",
    )
    empty = dict.fromkeys(names, "")
    answers = [
        client.post("/recognize", json={"image": _base64(image), **dict.fromkeys(names)}),
        client.post("/recognize", data={"image": (io.BytesIO(image), "x.png"), **empty}),
        client.post("/recognize", data=image, query_string=empty, content_type="image/png"),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert [answer.json["cached"] for answer in answers] == [False, True, True]
    sent = json.loads(fake.predictions[0].headers["X-OCR-Options"])
    defaults = {
        "mode": "auto",
        "allowlist": None,
        "allowlist_mode": "drop",
        "pattern": None,
        "lexicon": None,
        "pages": None,
        "pdf_text": False,
    }
    assert sent == {"model": "auto", **defaults}


@pytest.mark.parametrize("kind", ["image/png", "application/json"])
def test_a_body_packed_with_gzip(client: FlaskClient, image: bytes, kind: str) -> None:
    body = image if kind == "image/png" else json.dumps({"image": _base64(image)}).encode()
    headers = {"Content-Encoding": "GZip", "Content-Type": kind}
    response = client.post("/recognize", data=gzip.compress(body), headers=headers)
    assert response.json["text"] == image.decode()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"not gzip", 422, "invalid-request"),
        (gzip.compress(b"image" * 100)[:-20], 422, "invalid-request"),
        (gzip.compress(bytes(2 * LIMIT)), 413, "image-too-large"),
    ],
    ids=["not gzip", "cut off", "a bomb"],
)
def test_gzip_that_is_broken_or_a_bomb(client: FlaskClient, body: bytes, status: int, code: str) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "image/png"}
    _problem(client.post("/recognize", data=body, headers=headers), status, code)


def test_another_content_encoding_is_named(client: FlaskClient, image: bytes) -> None:
    for encoding, data in [("br", image), ("gzip", {"image": (io.BytesIO(image), "x.png")})]:
        response = client.post("/recognize", data=data, headers={"Content-Encoding": encoding})
        assert "Content-Encoding" in _problem(response, 415, "unsupported-body-type")["detail"]


def test_a_part_named_file_is_the_image(client: FlaskClient, image: bytes) -> None:
    response = client.post("/recognize", data={"file": (io.BytesIO(image), "x.png")})
    assert response.json["text"] == image.decode()
    both = {"file": (io.BytesIO(image), "x.png"), "image": (io.BytesIO(image), "x.png")}
    assert list(_fields(client.post("/recognize", data=both))) == ["image"]


def test_form(client: FlaskClient, image: bytes) -> None:
    data = {"image": (io.BytesIO(image), "x.png"), "detail": "chars", "mode": "line", "async": "false"}
    response = client.post("/recognize", data=data)
    assert response.json["text"] == image.decode()
    assert response.json["lines"][0]["chars"][0]["char"] == "i"


@pytest.mark.parametrize(
    "kind", ["image/png", "image/webp", "application/octet-stream", "application/pdf", None]
)
def test_raw(client: FlaskClient, image: bytes, kind: str | None) -> None:
    response = client.post("/recognize?detail=chars&model=crnn_v3", data=image, content_type=kind)
    assert response.json["text"] == image.decode()
    assert response.json["lines"][0]["chars"]
    assert RecognizeAnswer.model_validate(response.json)


def test_all_three_are_the_same_image(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    answers = [
        client.post("/recognize", json={"image": _base64(image)}).json,
        client.post("/recognize", data={"image": (io.BytesIO(image), "x")}).json,
        client.post("/recognize?detail=chars", data=image, content_type="image/png").json,
    ]
    assert [answer["cached"] for answer in answers] == [False, True, True]
    assert len({answer["image_hash"] for answer in answers}) == 1
    assert len({answer["history_id"] for answer in answers}) == 3
    assert len(fake.predictions) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "image"),
        ({"image": 5}, "image"),
        ({"image": None}, "image"),
        ({"image": "no Base64!"}, "image"),
        ({"image": "abcde"}, "image"),
        ({"image": "data:image/png,plain"}, "image"),
        ({"image": "YQ==", "language": "en"}, "language"),
        ({"image": "YQ==", "model": 1}, "model"),
        ({"image": "YQ==", "allowlist": ""}, "allowlist"),
        ({"image": "YQ==", "language": None}, "language"),
        ({"image": "YQ==", "mode": "word"}, "mode"),
        ({"image": "YQ==", "detail": True}, "detail"),
        ({"image": "YQ==", "async": "true"}, "async"),
        ([1, 2], "body"),
        ("YQ==", "body"),
    ],
)
def test_what_is_wrong_in_json_is_named(client: FlaskClient, body: object, field: str) -> None:
    assert list(_fields(client.post("/recognize", json=body))) == [field]


@pytest.mark.parametrize("text", [b"", b"{", b'{"image": "YQ=="', b"\xff", b"null"])
def test_what_is_no_json_is_told(client: FlaskClient, text: bytes) -> None:
    errors = _fields(client.post("/recognize", data=text, content_type="application/json"))
    assert list(errors) == ["body"]
    assert '{"image": "<Base64>"}' in errors["body"]


@pytest.mark.parametrize(
    "field",
    [
        {"mode": "column"}, {"allowlist": "x" * 501}, {"allowlist_mode": "guess"},
        {"threshold": 0}, {"threshold": 1.5},
        {"pages": "0"}, {"pages": "5-2"}, {"pages": "1,2"}, {"pdf_text": "perhaps"}, {"text_format": "prose"},
        {"fields": "passport"},
    ],
)  # fmt: skip
def test_an_option_out_of_range_is_named(
    client: FlaskClient, fake: FakeTorchServe, field: dict[str, Any]
) -> None:
    (name,) = field
    assert name in _fields(client.post("/recognize", json={"image": "YQ==", **field}))
    assert name in _fields(client.post("/recognize", query_string=field, data=b"a", content_type="image/png"))
    assert fake.predictions == []


def test_options_reach_the_handler_and_each_has_its_own_answer(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    fields: list[dict[str, Any]] = [
        {}, {"mode": "page"}, {"allowlist": "数字0"}, {"allowlist": "0", "allowlist_mode": "force"},
        {"pages": "2-3"}, {"pdf_text": True}, {"pattern": "[0-9]+"},
    ]  # fmt: skip
    answers = [
        client.post("/recognize", query_string=field, data=image, content_type="image/png").json
        for field in fields
    ]
    sent = [json.loads(received.headers["X-OCR-Options"]) for received in fake.predictions]
    usual = {"mode": "auto", "allowlist": None, "allowlist_mode": "drop", "pages": None, "pdf_text": False}
    usual |= {"model": "auto", "pattern": None, "lexicon": None}
    assert sent == [usual | field for field in fields]
    assert not any(answer["cached"] for answer in answers)
    assert [answer.get("reviewed_text") for answer in answers] == [None] * 7


def test_what_is_made_of_a_reading_needs_no_other(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    """The threshold marks characters of what was read, and the text's format puts its lines together."""
    fake.replies.append(Reply(200, prediction(line("if a:", 10, row=0), line("b", 50, 50, row=1))))
    fields: list[dict[str, Any]] = [{}, {"threshold": 0.995}, {"text_format": "code"}]
    answers = [
        client.post("/recognize", query_string=field, data=image, content_type="image/png").json
        for field in fields
    ]
    assert [answer["text"] for answer in answers] == ["if a:\nb", "if a:\nb", "if a:\n    b"]
    assert [answer["cached"] for answer in answers] == [False, True, True]
    assert answers[1]["reviewed_text"] == "\ufffd" * 5 + "\n\ufffd"
    assert len(fake.predictions) == 1


@pytest.mark.parametrize("way", ["query", "form", "json"])
def test_fields_are_made_of_a_reading(
    client: FlaskClient, fake: FakeTorchServe, image: bytes, way: str
) -> None:
    fake.replies.append(Reply(200, prediction(line("Total", 10, row=0), line("RM 5.00", 200, row=0))))
    plain = client.post("/recognize", data=image, content_type="image/png").json
    asked = {
        "query": {"query_string": {"fields": "receipt"}, "data": image, "content_type": "image/png"},
        "form": {"data": {"image": (io.BytesIO(image), "a.png"), "fields": "receipt"}},
        "json": {"json": {"image": _base64(image), "fields": "receipt"}},
    }
    answer = client.post("/recognize", **asked[way]).json
    assert "fields" not in plain
    assert answer["cached"]
    assert len(fake.predictions) == 1
    assert RecognizeAnswer.model_validate(answer)
    found = answer["fields"]
    assert (found["kind"], found["total"]["value"], found["total"]["lines"]) == ("receipt", "5.00", [1])
    assert found["merchant"] is None or found["merchant"]["confidence"] > 0.5


@pytest.fixture
def web(image: bytes) -> Iterator[FakeWeb]:
    with serving() as server:
        server.image = image
        yield server


@pytest.fixture
def outward(make_app: Callable[..., Flask]) -> FlaskClient:
    """A client of a service that may ask where the fake web is."""
    return make_app(url_allow=(ip_network(OUTSIDE),)).test_client()


def test_a_url_in_place_of_the_image(outward: FlaskClient, web: FakeWeb, image: bytes) -> None:
    url = web.address("/image.png")
    answers = [
        outward.post("/recognize", json={"url": url, "mode": "line"}),
        outward.post("/recognize", data={"url": url, "mode": "line"}, content_type="multipart/form-data"),
        outward.post("/recognize", query_string={"url": url, "mode": "line"}),
        outward.post("/recognize?mode=line", data=image, content_type="image/png"),
    ]
    assert [answer.json["text"] for answer in answers] == [image.decode()] * 4
    assert [answer.json["cached"] for answer in answers] == [False, True, True, True]
    assert len({answer.json["image_hash"] for answer in answers}) == 1


def test_the_file_at_a_url(outward: FlaskClient, web: FakeWeb) -> None:
    web.image = b"\x89PNG\r\n\x1a\n and more"
    answer = outward.post("/import", json={"url": web.address("/image.png")})
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/png", web.image)
    assert answer.headers["Content-Disposition"] == "attachment"
    web.image = b"<svg onload='alert(1)'>"
    refused = outward.post("/import", json={"url": web.address("/image.png")})
    assert (refused.status_code, refused.json["type"]) == (415, "/problems/unsupported-image-type")
    inside = outward.post("/import", json={"url": f"http://127.0.0.1:{web.port}/image.png"})
    assert inside.status_code == 422


def test_either_an_image_or_a_url(client: FlaskClient, fake: FakeTorchServe) -> None:
    url = "https://example.com/x.png"
    both = [
        client.post("/recognize", json={"image": "YQ==", "url": url}),
        client.post("/recognize", data={"image": (io.BytesIO(b"a"), "x"), "url": url}),
        client.post("/recognize", query_string={"url": url}, data=b"a", content_type="image/png"),
    ]
    for answer in both:
        assert "not both" in _fields(answer)["url"]
    for answer in (client.post("/recognize", json={}), client.post("/recognize", json={"url": None})):
        assert "`url`" in _fields(answer)["image"]
    assert fake.predictions == []


def test_a_url_is_text(client: FlaskClient) -> None:
    for url in (5, "", "https://example.com/" + "x" * 2000):
        assert list(_fields(client.post("/recognize", json={"url": url}))) == ["url"]


def test_the_errors_of_a_url(outward: FlaskClient, web: FakeWeb) -> None:
    def post(url: str) -> TestResponse:
        return outward.post("/recognize", json={"url": url})

    inside = _problem(post("http://169.254.169.254/latest/meta-data/"), 422, "private-address")
    assert [error["field"] for error in inside["errors"]] == ["url"]
    _problem(post(web.address("/status?code=500")), 502, "download-failed")
    _problem(post(web.address("/image?kind=text/html")), 415, "unsupported-image-type")
    assert "0.125 MB" in _problem(post(web.address("/endless")), 413, "image-too-large")["detail"]
    web.image = b""
    assert "0 bytes" in _problem(post(web.address("/image")), 400, "invalid-image")["detail"]


def test_a_url_that_takes_too_long(make_app: Callable[..., Flask], web: FakeWeb) -> None:
    client = make_app(url_allow=(ip_network(OUTSIDE),), url_timeout_seconds=0.3).test_client()
    _problem(client.post("/recognize", json={"url": web.address("/slow-body")}), 504, "download-timeout")


def test_who_has_no_key_sends_us_nowhere(make_app: Callable[..., Flask], web: FakeWeb) -> None:
    client = make_app(url_allow=(ip_network(OUTSIDE),), api_keys={"anna": "0" * 64}).test_client()
    _problem(client.post("/recognize", json={"url": web.address("/image")}), 401, "unauthorized")
    assert web.received == []


def test_what_is_wrong_in_a_form_is_named(client: FlaskClient) -> None:
    def file() -> tuple[io.BytesIO, str]:
        return io.BytesIO(b"a"), "x"

    assert list(_fields(client.post("/recognize", data={"photo": file(), "image": file()}))) == ["photo"]
    assert list(_fields(client.post("/recognize", data={"image": [file(), file()]}))) == ["image"]
    no_file = client.post("/recognize", data={"image": "YQ=="}, content_type="multipart/form-data")
    assert "file part" in _fields(no_file)["image"]
    nothing = client.post("/recognize", data={"mode": "line"}, content_type="multipart/form-data")
    assert "required" in _fields(nothing)["image"]


def test_options_stand_in_one_place(client: FlaskClient) -> None:
    assert list(_fields(client.post("/recognize?detail=chars", json={"image": "YQ=="}))) == ["detail"]
    raw = client.post("/recognize?detail=all&x=1", data=b"a", content_type="image/png")
    assert set(_fields(raw)) == {"detail", "x"}


def test_zero_bytes(client: FlaskClient) -> None:
    for response in (
        client.post("/recognize", json={"image": ""}),
        client.post("/recognize", json={"image": "data:image/png;base64,"}),
        client.post("/recognize", data={"image": (io.BytesIO(b""), "")}),
        client.post("/recognize", data=b"", content_type="image/png"),
        client.post("/recognize"),
    ):
        assert "0 bytes" in _problem(response, 400, "invalid-image")["detail"]


def test_the_decoded_image_counts(client: FlaskClient, fake: FakeTorchServe) -> None:
    fits, too_large = b"x" * LIMIT, b"x" * (LIMIT + 1)
    assert client.post("/recognize", json={"image": _base64(fits)}).status_code == 200
    assert client.post("/recognize", data={"image": (io.BytesIO(fits), "x")}).status_code == 200
    assert client.post("/recognize", data=fits, content_type="image/png").status_code == 200
    for response in (
        client.post("/recognize", json={"image": _base64(too_large)}),
        client.post("/recognize", data={"image": (io.BytesIO(too_large), "x")}),
        client.post("/recognize", data=too_large, content_type="image/png"),
    ):
        assert "0.125 MB" in _problem(response, 413, "image-too-large")["detail"]
    assert len(fake.predictions) == 1


def test_a_body_over_its_limit(client: FlaskClient) -> None:
    far_too_large = b"x" * (LIMIT * 2)
    for response in (
        client.post("/recognize", json={"image": _base64(far_too_large)}),
        client.post("/recognize", data={"image": (io.BytesIO(far_too_large), "x")}),
        client.post("/recognize", data=far_too_large, content_type="image/png"),
        client.post("/recognize", data={"image": "x" * LIMIT * 2}, content_type="multipart/form-data"),
    ):
        _problem(response, 413, "image-too-large")


def test_a_form_of_too_many_parts_is_told_so(client: FlaskClient) -> None:
    data = {f"part{number}": "x" for number in range(1100)}
    response = client.post("/recognize", data=data, content_type="multipart/form-data")
    problem = _problem(response, 422, "invalid-request")
    assert "1000 parts" in problem["detail"]
    assert "MB" not in problem["detail"]


def test_a_chunked_body_over_its_limit(client: FlaskClient) -> None:
    far_too_large = b'{"image": "' + b"x" * LIMIT * 2 + b'"}'
    for kind in ("application/json", "image/png"):
        response = client.post(
            "/recognize",
            input_stream=io.BytesIO(far_too_large),
            content_type=kind,
            environ_overrides={"wsgi.input_terminated": True},
        )
        _problem(response, 413, "image-too-large")


@pytest.mark.parametrize(
    "chunks",
    [b"0x10\r\nabcdefghijklmnop\r\n0\r\n\r\n", b"-1\r\na\r\n0\r\n\r\n", b"1\r\nab0\r\n\r\n",
     b"1" * 10_000, b"0\r\nX: " + b"a" * 100_000, b"5\r\nab"],
)  # fmt: skip
def test_a_malformed_chunked_body_is_the_clients_fault(client: FlaskClient, chunks: bytes) -> None:
    limits = SimpleNamespace(limit_request_field_size=8190, max_buffer_headers=65_536)
    response = client.post(
        "/recognize",
        content_type="image/png",
        environ_overrides={
            "wsgi.input": Body(ChunkedReader(limits, IterUnreader(iter([chunks])))),
            "wsgi.input_terminated": True,
        },
    )
    _problem(response, 400, "malformed-request")


def test_very_many_mistakes_are_counted_and_not_listed(client: FlaskClient) -> None:
    body = json.dumps({f"field{number}": 1 for number in range(3000)})
    response = client.post("/recognize", data=body, content_type="application/json")
    assert _fields(response) == {"body": "3000 values are wrong: too many to list."}
    assert len(response.data) < 1000


@pytest.mark.parametrize("kind", ["text/plain", "application/zip", "video/mp4", "text/html; charset=utf-8"])
def test_another_kind_of_body(client: FlaskClient, image: bytes, kind: str) -> None:
    problem = _problem(client.post("/recognize", data=image, content_type=kind), 415, "unsupported-body-type")
    assert "multipart/form-data" in problem["detail"]


def test_curls_default_gets_advice(client: FlaskClient, image: bytes) -> None:
    response = client.post("/recognize", data=image, content_type="application/x-www-form-urlencoded")
    assert "--data-binary" in _problem(response, 415, "unsupported-body-type")["detail"]


@pytest.mark.parametrize(
    ("status", "code"), [(400, "invalid-image"), (413, "image-too-large"), (415, "unsupported-image-type")]
)
def test_the_handlers_errors_arrive(
    client: FlaskClient, fake: FakeTorchServe, image: bytes, status: int, code: str
) -> None:
    fake.replies.append(Reply(status, {"code": code, "detail": "Send another one."}))
    problem = _problem(client.post("/recognize", data=image, content_type="image/heic"), status, code)
    assert problem["detail"] == "Send another one."


def test_the_field_that_the_handler_names_is_named(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    told = {"code": "invalid-request", "detail": "There is none.", "field": "pages"}
    fake.replies.append(Reply(422, told))
    response = client.post("/recognize?pages=9", data=image, content_type="image/png")
    assert _fields(response) == {"pages": "There is none."}


def test_an_unknown_model_lists_those_there_are(client: FlaskClient, image: bytes) -> None:
    response = client.post("/recognize?model=crnn_v9", data=image, content_type="image/png")
    assert _problem(response, 404, "unknown-model")["models"] == ["auto", "crnn_v3", "crnn_v3_lite"]


@pytest.mark.parametrize(
    ("asked", "model", "network"),
    [
        (None, "auto", "crnn_v3_lite"),
        ("crnn_v3", "crnn_v3", "crnn_v3"),
        ("crnn_v1", "crnn_v3", "crnn_v3"),
        ("crnn_v2", "crnn_v3", "crnn_v3"),
        ("crnn_v2_lite", "crnn_v3_lite", "crnn_v3_lite"),
    ],
)
def test_an_answer_names_the_model_and_each_line_its_network(
    client: FlaskClient, image: bytes, asked: str | None, model: str, network: str
) -> None:
    query = {} if asked is None else {"model": asked}
    answer = client.post("/recognize", query_string=query, data=image, content_type="image/png").json
    assert (answer["model"], answer["lines"][0]["model"]) == (model, network)
    assert RecognizeAnswer.model_validate(answer)


def test_a_full_queue_says_when_to_return(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    fake.replies.append(QUEUE_FULL)
    response = client.post("/recognize", data=image, content_type="image/png")
    _problem(response, 503, "busy")
    assert int(response.headers["Retry-After"]) >= 1


def test_torchserve_down(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    fake.stop()
    for _ in range(2):
        response = client.post("/recognize", data=image, content_type="image/png")
        _problem(response, 503, "recognizer-unavailable")
        assert int(response.headers["Retry-After"]) >= 1
    fake.start()


def test_redis_and_mongodb_down(
    make_app: Callable[..., Flask], nothing_there: dict[str, str], fake: FakeTorchServe, image: bytes
) -> None:
    """A key that is configured is known without MongoDB. What was not stored is told beside the rest."""
    fake.replies.append(Reply(200, prediction(line("A")) | {"warnings": ["Small print may be missing."]}))
    keys = {"anna": hashlib.sha256(b"anna's key").hexdigest()}
    client = make_app(**nothing_there, api_keys=keys).test_client()
    headers = {"X-API-Key": "anna's key"}
    response = client.post("/recognize", data=image, content_type="image/png", headers=headers)
    assert response.status_code == 200
    assert response.json["history_id"] is None
    read, stored = response.json["warnings"]
    assert read == "Small print may be missing."
    assert "not stored" in stored
    assert RecognizeAnswer.model_validate(response.json)


def test_what_was_not_looked_at_is_told_again_from_the_cache(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    told = ["Small print may be missing."]
    fake.replies.append(Reply(200, prediction(line("A")) | {"warnings": told}))
    answers = [client.post("/recognize", data=image, content_type="image/png").json for _ in range(2)]
    assert [answer["cached"] for answer in answers] == [False, True]
    assert [answer["warnings"] for answer in answers] == [told, told]
    assert RecognizeAnswer.model_validate(answers[1])


def test_machine_readable_zones_reach_the_answer(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    zone = {"format": "TD3", "lines": ["P<UTO", "L8"], "check_digits": {"number": True, "birth": False}}
    fake.replies.append(Reply(200, prediction(line("P<UTO"), line("L8")) | {"mrz": [zone]}))
    answer = client.post("/recognize", data=image, content_type="image/png").json
    assert answer["mrz"] == [zone]
    assert RecognizeAnswer.model_validate(answer)


def test_a_request_sent_again_is_done_once(client: FlaskClient, image: bytes) -> None:
    def post(key: str, data: bytes = image, address: str = "/recognize", **options: str) -> Any:
        headers = {"Idempotency-Key": key}
        answer = client.post(
            address, data=data, content_type="image/png", headers=headers, query_string=options
        )
        assert answer.status_code in (200, 202), answer.text
        return answer.json

    first = post("morning")
    assert post("morning")["history_id"] == first["history_id"]
    others = [post("evening"), post("morning", image + b" "), post("morning", mode="line")]
    assert len({first["history_id"], *(answer["history_id"] for answer in others)}) == 4
    batch = post("morning", address="/recognize/batch")
    assert post("morning", address="/recognize/batch") == batch
    assert post("evening", address="/recognize/batch") != batch


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "caf\xe9"])
def test_an_idempotency_key_that_cannot_be_one(client: FlaskClient, image: bytes, key: str) -> None:
    headers = {"Idempotency-Key": key}
    for address in ("/recognize", "/recognize/batch"):
        answer = client.post(address, data=image, content_type="image/png", headers=headers)
        assert list(_fields(answer)) == ["Idempotency-Key"]


def test_the_request_id_travels(client: FlaskClient, fake: FakeTorchServe, image: bytes) -> None:
    headers = {"X-Request-Id": "trace-1"}
    response = client.post("/recognize", data=image, content_type="image/png", headers=headers)
    assert response.headers["X-Request-Id"] == "trace-1"
    assert fake.predictions[0].headers["X-Request-Id"] == "trace-1"
    bad = client.get("/healthz", headers={"X-Request-Id": 'x"y' + "z" * 100})
    assert len(bad.headers["X-Request-Id"]) == 16


def test_words_have_boxes_and_the_confidence_of_their_least_certain_character(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    read = line("Sum 48.60", row=0)
    read["chars"][5]["confidence"] = 0.4
    fake.answer = lambda _: Reply(200, prediction(read))
    answer = client.post("/recognize?detail=words", data=image, content_type="image/png").json
    assert RecognizeAnswer.model_validate(answer)
    assert answer["lines"][0]["words"] == [
        {"text": "Sum", "bbox": [[10, 20], [40, 40]], "confidence": 0.99},
        {"text": "48.60", "bbox": [[50, 20], [100, 40]], "confidence": 0.4},
    ]
    assert "chars" not in answer["lines"][0]
