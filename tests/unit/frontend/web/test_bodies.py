"""What JSON can cost: a body of millions of values is refused in no time, whatever it is sent to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

SOON = 10.0
"""Seconds of CPU time. Each takes less than one on a quiet machine."""
ROUTES = [
    ("POST", "/recognize"),
    ("POST", "/import"),
    ("POST", "/api/ocr"),
    ("POST", "/ocr"),
    ("PATCH", "/history/0123456789abcdef01234567"),
]
LINE = {"text": "", "confidence": 1, "bbox": [[0, 0], [1, 1]]}


@pytest.fixture
def send(make_app: Callable[..., Flask]) -> Callable[..., TestResponse]:
    client = make_app(max_image_mb=20).test_client()

    def timed(method: str, path: str, **request: object) -> TestResponse:
        started = time.process_time()
        response = client.open(path, method=method, **request)
        assert time.process_time() - started < SOON
        return response

    return timed


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "body",
    [
        json.dumps({f"field{number}": 1 for number in range(1_000_000)}),
        '{"url": [' + "[]," * 5_000_000 + "1]}",
        '{"url": [' + "{}," * 5_000_000 + "1]}",
        "[" * 5_000_000,
        json.dumps(json.dumps(dict.fromkeys(map(str, range(500_000)), 1))),
    ],
    ids=["fields", "lists", "objects", "depth", "JSON in a text"],
)
def test_millions_of_values_are_refused_in_no_time(
    send: Callable[..., TestResponse], method: str, path: str, body: str
) -> None:
    response = send(method, path, data=body, content_type="application/json")
    assert response.status_code == (200 if path == "/api/ocr" else 422)  # Umi-OCR has codes of its own
    assert "over 50000 fields" in response.text or "JSON" in response.text
    assert len(response.data) < 2000


@pytest.mark.parametrize("values", [["a"] * 2_000_000, [1] * 2_000_000], ids=["words", "numbers"])
def test_a_lexicon_of_millions(send: Callable[..., TestResponse], values: list[object]) -> None:
    body = json.dumps({"image": "AAAA", "lexicon": values})
    assert "lexicon" in send("POST", "/recognize", data=body, content_type="application/json").text


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([{}] * 3_000_000, "answers.0.answer.lines.0.text"),
        ([LINE | {"text": "x" * 10_000_000}], "answers.0.answer.lines.0.text"),
        ([LINE | {"chars": [{}] * 1_000_000}], "answers.0.answer.lines.0.chars"),
    ],
    ids=["lines", "characters of a line", "boxes of a line"],
)
def test_an_answer_of_millions_is_no_file(
    send: Callable[..., TestResponse], lines: list[object], field: str
) -> None:
    answers = json.dumps([{"answer": {"text": "", "width": 1, "height": 1, "lines": lines}}])
    fields = {"format": "hocr", "answers": answers}.items()
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = "".join(part.format(*field) for field in fields) + "--b--\r\n"
    response = send("POST", "/render", data=body, content_type="multipart/form-data; boundary=b")
    assert response.status_code == 422
    assert field in {error["field"].removesuffix(".0.char") for error in response.json["errors"]}
