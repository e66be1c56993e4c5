"""/history: pages, filters, deletion, and whose records one sees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from frontend.web.response_schemas import DeletionAnswer, HistoryAnswer, RecordAnswer
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply, line, prediction

KEYS = {name: hashlib.sha256(f"{name}'s key".encode()).hexdigest() for name in ("anna", "ben")}
NO_ID = "0" * 24


def _read(client: FlaskClient, image: bytes, **headers: str) -> dict[str, Any]:
    response = client.post("/recognize", data=image, content_type="image/png", headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json
    return answer


def _texts(client: FlaskClient, query: str = "", **headers: str) -> list[str]:
    response = client.get(f"/history?{query}", headers=headers)
    assert response.status_code == 200, response.text
    return [item["text"] for item in response.json["items"]]


def test_a_recognition_becomes_a_record(client: FlaskClient, image: bytes) -> None:
    answer = _read(client, image)
    page = client.get("/history").json
    assert HistoryAnswer.model_validate(page)
    assert page["items"][0]["id"] == answer["history_id"]
    record = client.get(f"/history/{answer['history_id']}").json
    assert RecordAnswer.model_validate(record)
    for name in ("text", "image_hash", "model", "model_version", "confidence", "width", "height"):
        assert record[name] == answer[name]
    assert record["lines"][0]["chars"]


def test_pages(client: FlaskClient) -> None:
    for number in range(5):
        _read(client, f"page test {number}".encode())
    first = client.get("/history?limit=3").json
    second = client.get("/history", query_string={"limit": 3, "cursor": first["next_cursor"]}).json
    numbers = [item["text"][-1] for page in (first, second) for item in page["items"]]
    assert numbers == ["4", "3", "2", "1", "0"]
    assert second["next_cursor"] is None


def test_filters(client: FlaskClient) -> None:
    answer = _read(client, "电子客票行程单".encode())
    _read(client, b"TOTAL 12.50")
    assert _texts(client, f"q={quote('客票')}") == ["电子客票行程单"]
    assert _texts(client, "q=total+12") == ["TOTAL 12.50"]
    assert _texts(client, f"image_hash={answer['image_hash']}") == ["电子客票行程单"]
    assert _texts(client, f"image_hash={answer['image_hash'][7:].upper()}") == ["电子客票行程单"]
    assert _texts(client, f"q=total&image_hash={answer['image_hash']}") == []


def test_times(client: FlaskClient, image: bytes) -> None:
    _read(client, image)
    now = datetime.now(UTC)
    before, after = now - timedelta(hours=1), now + timedelta(hours=1)
    naive = before.strftime("%Y-%m-%dT%H:%M:%S")
    zoned = f"{before.strftime('%Y-%m-%dT%H:%M:%S')}+00:00"
    assert len(_texts(client, f"since={naive}&until={after.strftime('%Y-%m-%dT%H:%M:%SZ')}")) == 1
    assert len(_texts(client, f"since={zoned}")) == 1  # the + unescaped, as everyone writes it
    assert len(_texts(client, f"since={quote(zoned)}")) == 1
    assert _texts(client, f"until={naive}") == []
    assert _texts(client, f"since={now.strftime('%Y-%m-%dT%H:%M:%S')}-05:00") == []
    day, minute = before.strftime("%Y-%m-%d"), before.strftime("%H:%M")
    for separator in ("%20", "+", "T"):
        assert len(_texts(client, f"since={day}{separator}{minute}")) == 1
        assert _texts(client, f"until={day}{separator}{minute}+00:00") == []
    assert len(_texts(client, f"since={day}")) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("since=yesterday", "since"),
        ("until=0.5", "until"),
        ("since=1763900000", "since"),
        ("until=0001-01-01T00:00:00%2B12:00", "until"),
        ("q=", "q"),
        ("q=%20%0A", "q"),
        ("q=" + "x" * 201, "q"),
        ("q=%00", "q"),
        ("q=a%1Bb", "q"),
        ("image_hash=abc", "image_hash"),
        ("cursor=abc", "cursor"),
        ("owner=ben", "owner"),
    ],
)
def test_a_wrong_query_is_named(client: FlaskClient, query: str, field: str) -> None:
    response = client.get(f"/history?{query}")
    assert response.status_code == 422, response.text
    assert response.content_type == "application/problem+json"
    assert field in {error["field"] for error in response.json["errors"]}


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("since=yesterday", "such as 2026-"),
        ("since=2026-13-01", "such as 2026-"),
        ("q=" + "x" * 201, "at most 200 characters"),
        ("image_hash=abc", "64 hex digits"),
        ("limit=0", "at least 1"),
        ("limit=1000", "at most 100"),
        ("limit=ten", "whole number"),
        ("limit=1&limit=2", "only once"),
    ],
)
def test_a_wrong_query_is_told_what_to_do(client: FlaskClient, query: str, advice: str) -> None:
    response = client.get(f"/history?{query}")
    assert response.status_code == 422
    (error,) = response.json["errors"]
    assert advice in error["message"]
    assert error["field"] == query.split("=")[0]


def test_delete_drops_the_cached_answer_as_well(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    answer = _read(client, image)
    assert _read(client, image)["cached"]
    assert client.delete(f"/history/{answer['history_id']}").status_code == 204
    assert client.get(f"/history/{answer['history_id']}").status_code == 404
    assert client.delete(f"/history/{answer['history_id']}").status_code == 404
    assert not _read(client, image)["cached"]
    assert len(fake.predictions) == 2


def _delete(client: FlaskClient, query: str) -> int:
    response = client.delete(f"/history?{query}")
    assert response.status_code == 200, response.text
    deleted: int = DeletionAnswer.model_validate(response.json).deleted
    return deleted


def test_delete_many(client: FlaskClient) -> None:
    answers = [_read(client, f"delete {number} of them".encode()) for number in range(5)]
    assert _delete(client, f"ids={answers[0]['history_id']},{answers[1]['history_id']},{NO_ID}") == 2
    assert _delete(client, "q=delete+2") == 1
    assert _delete(client, "q=delete+2") == 0
    assert _texts(client) == ["delete 4 of them", "delete 3 of them"]
    assert not _read(client, b"delete 2 of them")["cached"]
    assert _delete(client, f"model=auto&image_hash={answers[3]['image_hash']}") == 1
    assert _delete(client, "all=true") == 2
    assert _texts(client) == []
    assert not _read(client, b"delete 4 of them")["cached"]


def test_delete_all_takes_many_batches(client: FlaskClient) -> None:
    for number in range(205):
        _read(client, f"{number % 3}".encode())
    assert _delete(client, "all=true") == 205


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("", "`all=true`"),
        ("all=false", "`all=true`"),
        ("all=true&q=total", "not both"),
        ("ids=", "ids"),
        ("ids=1,2", "ids"),
        ("ids=" + ",".join([NO_ID] * 101), "100 ids"),
        ("limit=5", "limit"),
        ("all=true&all=true", "only once"),
    ],
)
def test_nothing_is_deleted_by_accident(client: FlaskClient, image: bytes, query: str, advice: str) -> None:
    _read(client, image)
    response = client.delete(f"/history?{query}")
    assert (response.status_code, response.json["type"]) == (422, "/problems/invalid-request")
    assert advice in response.json["detail"]
    assert "body" not in {error["field"] for error in response.json["errors"]}
    assert _texts(client) == [image.decode()]


def test_delete_waits_for_redis_rather_than_forget_half(
    make_app: Callable[..., Flask], nothing_there: dict[str, str], image: bytes
) -> None:
    client = make_app(redis_url=nothing_there["redis_url"]).test_client()
    answer = _read(client, image)
    for path in (f"/history/{answer['history_id']}", "/history?all=true"):
        response = client.delete(path)
        assert (response.status_code, response.json["type"]) == (503, "/problems/cache-unavailable")
    assert client.get(f"/history/{answer['history_id']}").status_code == 200


def test_without_mongodb_the_history_says_so(
    make_app: Callable[..., Flask], nothing_there: dict[str, str]
) -> None:
    client = make_app(mongo_url=nothing_there["mongo_url"], api_keys=KEYS).test_client()
    mine = {"headers": {"X-API-Key": "anna's key"}}
    for response in (
        client.get("/history", **mine),
        client.get(f"/history/{NO_ID}", **mine),
        client.get("/history/export?format=csv", **mine),
        client.delete("/history?all=true", **mine),
        client.delete(f"/history/{NO_ID}", **mine),
    ):
        if response.status_code != 404:
            assert (response.status_code, response.json["type"]) == (503, "/problems/history-unavailable")
            assert response.headers["Retry-After"]


def test_each_key_sees_its_own(make_app: Callable[..., Flask], image: bytes) -> None:
    client = make_app(api_keys=KEYS).test_client()
    annas = _read(client, image, Authorization="Bearer anna's key")
    bens = {"X-API-Key": "ben's key"}
    assert _texts(client, **{"X-API-Key": "anna's key"}) == [image.decode()]
    assert _texts(client, **bens) == []
    assert client.get(f"/history/{annas['history_id']}", headers=bens).status_code == 404
    assert client.delete(f"/history/{annas['history_id']}", headers=bens).status_code == 404
    assert client.delete("/history?all=true", headers=bens).json == {"deleted": 0}
    assert client.get("/history/export", headers=bens).text == ""
    assert _texts(client, **{"X-API-Key": "anna's key"}) == [image.decode()]


def test_without_a_key_nothing(make_app: Callable[..., Flask], fake: FakeTorchServe, image: bytes) -> None:
    client = make_app(api_keys=KEYS).test_client()
    for response in (
        client.post("/recognize", data=image, content_type="image/png"),
        client.get("/history", headers={"Authorization": "Bearer wrong"}),
        client.get(f"/history/{NO_ID}"),
        client.get(f"/history/{NO_ID}/image"),
        client.get("/history/export"),
        client.delete(f"/history/{NO_ID}"),
        client.delete("/history?all=true"),
    ):
        assert (response.status_code, response.json["type"]) == (401, "/problems/unauthorized")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert fake.predictions == []
    for path in ("/", "/docs", "/openapi.json", "/models", "/healthz", "/readyz", "/problems/"):
        assert client.get(path).status_code == 200, path


def test_each_browser_sees_its_own(make_app: Callable[..., Flask], image: bytes) -> None:
    app = make_app(anonymous=True, secret_key="s" * 32)
    first, second = app.test_client(), app.test_client()
    response = first.post("/recognize", data=image, content_type="image/png")
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert _texts(first) == [image.decode()]
    assert _texts(second) == []
    assert second.get(f"/history/{response.json['history_id']}").status_code == 404
    assert "Set-Cookie" not in first.get("/history").headers


def _correct(client: FlaskClient, record_id: str, *lines: tuple[int, str], **headers: str) -> Any:
    body = {"lines": [{"index": index, "text": text} for index, text in lines]}
    return client.patch(f"/history/{record_id}", json=body, headers=headers)


def test_a_correction_is_kept_beside_what_was_read(client: FlaskClient) -> None:
    record_id = _read(client, b"T0TAL 12.50")["history_id"]
    answer = _correct(client, record_id, (0, "TOTAL 12.50"))
    assert answer.status_code == 200, answer.text
    record = client.get(f"/history/{record_id}").json
    assert RecordAnswer.model_validate(record)
    assert record == answer.json
    assert record["text"] == record["lines"][0]["text"] == "TOTAL 12.50"
    assert "chars" not in record["lines"][0]
    (correction,) = record["corrections"]
    assert (
        correction.items()
        >= {"line": 0, "before": "T0TAL 12.50", "after": "TOTAL 12.50", "by": "local"}.items()
    )
    assert datetime.fromisoformat(correction["at"]) > datetime.now(UTC) - timedelta(minutes=1)
    assert _texts(client, "q=total") == ["TOTAL 12.50"]
    assert _texts(client, "q=t0tal") == []
    exported = json.loads(client.get("/history/export?format=jsonl").text)
    assert (exported["text"], exported["corrections"]) == ("TOTAL 12.50", record["corrections"])


def test_fields_are_those_of_the_lines_as_corrected(client: FlaskClient) -> None:
    response = client.post("/recognize?fields=receipt", data=b"Total RM 5.00", content_type="image/png")
    record_id = response.json["history_id"]
    kept = client.get(f"/history/{record_id}").json
    assert RecordAnswer.model_validate(kept)
    assert kept["fields"] == response.json["fields"]
    corrected = _correct(client, record_id, (0, "Total RM 8.00")).json
    assert corrected["fields"]["total"]["value"] == "8.00"
    (listed,) = client.get("/history").json["items"]
    assert HistoryAnswer.model_validate({"items": [listed], "next_cursor": None})


def test_corrections_are_in_the_shapes_of_the_text(client: FlaskClient) -> None:
    record_id = _read(client, b"T0TAL 12.50")["history_id"]
    for text, found in (("TOTAL *", ["TOTAL *"]), ("", [])):
        assert [block["text"] for block in _correct(client, record_id, (0, text)).json["blocks"]] == found
        markdown = client.get(f"/history/{record_id}", headers={"Accept": "text/markdown"}).text
        assert markdown == ("TOTAL \\*\n" if text else "")


def test_a_correction_is_taken_back(client: FlaskClient) -> None:
    record_id = _read(client, b"T0TAL 12.50")["history_id"]
    before = client.get(f"/history/{record_id}").json
    for text in ("Total", "TOTAL 12.50", "T0TAL 12.50"):
        answer = _correct(client, record_id, (0, text))
    assert answer.json == client.get(f"/history/{record_id}").json == before
    assert _texts(client, "q=t0tal") == ["T0TAL 12.50"]


def test_an_emptied_line_leaves_no_row(client: FlaskClient, fake: FakeTorchServe) -> None:
    fake.replies.append(
        Reply(200, prediction(line("first", top=20), line("smudge", top=50), line("last", top=80)))
    )
    record_id = _read(client, b"three lines")["history_id"]
    assert _correct(client, record_id, (1, "")).json["text"] == "first\nlast"


def test_a_page_of_a_document_is_corrected(client: FlaskClient, fake: FakeTorchServe) -> None:
    pages = [prediction(line("one")), prediction(line("tw0"))]
    fake.replies.append(Reply(200, {"pages": pages}))
    record_id = _read(client, b"%PDF-1.7 of two pages")["history_id"]
    record = _correct(client, record_id, (1, "two")).json
    assert record["text"] == "one\n\ntwo"
    assert [page["text"] for page in record["pages"]] == ["one", "two"]
    assert record["pages"][1]["lines"][0]["text"] == "two"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": [{"index": 7, "text": "x"}]}, "lines"),
        ({"lines": [{"index": -1, "text": "x"}]}, "lines.0.index"),
        ({"lines": [{"index": 0, "text": "a\nb"}]}, "lines.0.text"),
        ({"lines": [{"index": 0, "text": "\ud800"}]}, "lines.0.text"),
        ({"lines": [{"index": 0}]}, "lines.0.text"),
        ({}, "lines"),
    ],
)
def test_a_wrong_correction_is_refused(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    record_id = _read(client, b"TOTAL")["history_id"]
    sent = json.dumps(body)  # not by the client, which cannot write half of a surrogate pair
    answer = client.patch(f"/history/{record_id}", data=sent, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ('{"lines": [{"index": 0, "text": "%s"}]}' % ("x" * 10_000), "Use at most 2000 characters."),
        ('{"lines": [{"index": 0, "text": 7}]}', "Give text."),
        ('{"lines": [{"index": 0.5, "text": "x"}]}', "Give a whole number."),
        ('{"lines": [{"index": "one", "text": "x"}]}', "Give a whole number."),
        ('{"lines": [{"index": true, "text": "x"}]}', "Give a whole number."),
        (
            '{"lines": [{"index": 3, "text": "x"}, {"index": 3, "text": "y"}]}',
            "Name each line once: 3 is there twice.",
        ),
        ('{"lines": "x"}', "Give a list."),
        ('{"lines": ["x"]}', "Send a JSON object."),
        ("[]", 'Send a JSON object such as {"lines": [{"index": 0, "text": "TOTAL 48.60"}]}.'),
        ("{", 'Send a JSON object such as {"lines": [{"index": 0, "text": "TOTAL 48.60"}]}.'),
    ],
)
def test_a_wrong_correction_is_told_what_to_do(client: FlaskClient, body: str, advice: str) -> None:
    answer = client.patch(f"/history/{'0' * 24}", data=body, content_type="application/json")
    assert answer.status_code == 422, answer.text
    assert [error["message"] for error in answer.json["errors"]] == [advice]


def test_nobody_corrects_what_is_not_his(make_app: Callable[..., Flask]) -> None:
    client = make_app(api_keys=KEYS).test_client()
    anna, ben = ({"X-API-Key": f"{name}'s key"} for name in ("anna", "ben"))
    record_id = _read(client, b"hers", **anna)["history_id"]
    assert _correct(client, record_id, (0, "his"), **ben).status_code == 404
    assert _correct(client, NO_ID, (0, "his"), **ben).status_code == 404
    assert _correct(client, record_id, (0, "mine"), **anna).json["corrections"][0]["by"] == "anna"
