"""Bad input always gets a problem with a stable type and a sentence that says what to do."""

from __future__ import annotations

import base64
import json
import socket
import struct
import zlib
from collections.abc import Mapping

import pytest
import requests

from tests.e2e import lines
from tests.e2e.service import Service, request

GOOD = lines.png("good")
MB = 1024 * 1024
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
ICON = lines.encode(lines.draw("icon"), "ICO")


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def assert_problem(answer: requests.Response, status: int, code: str) -> Mapping[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["detail"].endswith(".")
    return problem


@pytest.mark.parametrize(
    ("image", "status", "code"),
    [
        pytest.param(b"this is no image at all", 400, "invalid-image", id="text"),
        pytest.param(GOOD[: len(GOOD) // 2], 400, "invalid-image", id="truncated"),
        pytest.param(b"", 400, "invalid-image", id="empty"),
        pytest.param(ICON, 415, "unsupported-image-type", id="icon"),
        pytest.param(HEIC, 400, "invalid-image", id="heic"),
        pytest.param(bytes(20 * MB + 1), 413, "image-too-large", id="over 20 MB"),
        pytest.param(bytes(30 * MB), 413, "image-too-large", id="body far over the limit"),
        pytest.param(png_header(10_000, 5_001), 413, "image-too-large", id="over 50 megapixels"),
    ],
)
def test_bad_images(service: Service, image: bytes, status: int, code: str) -> None:
    assert_problem(service.post(image), status, code)
    raw = request(
        "POST",
        f"{service.address}/recognize",
        data=image,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert_problem(raw, status, code)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"image": "not Base64!"}, "image"),
        ({"image": base64.b64encode(GOOD).decode(), "colour": "red"}, "colour"),
        ({"image": 17}, "image"),
        ({"image": base64.b64encode(GOOD).decode(), "detail": "everything"}, "detail"),
        ({"image": base64.b64encode(GOOD).decode(), "async": "perhaps"}, "async"),
        ({"image": base64.b64encode(GOOD).decode(), "mode": "column"}, "mode"),
        ({}, "image"),
    ],
    ids=["invalid Base64", "unknown field", "wrong type", "wrong value", "async", "mode", "no image"],
)
def test_bad_fields_are_named(service: Service, fields: dict[str, object], field: str) -> None:
    problem = assert_problem(service.post_json(**fields), 422, "invalid-request")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_an_unknown_model_is_told_those_there_are(service: Service) -> None:
    problem = assert_problem(service.post(GOOD, model="crnn_v99"), 404, "unknown-model")
    assert problem["models"] == ["auto", "crnn_v3", "crnn_v3_lite"]
    assert "crnn_v3_lite" in problem["detail"]


@pytest.mark.parametrize("line", ["GET /history?q=总 HTTP/1.1", "GET / here HTTP/1.1", "nonsense"])
def test_what_is_no_http_gets_a_problem_as_well(service: Service, line: str) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(f"{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nContent-Type: application/problem+json" in head
    assert json.loads(body)["type"] == "/problems/malformed-request"


def test_a_foreign_host_name_is_refused(service: Service) -> None:
    answer = request("GET", f"{service.address}/history", headers={"Host": "rebound.example"})
    assert_problem(answer, 400, "untrusted-host")
