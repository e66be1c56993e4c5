"""What a stranger writes stays text: it becomes no header, no query, no path and no name in the database."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from werkzeug.http import parse_options_header

from tests.unit.frontend.fake_torchserve import FakeTorchServe

NOWHERE = "0" * 24
READ = {"text": "x", "width": 4, "height": 3, "lines": []}
OPERATOR = {"$ne": ""}


def _read(client: FlaskClient, **query: str) -> dict[str, Any]:
    response = client.post("/recognize", data=b"kept", content_type="image/png", query_string=query)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json
    return answer


@pytest.mark.parametrize(
    "name", ['a"; filename="b.html', "a\r\nSet-Cookie: owner=1.png", "总\r\nSet-Cookie: owner=1.png", "a\0b"]
)
def test_a_file_name_adds_nothing_to_a_header(client: FlaskClient, name: str) -> None:
    answers = json.dumps([{"name": name, "answer": READ}])
    form = {"format": "txt", "answers": answers}
    response = client.post("/render", data=form, content_type="multipart/form-data")
    assert response.status_code == 200, response.text
    assert "Set-Cookie" not in response.headers
    kind, parameters = parse_options_header(response.headers["Content-Disposition"])
    assert (kind, {*parameters} - {"filename"}) == ("attachment", set())
    assert re.fullmatch(r"[^\x00-\x1f\"/\\]+\.txt", parameters["filename"])


def test_options_add_no_header_to_what_torchserve_is_asked(client: FlaskClient, fake: FakeTorchServe) -> None:
    sent = "a\r\nX-OCR-Options: {}\r\n总\x1b"
    _read(client, allowlist=sent)
    (asked,) = fake.predictions
    assert json.loads(asked.headers["X-OCR-Options"])["allowlist"] == sent
    assert asked.headers["X-OCR-Options"].isascii()


@pytest.mark.parametrize("given", ["a b", 'a"b', "a;b", "x" * 65, "é", ""])
def test_a_request_id_is_plain_or_ours(client: FlaskClient, given: str) -> None:
    response = client.get("/version", headers={"X-Request-Id": given})
    assert re.fullmatch("[0-9a-f]{16}", response.headers["X-Request-Id"])


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-URL"])
@pytest.mark.parametrize("proxies", [0, 1])
def test_no_header_stands_for_the_host(make_app: Callable[..., Flask], name: str, proxies: int) -> None:
    client = make_app(trusted_proxies=proxies).test_client()
    value = "host=localhost" if name == "Forwarded" else "localhost"
    assert client.get("/version", headers={"Host": "evil.example", name: value}).status_code == 400
    assert client.get("/version", headers={name: "host=evil.example"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/history?q[$ne]=", None),
        ("GET", "/history?model[$gt]=", None),
        ("GET", '/history?ids={"$ne":1}', None),
        ("GET", '/history?image_hash={"$ne":1}', None),
        ("GET", '/history?since={"$gt":""}', None),
        ("DELETE", '/history?ids={"$ne":1}', None),
        ("DELETE", "/history?all[$ne]=false", None),
        ("POST", "/recognize", {"image": OPERATOR}),
        ("POST", "/recognize", {"image": "eA==", "model": OPERATOR}),
        ("POST", "/recognize", {"image": "eA==", "name": OPERATOR}),
        ("PATCH", "/history/{id}", {"lines": [{"index": 0, "text": OPERATOR}]}),
        ("PATCH", "/history/{id}", {"lines": OPERATOR}),
        ("PATCH", "/history/{id}", {"$set": {"owner": "x"}}),
    ],
)
def test_operators_of_mongodb_are_refused(client: FlaskClient, method: str, path: str, body: Any) -> None:
    answer = _read(client)
    response = client.open(path.format_map({"id": answer["history_id"]}) if "{id}" in path else path,
                           method=method, json=body)  # fmt: skip
    assert (response.status_code, response.json["type"]) == (422, "/problems/invalid-request")
    assert client.get(f"/history/{answer['history_id']}").json["text"] == answer["text"]


@pytest.mark.parametrize("text", ["$where", ".*", "kep.", "^k", "(((((a+)+)+)+)+)+$", "\\"])
def test_what_is_searched_for_is_text_and_no_expression(client: FlaskClient, text: str) -> None:
    _read(client)
    assert client.get("/history", query_string={"q": text}).json["items"] == []
    exported = client.get("/history/export", query_string={"q": text})
    assert (exported.status_code, exported.text) == (200, "")


@pytest.mark.parametrize(
    "path",
    ["/history/{}", "/history/{}/image", "/history/{}/thumbnail", "/tasks/{}", "/problems/{}"],
)
@pytest.mark.parametrize("given", ['{"$ne":1}', "%00" * 24, "..%2f..%2fetc%2fpasswd", "x" * 5000])
def test_what_is_no_id_is_that_of_nothing(client: FlaskClient, path: str, given: str) -> None:
    response = client.get(path.format(given))
    assert response.status_code == 404
    assert response.json["type"].startswith("/problems/")


@pytest.mark.parametrize(
    "path",
    ["../settings.py", "..%2fsettings.py", "%2e%2e/settings.py", "js/..%2f..%2fapp.py",
     "..%5csettings.py", "js%00.js", "000000000000/..%2f..%2fsettings.py"],
)  # fmt: skip
def test_static_files_are_those_of_their_folder(client: FlaskClient, path: str) -> None:
    response = client.get(f"/static/{path}")
    assert response.status_code == 404
    assert b"import" not in response.data


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "//evil.example/history", "///history", "/static//etc/passwd", "/\\evil.example"],
)
def test_no_address_leads_elsewhere(client: FlaskClient, path: str) -> None:
    response = client.get("/", environ_overrides={"PATH_INFO": path, "REQUEST_URI": path, "RAW_URI": path})
    assert response.status_code in {200, 308, 404}
    assert urlsplit(response.headers.get("Location", "")).netloc in {"", "localhost"}


def test_images_are_named_by_their_record_and_by_nothing_that_was_sent(
    make_app: Callable[..., Flask], mongo_url: str
) -> None:
    client = make_app(history_images=True).test_client()
    form = {"image": (io.BytesIO(b"kept"), "../../$where/a\0.png"), "name": "images.chunks"}
    record_id = client.post("/recognize", data=form).json["history_id"]
    with MongoClient[dict[str, Any]](mongo_url) as mongo:
        database = mongo.get_default_database()
        (file,) = database["images.files"].find()
        (chunk,) = database["images.chunks"].find()
    assert file["_id"] == chunk["files_id"] == ObjectId(record_id)
    assert set(file) == {"_id", "length", "chunkSize", "uploadDate", "expires_at"}
    assert set(chunk) == {"_id", "files_id", "n", "data", "expires_at"}
    for other in (NOWHERE, "images.chunks", "..%2f..%2fa.png"):
        assert client.get(f"/history/{other}/image").status_code == 404
