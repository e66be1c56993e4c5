"""/feedback: crops of unsure lines, what they say, which come next, their export; and how all of it goes."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from pymongo import MongoClient
from pymongo.collection import Collection

from frontend.auth.access import LOCAL_OWNER
from frontend.recognition.answers import Options
from frontend.recognition.entry import Entry
from frontend.web.response_schemas import QueueAnswer, RecordAnswer, ReviewAnswer
from tests.e2e.pages import pdf
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply, line, prediction
from tests.unit.frontend.views.test_history import KEYS
from training.labelled import read_folder, read_labels

NO_LINE = f"{'0' * 24}-0-0"
UNSURE, SURE = 0.5, 0.99


_numbers = count(1)


def png() -> bytes:
    """A new page whose lines, from 20 px below the top on, are grey, and darker the lower they are."""
    image = Image.new("L", (640, 480), 255)
    pen = ImageDraw.Draw(image)
    for row in range(8):
        pen.rectangle((10, 20 + 50 * row, 300, 39 + 50 * row), 200 - 20 * row)
    pen.point((next(_numbers), 0), 0)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def keeper(make_app: Callable[..., Flask]) -> FlaskClient:
    """A service that keeps crops."""
    return make_app(feedback=True).test_client()


@pytest.fixture
def lines(mongo_url: str) -> Iterator[Collection[Any]]:
    """The crops as they are stored."""
    with MongoClient[Any](mongo_url, tz_aware=True) as mongo:
        yield mongo.get_default_database()["lines"]


def read(
    client: FlaskClient, fake: FakeTorchServe, *found: tuple[str, float], image: bytes = b"", **headers: str
) -> str:
    """The id of the record of a page with these texts, of these confidences, in rows."""
    rows = [line(text, top=20 + 50 * row, confidence=sure) for row, (text, sure) in enumerate(found)]
    fake.replies.append(Reply(200, prediction(*(row | {"model": "crnn_v3_lite"} for row in rows))))
    content = image or png()
    answer = client.post("/recognize", data=content, content_type="image/png", headers=headers)
    assert answer.status_code == 200, answer.text
    record_id: str = answer.json["history_id"]
    return record_id


def queue(client: FlaskClient, limit: int = 20, **headers: str) -> dict[str, Any]:
    answer = client.get(f"/feedback/queue?limit={limit}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert QueueAnswer.model_validate(answer.json)
    found: dict[str, Any] = answer.json
    return found


def waiting(client: FlaskClient) -> list[str]:
    return [item["text"] for item in queue(client)["items"]]


def review(client: FlaskClient, line_id: str, text: str) -> dict[str, Any]:
    answer = client.patch(f"/feedback/lines/{line_id}", json={"text": text})
    assert answer.status_code == 200, answer.text
    assert ReviewAnswer.model_validate(answer.json)
    found: dict[str, Any] = answer.json
    return found


def export(client: FlaskClient, folder: Path, **headers: str) -> list[dict[str, Any]]:
    """Unpack the export; the facts of its lines."""
    answer = client.get("/feedback/export", headers=headers)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return [json.loads(row) for row in (folder / "lines.jsonl").read_text("utf-8").splitlines()]


def test_crops_of_unsure_lines_are_kept_and_wait(keeper: FlaskClient, fake: FakeTorchServe) -> None:
    record_id = read(keeper, fake, ("RECEIPT", SURE), ("T0TAL", 0.3), ("Mi1k", UNSURE))
    found = queue(keeper)
    assert (found["is_on"], found["waiting"], found["reviewed"]) == (True, 2, 0)
    first = found["items"][0]
    assert (first["text"], first["record_id"], first["line"], first["page"]) == ("T0TAL", record_id, 1, None)
    assert first["model_version"] == "1.0-3fa94c1b"
    content = base64.b64decode(first["image"].removeprefix("data:image/png;base64,"))
    crop = Image.open(io.BytesIO(content))
    assert crop.size == (10 * 5 + 8, 20 + 8)
    assert crop.getpixel((20, 14)) == 180
    assert queue(keeper, limit=1)["items"] == [first]


def test_without_the_setting_nothing_is_kept(
    client: FlaskClient, fake: FakeTorchServe, lines: Collection[Any]
) -> None:
    record_id = read(client, fake, ("T0TAL", UNSURE))
    client.patch(f"/history/{record_id}", json={"lines": [{"index": 0, "text": "TOTAL"}]})
    assert queue(client) == {"is_on": False, "waiting": 0, "reviewed": 0, "items": []}
    assert lines.count_documents({}) == 0


def test_a_line_is_corrected_or_confirmed(keeper: FlaskClient, fake: FakeTorchServe, tmp_path: Path) -> None:
    record_id = read(keeper, fake, ("T0TAL", 0.3), ("Milk", UNSURE), ("~", 0.6), ("later", 0.7))
    total, milk, noise, _ = queue(keeper)["items"]
    assert review(keeper, total["id"], "TOTAL")["is_right"] is False
    assert review(keeper, milk["id"], "Milk")["is_right"] is True
    review(keeper, noise["id"], "")
    record = keeper.get(f"/history/{record_id}").json
    assert record["text"] == "TOTAL\nMilk\nlater"
    assert [(one["before"], one["after"]) for one in record["corrections"]] == [("T0TAL", "TOTAL"), ("~", "")]
    assert waiting(keeper) == ["later"]
    facts = export(keeper, tmp_path)
    assert read_labels(tmp_path) == [
        (tmp_path / f"crops/{total['id']}.png", "TOTAL"),
        (tmp_path / f"crops/{milk['id']}.png", "Milk"),
    ]
    assert [sample.image.shape[:2] for sample in read_folder(tmp_path, "train")] == [(28, 58), (28, 48)]
    told = [(fact["before"], fact["text"], fact["result"], fact["confidence"]) for fact in facts]
    assert told == [
        ("T0TAL", "TOTAL", "corrected", 0.3),
        ("Milk", "Milk", "confirmed", 0.5),
        ("~", "", "corrected", 0.6),
    ]
    assert facts[0]["at"] == record["corrections"][0]["at"]
    assert (facts[0]["model"], facts[0]["model_version"]) == (record["model"], record["model_version"])
    assert (facts[0]["network"], facts[0]["record_id"]) == ("crnn_v3_lite", record_id)


def test_a_correction_in_the_history_is_a_label_and_taken_back_is_none(
    keeper: FlaskClient, fake: FakeTorchServe, tmp_path: Path
) -> None:
    record_id = read(keeper, fake, ("T0TAL", UNSURE))
    for text, left in (("TOTAL", []), ("T0TAL", ["T0TAL"])):
        keeper.patch(f"/history/{record_id}", json={"lines": [{"index": 0, "text": text}]})
        assert waiting(keeper) == left
    assert export(keeper, tmp_path) == []
    assert (tmp_path / "labels.tsv").read_text() == ""


def test_a_sure_line_is_cut_out_when_it_is_corrected_if_the_image_is_kept(
    make_app: Callable[..., Flask], fake: FakeTorchServe, tmp_path: Path
) -> None:
    for keeps, kept in ((False, 0), (True, 1)):
        client = make_app(feedback=True, history_images=keeps).test_client()
        record_id = read(client, fake, ("T0TAL", SURE))
        client.patch(f"/history/{record_id}", json={"lines": [{"index": 0, "text": "TOTAL"}]})
        facts = export(client, tmp_path)
        assert len(facts) == kept
    assert (facts[0]["before"], facts[0]["text"], facts[0]["confidence"]) == ("T0TAL", "TOTAL", SURE)
    assert read_folder(tmp_path, "train")[0].image.shape[:2] == (28, 58)


def test_lines_of_a_document_are_those_of_their_pages(
    keeper: FlaskClient, fake: FakeTorchServe, tmp_path: Path
) -> None:
    pages = [prediction(line("one", confidence=SURE)), prediction(line("tw0", confidence=UNSURE))]
    fake.replies.append(Reply(200, {"pages": pages}))
    content = pdf(*(Image.new("L", (640, 480), level) for level in (200, 90)))
    keeper.post("/recognize", data=content, content_type="application/pdf")
    (item,) = queue(keeper)["items"]
    assert (item["page"], item["line"]) == (2, 0)
    review(keeper, item["id"], "two")
    assert [fact["page"] for fact in export(keeper, tmp_path)] == [2]
    (sample,) = read_folder(tmp_path, "train")
    assert sample.image.mean() == pytest.approx(90, abs=3)


def test_lines_go_with_their_record(
    keeper: FlaskClient, fake: FakeTorchServe, lines: Collection[Any]
) -> None:
    first, second = (read(keeper, fake, ("T0TAL", UNSURE)) for _ in range(2))
    review(keeper, queue(keeper)["items"][0]["id"], "TOTAL")
    assert keeper.delete(f"/history/{first}").status_code == 204
    assert [str(kept["record"]) for kept in lines.find()] == [second]
    keeper.delete("/history?all=true")
    assert lines.count_documents({}) == 0


def test_pages_that_are_read_when_their_document_is_deleted_leave_nothing(
    make_app: Callable[..., Flask], fake: FakeTorchServe, lines: Collection[Any]
) -> None:
    app = make_app(feedback=True, history_images=True)
    client, content = app.test_client(), pdf(*(Image.new("L", (640, 480), level) for level in (200, 90)))

    def read_page(number: int) -> str:
        fake.replies.append(Reply(200, {"pages": [prediction(line("T0TAL", confidence=UNSURE))]}))
        entry, options = Entry(document="task:0", once=f"task:0:{number}"), Options(pages=str(number))
        reading = app.extensions["ocr"].recognizer.recognize(
            content, LOCAL_OWNER, "request", options=options, entry=entry
        )
        assert reading.warnings == []
        return str(reading.history_id)

    record_id = read_page(1)
    assert lines.count_documents({"page": 1}) == 1
    assert client.delete(f"/history/{record_id}").status_code == 204
    assert read_page(2) == record_id
    assert client.get("/history").json["items"] == []
    assert lines.count_documents({}) == 0
    assert [lines.database[f"images.{part}"].count_documents({}) for part in ("files", "chunks")] == [0, 0]


def test_lines_expire_with_their_record(
    keeper: FlaskClient, fake: FakeTorchServe, lines: Collection[Any]
) -> None:
    read(keeper, fake, ("T0TAL", UNSURE))
    kept, record = lines.find_one(), lines.database["history"].find_one()
    assert kept is not None
    assert record is not None
    assert timedelta(0) <= kept["expires_at"] - record["expires_at"] < timedelta(seconds=10)
    assert lines.index_information()["expires_at_1"]["expireAfterSeconds"] == 0


def test_of_a_page_the_least_sure_lines_are_kept(
    keeper: FlaskClient, fake: FakeTorchServe, lines: Collection[Any]
) -> None:
    rows = [line(f"{n}", top=20 + 9 * n, confidence=n / 100) for n in range(45)]
    fake.replies.append(Reply(200, prediction(*rows)))
    keeper.post("/recognize", data=png(), content_type="image/png")
    assert {kept["text"] for kept in lines.find()} == {f"{n}" for n in range(40)}


def test_what_is_read_again_is_kept_once_a_record(
    keeper: FlaskClient, fake: FakeTorchServe, lines: Collection[Any]
) -> None:
    """Also where the answer comes from the cache; a record that is not wanted keeps nothing."""
    image = png()
    read(keeper, fake, ("T0TAL", UNSURE), image=image)
    for query in ("", "?history=false"):
        assert keeper.post(f"/recognize{query}", data=image, content_type="image/png").json["cached"]
    assert lines.count_documents({}) == 2
    assert len({kept["record"] for kept in lines.find()}) == 2


def test_nobody_sees_the_lines_of_others(
    make_app: Callable[..., Flask], fake: FakeTorchServe, tmp_path: Path
) -> None:
    client = make_app(feedback=True, api_keys=KEYS).test_client()
    anna, ben = ({"X-API-Key": f"{name}'s key"} for name in ("anna", "ben"))
    read(client, fake, ("T0TAL", UNSURE), **anna)
    (item,) = queue(client, **anna)["items"]
    path = f"/feedback/lines/{item['id']}"
    for kept in (path, f"/feedback/lines/{NO_LINE}", "/feedback/lines/1"):
        answer = client.patch(kept, json={"text": "TOTAL"}, headers=ben)
        assert (answer.status_code, answer.json["type"]) == (404, "/problems/line-not-kept")
    assert client.patch(path, json={"text": "TOTAL"}, headers=anna).status_code == 200
    assert queue(client, **ben)["reviewed"] == 0
    assert export(client, tmp_path, **ben) == []
    assert len(export(client, tmp_path, **anna)) == 1


@pytest.mark.parametrize("text", ["a\u0007b", "a\tb", "a\nb", "a\u2028b", " a", "x" * 10_000, None, 7])
def test_what_is_no_line_of_text_is_refused(keeper: FlaskClient, fake: FakeTorchServe, text: object) -> None:
    record_id = read(keeper, fake, ("T0TAL", UNSURE))
    (item,) = queue(keeper)["items"]
    for answer in (
        keeper.patch(f"/feedback/lines/{item['id']}", json={"text": text}),
        keeper.patch(f"/history/{record_id}", json={"lines": [{"index": 0, "text": text}]}),
    ):
        assert (answer.status_code, answer.json["type"]) == (422, "/problems/invalid-request")
    assert waiting(keeper) == ["T0TAL"]


def test_lines_and_records_that_are_not_there(keeper: FlaskClient, fake: FakeTorchServe) -> None:
    record_id = read(keeper, fake, ("T0TAL", UNSURE))
    body = {"lines": [{"index": 1, "text": "TOTAL"}]}
    assert keeper.patch(f"/history/{record_id}", json=body).status_code == 422
    assert keeper.patch(f"/history/{'0' * 24}", json=body).status_code == 404
    assert keeper.get("/feedback/queue?limit=0").status_code == 422
    assert keeper.get("/feedback/queue?limit=101").status_code == 422


def test_of_corrections_made_at_once_one_wins_and_all_are_in_the_record(
    keeper: FlaskClient, fake: FakeTorchServe, tmp_path: Path
) -> None:
    record_id = read(keeper, fake, ("T0TAL", UNSURE))
    texts = [f"TOTAL {number}" for number in range(4)]

    def correct(text: str) -> int:
        body = {"lines": [{"index": 0, "text": text}]}
        return keeper.application.test_client().patch(f"/history/{record_id}", json=body).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(correct, texts)) == [200] * 4
    record = keeper.get(f"/history/{record_id}").json
    assert RecordAnswer.model_validate(record)
    (correction,) = record["corrections"]
    said = [one["after"] for one in [*correction["earlier"], correction]]
    assert sorted(said) == texts
    assert all(one["by"] == "local" for one in correction["earlier"])
    assert record["text"] == correction["after"] == export(keeper, tmp_path)[0]["text"]


def test_what_was_corrected_is_counted_by_model_and_version(
    keeper: FlaskClient, fake: FakeTorchServe
) -> None:
    def counted() -> dict[str, float]:
        of_this = ("ocr_reviewed_lines", 'model="auto",', 'version="1.0-3fa94c1b"')
        shown = keeper.get("/metrics").text.splitlines()
        rows = [row for row in shown if all(part in row for part in of_this)]
        return {row.split('result="')[1].split('"')[0]: float(row.split()[-1]) for row in rows}

    before = counted()
    read(keeper, fake, ("T0TAL", UNSURE), ("Milk", UNSURE))
    for item in queue(keeper)["items"]:
        for text in (item["text"].replace("0", "O"),) * 2:
            review(keeper, item["id"], text)
    grown = {result: now - before.get(result, 0) for result, now in counted().items()}
    assert grown == {"corrected": 1, "confirmed": 1}
