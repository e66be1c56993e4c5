"""The journal between a real Valkey and a mongod that is stopped and started."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from prometheus_client import REGISTRY

from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import HistoryDownError
from frontend.history import journal as journals
from frontend.history.journal import Journal
from frontend.history.records import History
from frontend.history.search import HistoryFilter
from frontend.mongo import Mongo
from frontend.recognition.entry import Entry
from frontend.redis import Redis
from tests.e2e.lines import encode
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply, line, prediction
from tests.unit.frontend.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.new_database]  # the deletions of others would be lost with mongod


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with closing(Redis(redis_url)) as server:
        yield server


@pytest.fixture
def journal(redis: Redis, mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setattr(mongo, "_breaker", CircuitBreaker(pause_seconds=0.05))
    return Journal(redis, mongo)


@pytest.fixture
def history(mongo: Mongo, journal: Journal) -> History:
    return History(mongo, 90, journal)


def record(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "lines": [], "model": "auto", "image_hash": "sha256:0", "cache_key": "k", **more}


def texts(history: History) -> list[str]:
    """Oldest first."""
    return [found["text"] for found in history.find("anna", HistoryFilter(), 100).records][::-1]


def until(wanted: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_written(journal: Journal) -> bool:
    try:
        journal.write_back(wait_seconds=5)
    except HistoryDownError:
        return False
    return True


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("ocr_journal_documents_total", {"outcome": outcome}) or 0.0


def test_what_comes_while_mongodb_is_away_is_written_once_and_in_order(
    history: History, journal: Journal, mongod: Server
) -> None:
    before, written = history.remember("anna", record("before"), Entry()), counted("written")
    mongod.stop()
    late = [history.remember("anna", record(str(number)), Entry()) for number in range(20)]
    again = [history.remember("anna", record("once"), Entry(once="task:1")) for _ in range(2)]
    mongod.start()
    until(lambda: is_written(journal))
    after = history.remember("anna", record("after"), Entry())
    assert [stored.is_late for stored in (before, *late, *again, after)] == [False, *[True] * 22, False]
    found = texts(history)
    assert found.count("once") == 1  # its place among those of the same millisecond is open
    assert [text for text in found if text != "once"] == ["before", *map(str, range(20)), "after"]
    assert [history.get("anna", stored.record_id)["text"] for stored in late] == [*map(str, range(20))]
    assert again[0] == again[1]
    assert journal.waiting() == 0
    assert counted("written") - written == 22


def test_an_entry_that_was_written_before_its_writer_died_is_there_once(
    history: History, journal: Journal, mongo: Mongo, mongod: Server
) -> None:
    mongod.stop()
    late = history.remember("anna", record("half done"), Entry())
    mongod.start()
    (entry,) = journal._redis.call(lambda client: client.xrange(journals.KEY))
    until(lambda: _answers(mongo))
    journal._write(entry[1])
    history.correct("anna", late.record_id, {})
    assert is_written(journal)
    assert texts(history) == ["half done"]


def _answers(mongo: Mongo) -> bool:
    try:
        mongo.ping()
    except HistoryDownError:
        return False
    return True


def test_many_processes_write_what_waits_once(
    history: History, redis: Redis, mongo: Mongo, mongod: Server
) -> None:
    mongod.stop()
    for number in range(50):
        history.remember("anna", record(str(number)), Entry())
    mongod.start()
    until(lambda: _answers(mongo))
    written = counted("written")
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: is_written(Journal(redis, mongo)), range(8)))
    assert texts(history) == [str(number) for number in range(50)]
    assert counted("written") - written == 50


def test_it_is_bounded_and_what_has_no_place_is_told(
    redis: Redis, mongo: Mongo, mongod: Server, caplog: pytest.LogCaptureFixture
) -> None:
    history, dropped = History(mongo, 90, Journal(redis, mongo, max_bytes=2000)), counted("dropped")
    mongod.stop()
    kept = 0
    while _remembers(history, str(kept)):
        kept += 1
    assert 1 < kept < 100
    assert counted("dropped") - dropped == 1
    assert "the journal is full" in caplog.text
    mongod.start()
    until(lambda: is_written(Journal(redis, mongo)))
    assert texts(history) == [str(number) for number in range(kept)]
    mongod.stop()
    assert history.remember("anna", record("room again"), Entry()).is_late


def _remembers(history: History, text: str) -> bool:
    try:
        return history.remember("anna", record(text), Entry()).is_late
    except HistoryDownError:
        return False


def test_what_mongodb_refuses_holds_up_nothing(
    history: History, journal: Journal, redis: Redis, mongod: Server
) -> None:
    dropped = counted("dropped")
    mongod.stop()
    redis.call(lambda client: client.xadd(journals.KEY, {"entry": b"no entry"}))
    history.remember("anna", record("behind it"), Entry())
    mongod.start()
    until(lambda: is_written(journal))
    assert texts(history) == ["behind it"]
    assert counted("dropped") - dropped == 1


def test_it_writes_by_itself(history: History, journal: Journal, mongod: Server) -> None:
    journal.start()
    mongod.stop()
    history.remember("anna", record("by itself"), Entry())
    mongod.start()
    until(lambda: journal.waiting() == 0)
    journal.close()
    assert texts(history) == ["by itself"]


def test_the_answer_tells_and_thumbnail_and_lines_for_review_follow(
    make_app: Callable[..., Flask], fake: FakeTorchServe, mongod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(feedback=True)
    monkeypatch.setattr(app.extensions["ocr"].mongo, "_breaker", CircuitBreaker(pause_seconds=0.05))
    client = app.test_client()
    fake.answer = lambda _: Reply(200, prediction(line("unsure", 10, 20, 0.3)))
    mongod.stop()
    answer = _read(client, _png())
    assert answer["history_id"]
    (warning,) = answer["warnings"]
    assert "when it is back" in warning
    mongod.start()
    until(lambda: is_written(app.extensions["ocr"].journal))
    found = client.get(f"/history/{answer['history_id']}").json
    assert (found["text"], found["has_thumbnail"]) == ("unsure", True)
    assert [item["text"] for item in client.get("/feedback/queue").json["items"]] == ["unsure"]


def test_what_waits_is_forgotten_too(
    client: FlaskClient, app: Flask, mongod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.extensions["ocr"].mongo, "_breaker", CircuitBreaker(pause_seconds=0.05))
    mongod.stop()
    answer = _read(client, _png())
    mongod.start()
    until(lambda: client.delete(f"/history/{answer['history_id']}").status_code == 204)
    assert app.extensions["ocr"].journal.waiting() == 0
    assert client.get("/history").json["items"] == []


def _read(client: FlaskClient, image: bytes) -> dict[str, Any]:
    response = client.post("/recognize", data=image, content_type="image/png")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json
    return body


def _png() -> bytes:
    return encode(Image.effect_noise((100, 60), 80))
