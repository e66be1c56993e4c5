"""The images that are kept beside their records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from werkzeug.test import TestResponse

PNG = b"\x89PNG\r\n\x1a\n"


def _read(client: FlaskClient, image: bytes) -> dict[str, Any]:
    response = client.post("/recognize", data=image, content_type="image/png")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json
    return answer


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


@pytest.mark.new_database
def test_an_image_that_cannot_be_kept_is_a_warning(keeper: FlaskClient, mongo_url: str) -> None:
    with MongoClient(mongo_url) as mongo:
        mongo.get_default_database().command("collMod", "images.chunks", validator={"n": -1})
    answer = _read(keeper, PNG)
    (warning,) = answer["warnings"]
    assert "image itself was not stored" in warning
    assert keeper.get(f"/history/{answer['history_id']}").json["text"] == answer["text"]
    assert _image(keeper, answer).json["type"] == "/problems/image-not-kept"


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
