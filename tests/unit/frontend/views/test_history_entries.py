"""What a record has besides its text: the file's name, a thumbnail, how it was read, what was corrected."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from pymongo import MongoClient

from frontend.web.response_schemas import HistoryAnswer, RecognizeAnswer, RecordAnswer
from tests.e2e import pages
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply, line, prediction
from tests.unit.frontend.views.test_history import KEYS


def png(level: int = 200) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (320, 80), level).save(buffer, "PNG")
    return buffer.getvalue()


def newest(client: FlaskClient, **query: str) -> dict[str, Any]:
    """The summary of the newest record."""
    answer = client.get("/history", query_string=query).json
    assert HistoryAnswer.model_validate(answer)
    summary: dict[str, Any] = answer["items"][0]
    return summary


def form(data: bytes, file: str, **fields: str) -> dict[str, Any]:
    return {"data": {"image": (io.BytesIO(data), file), **fields}}


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (form(b"a", "receipt.png"), "receipt.png"),
        (form(b"a", "scans/receipt.png"), "receipt.png"),
        (form(b"a", "blob", name="发票.pdf"), "发票.pdf"),
        ({"json": {"image": "YWJj", "name": "in/json.png"}}, "json.png"),
        ({"data": b"a", "content_type": "image/png", "query_string": {"name": "query.png"}}, "query.png"),
        ({"data": b"a", "content_type": "image/png"}, None),
        ({"json": {"image": "YWJj", "name": "\u0007"}}, None),
    ],
)
def test_the_name_of_the_file_is_kept(
    client: FlaskClient, request_: dict[str, Any], name: str | None
) -> None:
    record_id = client.post("/recognize", **request_).json["history_id"]
    assert newest(client).get("name") == client.get(f"/history/{record_id}").json.get("name") == name


def test_a_record_is_found_by_the_name(client: FlaskClient) -> None:
    record_id = client.post("/recognize", **form(b"T0TAL", "Receipt May.png")).json["history_id"]
    client.post("/recognize", **form(b"Receipt", "other.png"))
    client.patch(f"/history/{record_id}", json={"lines": [{"index": 0, "text": "TOTAL"}]})
    for query in ("receipt may", "may.png", "total"):
        found = client.get("/history", query_string={"q": query}).json["items"]
        assert [item["id"] for item in found] == [record_id], query
    assert client.get("/history?q=totalreceipt").json["items"] == [], "no text goes on in the name"


def test_a_batch_is_named_by_its_parts(client: FlaskClient) -> None:
    answer = client.post("/recognize/batch", **form(b"a", "a.png", name="b.png"))
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "name")


def test_every_image_leaves_a_thumbnail(client: FlaskClient) -> None:
    record_id = client.post("/recognize", data=png(), content_type="image/png").json["history_id"]
    assert newest(client)["has_thumbnail"]
    answer = client.get(f"/history/{record_id}/thumbnail")
    assert (answer.status_code, answer.mimetype) == (200, "image/webp")
    assert Image.open(io.BytesIO(answer.data)).size == (160, 64)
    assert client.get(f"/history/{record_id}/image").status_code == 404, "the image itself is not kept"
    client.delete(f"/history/{record_id}")
    assert client.get(f"/history/{record_id}/thumbnail").json["type"] == "/problems/record-not-found"


def test_a_document_leaves_one_of_the_first_page_that_was_read(
    client: FlaskClient, fake: FakeTorchServe
) -> None:
    fake.replies.append(Reply(200, {"pages": [prediction(line("two"))]}))
    document = pages.pdf(Image.new("L", (400, 600)), Image.new("L", (600, 300), 255))
    fields = {"query_string": {"pages": "2"}, "content_type": "application/pdf"}
    record_id = client.post("/recognize", data=document, **fields).json["history_id"]
    image = Image.open(io.BytesIO(client.get(f"/history/{record_id}/thumbnail").data))
    assert image.width == 160
    assert newest(client)["page_count"] == 1


def test_a_cached_answer_leaves_one_too(client: FlaskClient, fake: FakeTorchServe) -> None:
    for wanted in ("false", "true", "true"):
        fields = {"content_type": "image/png", "query_string": {"history": wanted}}
        answer = client.post("/recognize", data=png(7), **fields).json
        assert "thumbnail" not in answer
        if wanted == "true":
            assert client.get(f"/history/{answer['history_id']}/thumbnail").status_code == 200
    assert len(fake.predictions) == 1


def test_what_is_no_picture_has_none(client: FlaskClient, image: bytes) -> None:
    record_id = client.post("/recognize", data=image, content_type="image/png").json["history_id"]
    assert newest(client)["has_thumbnail"] is False
    assert client.get(f"/history/{record_id}/thumbnail").json["type"] == "/problems/image-not-kept"


def test_nobody_sees_anothers_thumbnail(make_app: Callable[..., Flask]) -> None:
    client = make_app(api_keys=KEYS).test_client()
    anna, ben = ({"X-API-Key": f"{name}'s key"} for name in ("anna", "ben"))
    sent = client.post("/recognize", data=png(), content_type="image/png", headers=anna).json
    assert client.get(f"/history/{sent['history_id']}/thumbnail", headers=anna).status_code == 200
    assert client.get(f"/history/{sent['history_id']}/thumbnail", headers=ben).status_code == 404


@pytest.mark.parametrize(
    "request_",
    [
        form(b"nothing kept", "a.png", history="false"),
        {"json": {"image": "YWJj", "history": False}},
        {"data": b"raw", "content_type": "image/png", "query_string": {"history": "false"}},
    ],
)
def test_no_record_is_left_where_none_is_wanted(client: FlaskClient, request_: dict[str, Any]) -> None:
    answer = client.post("/recognize", **request_)
    assert answer.status_code == 200, answer.text
    assert RecognizeAnswer.model_validate(answer.json)
    assert (answer.json["history_id"], "warnings" in answer.json) == (None, False)
    assert client.get("/history").json["items"] == []


def test_a_record_says_how_it_was_read(client: FlaskClient, image: bytes) -> None:
    options = {"mode": "line", "model": "crnn_v3", "allowlist": "0123456789"}
    sent = {"content_type": "image/png", "query_string": {**options, "detail": "chars"}}
    record_id = client.post("/recognize", data=image, **sent).json["history_id"]
    assert newest(client)["options"] == options
    assert client.get(f"/history/{record_id}").json["options"] == options


def test_a_summary_counts_what_was_corrected(client: FlaskClient, fake: FakeTorchServe) -> None:
    replies = [prediction(line("one"), line("tw0", top=50)), prediction(line("thr33"))]
    fake.replies.append(Reply(200, {"pages": replies}))
    record_id = client.post("/recognize", **form(b"%PDF-1.7 counted", "=a.pdf")).json["history_id"]
    assert "corrected_lines" not in newest(client)
    corrections = [{"index": 1, "text": "two"}, {"index": 0, "page": 2, "text": "three"}]
    record = client.patch(f"/history/{record_id}", json={"lines": corrections}).json
    assert RecordAnswer.model_validate(record)
    assert record["text"] == "one\ntwo\n\nthree"
    summary = newest(client)
    assert (summary["corrected_lines"], summary["page_count"]) == (2, 2)
    assert not summary.keys() & {"pages", "corrections", "lines", "thumbnail"}
    exported = json.loads(client.get("/history/export?format=jsonl").text)
    assert exported.items() >= {"name": "=a.pdf", "corrected_lines": 2, "page_count": 2}.items()
    (row,) = csv.DictReader(io.StringIO(client.get("/history/export?format=csv").text))
    assert (row["name"], row["corrected_lines"], row["page_count"]) == ("'=a.pdf", "2", "2")


def test_records_of_before_have_none_of_it_and_work(client: FlaskClient, mongo_url: str) -> None:
    record_id = client.post("/recognize", data=png(), content_type="image/png").json["history_id"]
    later = {"thumbnail": 1, "has_thumbnail": 1, "options": 1, "name": 1}
    with MongoClient[Any](mongo_url) as mongo:
        mongo.get_default_database()["history"].update_one({}, {"$unset": later})
    summary = newest(client)
    assert not summary["has_thumbnail"]
    assert "options" not in summary
    assert client.get(f"/history/{record_id}").status_code == 200
    assert client.delete(f"/history/{record_id}").status_code == 204
