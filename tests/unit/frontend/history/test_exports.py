"""What of the history comes as a file: exports, and the images that were kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from werkzeug.test import TestResponse

from frontend.errors import OCRError
from frontend.history.images import media_type
from frontend.web.response_schemas import RecordAnswer

PNG = b"\x89PNG\r\n\x1a\n"


def _read(client: FlaskClient, image: bytes) -> dict[str, Any]:
    response = client.post("/recognize", data=image, content_type="image/png")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json
    return answer


def test_json_lines_hold_whole_records(client: FlaskClient) -> None:
    answers = [_read(client, text.encode()) for text in ("first", "电子客票", "third")]
    response = client.get("/history/export")
    assert response.mimetype == "application/jsonl"
    assert response.headers["Content-Disposition"] == "attachment; filename=history.jsonl"
    assert "电子客票" in response.text
    records = [json.loads(line) for line in response.text.splitlines()]
    assert [record["id"] for record in records] == [answer["history_id"] for answer in reversed(answers)]
    assert all(RecordAnswer.model_validate(record).lines for record in records)
    record = client.get(f"/history/{answers[-1]['history_id']}").json
    assert records[0] | {"has_image": False} == record


def test_csv_opens_in_a_spreadsheet(client: FlaskClient) -> None:
    answer = _read(client, '电子客票, "第二联"'.encode())
    response = client.get("/history/export?format=csv")
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == "attachment; filename=history.csv"
    assert response.data.startswith(b"\xef\xbb\xbfid,timestamp,")
    (row,) = csv.DictReader(io.StringIO(response.data.decode("utf-8-sig")))
    assert (row["id"], row["text"]) == (answer["history_id"], '电子客票, "第二联"')
    assert float(row["confidence"]) == answer["confidence"]
    assert datetime.fromisoformat(row["expires_at"])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")'])
def test_text_of_an_image_is_no_formula(client: FlaskClient, text: str) -> None:
    _read(client, text.encode())
    (row,) = csv.DictReader(io.StringIO(client.get("/history/export?format=csv").data.decode("utf-8-sig")))
    assert row["text"] == f"'{text}"
    (line,) = client.get("/history/export?format=jsonl").text.splitlines()
    assert json.loads(line)["text"] == text


def test_an_export_has_what_the_list_has(client: FlaskClient) -> None:
    for number in range(60):
        _read(client, f"{'odd' if number % 2 else 'even'} {number}".encode())
    lines = client.get("/history/export?q=odd").text.splitlines()
    assert [json.loads(line)["text"] for line in lines] == [f"odd {n}" for n in range(59, 0, -2)]
    assert client.get("/history/export?q=nothing").text == ""
    assert client.get("/history/export?q=nothing&format=csv").text.count("\n") == 1
    for query in ("format=xlsx", "limit=3", "q=", "q=a&q=b"):
        assert client.get(f"/history/export?{query}").status_code == 422, query


@pytest.fixture
def keeper(make_app: Callable[..., Flask]) -> FlaskClient:
    """A service that keeps images."""
    return make_app(history_images=True, max_image_mb=1.0).test_client()


def _image(client: FlaskClient, answer: dict[str, Any]) -> TestResponse:
    return client.get(f"/history/{answer['history_id']}/image")


def test_images_are_kept_byte_for_byte(keeper: FlaskClient) -> None:
    for image in (PNG + b"small", PNG + bytes(range(256)) * 2500):
        response = _image(keeper, _read(keeper, image))
        assert (response.status_code, response.mimetype) == (200, "image/png")
        assert response.data == image
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Disposition"] == "inline"
        assert response.headers["Cache-Control"] == "no-store"


def test_records_say_whether_their_image_is_there(
    keeper: FlaskClient, make_app: Callable[..., Flask]
) -> None:
    """Whatever the setting is now."""
    forgetful = make_app(history_images=False).test_client()
    with_image, without = _read(keeper, PNG + b"kept"), _read(forgetful, PNG + b"not kept")
    for client in (keeper, forgetful):
        told = {item["id"]: item["has_image"] for item in client.get("/history").json["items"]}
        assert told == {with_image["history_id"]: True, without["history_id"]: False}
        for record_id, has_image in told.items():
            assert client.get(f"/history/{record_id}").json["has_image"] is has_image
            assert (client.get(f"/history/{record_id}/image").status_code == 200) is has_image


def test_without_the_setting_no_image_is_kept(client: FlaskClient, mongo_url: str, image: bytes) -> None:
    answer = _read(client, image)
    response = _image(client, answer)
    assert (response.status_code, response.json["type"]) == (404, "/problems/image-not-kept")
    assert "OCR_HISTORY_IMAGES" in response.json["detail"]
    assert client.get("/history/000000000000000000000000/image").json["type"] == "/problems/record-not-found"
    with MongoClient(mongo_url) as mongo:
        assert mongo.get_default_database()["images.chunks"].count_documents({}) == 0


def test_an_image_goes_with_its_record(keeper: FlaskClient, mongo_url: str) -> None:
    image = PNG + bytes(600_000)
    first, second, third = (_read(keeper, image) for _ in range(3))
    assert keeper.delete(f"/history/{first['history_id']}").status_code == 204
    assert _image(keeper, first).json["type"] == "/problems/record-not-found"
    assert _image(keeper, second).data == image
    assert keeper.delete("/history?all=true").json == {"deleted": 2}
    assert _image(keeper, third).status_code == 404
    with MongoClient(mongo_url) as mongo:
        database = mongo.get_default_database()
        assert database["images.files"].count_documents({}) == 0
        assert database["images.chunks"].count_documents({}) == 0


def test_an_image_expires_with_its_record(keeper: FlaskClient, mongo_url: str) -> None:
    _read(keeper, PNG + bytes(600_000))
    with MongoClient(mongo_url) as mongo:
        database = mongo.get_default_database()
        record = database["history"].find_one()
        parts = [*database["images.files"].find(), *database["images.chunks"].find()]
        assert record is not None
        assert len(parts) == 1 + 3
        for part in parts:
            assert timedelta(0) <= part["expires_at"] - record["expires_at"] < timedelta(seconds=10)
        for name in ("images.files", "images.chunks"):
            assert database[name].index_information()["expires_at_1"]["expireAfterSeconds"] == 0


def test_half_an_image_is_none(keeper: FlaskClient, mongo_url: str) -> None:
    """MongoDB drops what has expired piece by piece."""
    answer = _read(keeper, PNG + bytes(600_000))
    with MongoClient(mongo_url) as mongo:
        mongo.get_default_database()["images.chunks"].delete_one({"n": 1})
    assert _image(keeper, answer).json["type"] == "/problems/image-not-kept"


def test_an_image_that_cannot_be_kept_is_a_warning(keeper: FlaskClient, mongo_url: str) -> None:
    with MongoClient(mongo_url) as mongo:
        mongo.get_default_database().command("collMod", "images.chunks", validator={"n": -1})
    answer = _read(keeper, PNG)
    (warning,) = answer["warnings"]
    assert "image itself was not stored" in warning
    assert keeper.get(f"/history/{answer['history_id']}").json["text"] == answer["text"]
    assert _image(keeper, answer).json["type"] == "/problems/image-not-kept"


def test_an_export_that_breaks_off_does_not_look_whole(client: FlaskClient, mongo_url: str) -> None:
    for number in range(60):
        _read(client, f"{number}".encode())
    parts = client.get("/history/export").iter_encoded()
    assert json.loads(next(parts))["text"] == "59"
    with MongoClient(mongo_url) as mongo:
        mongo.get_default_database()["history"].drop_indexes()
    with pytest.raises(OCRError):  # the server then closes the connection, and the client has no last chunk
        list(parts)


@pytest.mark.parametrize(
    ("content", "expected", "disposition"),
    [
        (
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            "application/octet-stream",
            "attachment",
        ),
        (b"<!doctype html><script>alert(1)</script>", "application/octet-stream", "attachment"),
        (b"%PDF-1.7", "application/pdf", "attachment"),
        (b"\xff\xd8\xff\xe0", "image/jpeg", "inline"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp", "inline"),
    ],
)
def test_nothing_that_runs_is_served(
    keeper: FlaskClient, content: bytes, expected: str, disposition: str
) -> None:
    """Whatever type the client claimed."""
    response = _image(keeper, _read(keeper, content))
    assert (response.mimetype, response.headers["Content-Disposition"]) == (expected, disposition)


@pytest.mark.parametrize(
    ("start", "expected"), [(b"II*\0", "image/tiff"), (b"MM\0*", "image/tiff"), (b"BM", "image/bmp")]
)
def test_types_by_first_bytes(start: bytes, expected: str) -> None:
    assert media_type(start + bytes(20)) == expected
