"""The history against a real mongod."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import HistoryDownError, InvalidRequestError, OCRError, RecordNotFoundError
from frontend.history.records import History
from frontend.history.search import HistoryFilter, fold, index_terms, query_terms
from frontend.mongo import Mongo
from tests.unit.frontend.servers import Server, free_port

ALL = HistoryFilter()


@pytest.fixture
def open_history(mongo_url: str) -> Iterator[Callable[..., History]]:
    mongos: list[Mongo] = []

    def make(url: str = mongo_url, days: float = 90) -> History:
        mongos.append(Mongo(url))
        return History(mongos[-1], days)

    yield make
    for mongo in mongos:
        mongo.close()


@pytest.fixture
def history(mongo: Mongo) -> History:
    return History(mongo, 90)


@pytest.fixture
def records(mongo_url: str) -> Iterator[Collection[dict[str, Any]]]:
    """The collection as it is."""
    with MongoClient(mongo_url, tz_aware=True) as client:
        yield client.get_default_database()["history"]


def _record(text: str = "hello", image_hash: str = "sha256:00") -> dict[str, Any]:
    return {
        "text": text,
        "image_hash": image_hash,
        "confidence": 0.9,
        "lines": [{"text": text, "chars": []}],
        "width": 6,
        "height": 4,
        "model": "crnn_v3",
        "model_version": "1.0",
        "cache_key": "key",
    }


def _texts(history: History, wanted: HistoryFilter = ALL, owner: str = "anna") -> list[str]:
    return [record["text"] for record in history.find(owner, wanted, limit=100).records]


def test_stores_what_was_recognized(history: History, records: Collection[dict[str, Any]]) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    record_id = history.add("anna", _record())
    stored = records.find_one()
    assert stored
    assert before <= stored["timestamp"] <= datetime.now(UTC)
    assert stored["expires_at"] - stored["timestamp"] == timedelta(days=90)
    assert {"owner": "anna", **_record()}.items() <= stored.items()
    assert str(stored["_id"]) == record_id


def test_one_occasion_makes_one_record(history: History) -> None:
    first, again = (history.add("anna", _record(), once="task:0001") for _ in range(2))
    other = history.add("anna", _record(), once="task:0002")
    assert first == again != other
    assert len(history.find("anna", ALL, 10).records) == 2


def test_shows_its_owner_all_but_the_inner_parts(history: History) -> None:
    record_id = history.add("anna", _record())
    shown = history.get("anna", record_id)
    assert shown["id"] == record_id
    assert shown["lines"] == [{"text": "hello", "chars": []}]
    assert datetime.fromisoformat(shown["timestamp"]).utcoffset() == timedelta(0)
    assert not shown.keys() & {"_id", "owner", "terms", "folded", "cache_key"}
    assert "lines" not in history.find("anna", ALL, 1).records[0]


def test_indexes_are_there_from_the_start(
    mongo: Mongo, history: History, records: Collection[dict[str, Any]]
) -> None:
    assert isinstance(history, History)
    mongo.prepare()
    indexes = records.index_information()
    assert indexes["expires_at_1"]["expireAfterSeconds"] == 0
    assert "owner_1_terms_1_timestamp_-1__id_-1" in indexes


def test_zero_days_keep_for_ever(
    open_history: Callable[..., History], records: Collection[dict[str, Any]]
) -> None:
    open_history(days=0).add("anna", _record())
    stored = records.find_one()
    assert stored
    assert "expires_at" not in stored


def test_pages_go_back_in_time_without_gaps(history: History) -> None:
    for number in range(7):
        history.add("anna", _record(str(number)))
    pages, cursor = [], None
    while True:
        page = history.find("anna", ALL, limit=3, cursor=cursor)
        pages.append([record["text"] for record in page.records])
        history.add("anna", _record("newer"))  # does not shift the pages
        if (cursor := page.next_cursor) is None:
            break
    assert pages == [["6", "5", "4"], ["3", "2", "1"], ["0"]]


def test_pages_split_records_of_one_moment(history: History, records: Collection[dict[str, Any]]) -> None:
    for number in range(5):
        history.add("anna", _record(str(number)))
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    records.update_many({}, {"$set": {"timestamp": moment}})
    first = history.find("anna", ALL, limit=2)
    second = history.find("anna", ALL, limit=2, cursor=first.next_cursor)
    third = history.find("anna", ALL, limit=2, cursor=second.next_cursor)
    assert [r["text"] for page in (first, second, third) for r in page.records] == ["4", "3", "2", "1", "0"]
    assert third.next_cursor is None


@pytest.mark.parametrize("cursor", ["x", "é", "MTIz", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTphYmM=", "====", "e30="])
def test_a_foreign_cursor_is_refused(history: History, cursor: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        history.find("anna", ALL, 10, cursor)
    assert raised.value.errors[0][0] == "cursor"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("电子客票行程单", "客票"),
        ("电子客票行程单", "单"),
        ("电子\n客票", "子客"),
        ("Grand TOTAL: 12.50", "grand total"),
        ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
        ("Straße", "STRASSE"),
        ("a.b*c", "b*c"),
        ("100% [x] \\ $", "[x]\\$"),
        ("x" * 300 + "needle" + "y" * 300, "needle"),
    ],
)
def test_search_finds_text_inside_text(history: History, text: str, query: str) -> None:
    history.add("anna", _record(text))
    assert _texts(history, HistoryFilter(text=query)) == [text]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("电子客票", "票客"),
        ("abcbd", "bcbdx"),
        ("ab bc", "abc bx"),
        ("axb", "a.b"),
        ("abc", "abcd"),
        ("abab", "ba ba"),
    ],
)
def test_search_wants_all_of_the_text_in_its_order(history: History, text: str, query: str) -> None:
    history.add("anna", _record(text))
    assert _texts(history, HistoryFilter(text=query)) == []


def test_terms_are_runs_of_up_to_three_characters() -> None:
    assert index_terms(fold("A b\nC d")) == ["a", "ab", "abc", "b", "bc", "bcd", "c", "cd", "d"]


def test_a_long_search_is_found_by_few_terms() -> None:
    assert query_terms("客票") == ["客票"]
    assert query_terms("GrandT") == ["gra", "ran", "and", "ndt"]
    text = "".join(chr(0x4E00 + n) for n in range(200))
    assert len(query_terms(text)) <= 16
    assert all(term in text for term in query_terms(text))


def test_filters_by_image_and_time(history: History, records: Collection[dict[str, Any]]) -> None:
    for number in range(4):
        record_id = history.add("anna", _record(str(number), image_hash=f"sha256:{number % 2}"))
        moment = datetime(2026, 1, 1 + number, tzinfo=UTC)
        records.update_one({"text": str(number)}, {"$set": {"timestamp": moment}})
    assert _texts(history, HistoryFilter(image_hash="sha256:1")) == ["3", "1"]
    between = HistoryFilter(since=datetime(2026, 1, 2, tzinfo=UTC), until=datetime(2026, 1, 4, tzinfo=UTC))
    assert _texts(history, between) == ["2", "1"]
    assert history.get("anna", record_id)["text"] == "3"


def test_nobody_sees_anothers_records(history: History) -> None:
    record_id = history.add("anna", _record("hello"))
    assert _texts(history, owner="ben") == []
    assert _texts(history, HistoryFilter(text="hello"), owner="ben") == []
    with pytest.raises(RecordNotFoundError):
        history.get("ben", record_id)
    assert history.references("ben", HistoryFilter(ids=(record_id,)), 10) == []
    assert list(history.export("ben", ALL, with_lines=True)) == []
    assert history.delete("ben", [record_id]) == 0
    assert history.references("anna", HistoryFilter(ids=(record_id,)), 10) == [(record_id, ["key"])]


def test_filters_by_model_and_ids(history: History) -> None:
    ids = [history.add("anna", _record(str(n)) | {"model": f"crnn_v{n % 2}"}) for n in range(4)]
    assert _texts(history, HistoryFilter(model="crnn_v1")) == ["3", "1"]
    assert _texts(history, HistoryFilter(ids=(ids[0], ids[3], "0" * 24))) == ["3", "0"]
    assert _texts(history, HistoryFilter(ids=tuple(ids), model="crnn_v0", text="2")) == ["2"]
    assert _texts(history, HistoryFilter(model="crnn_v2")) == []


def test_an_export_fetches_as_it_goes(history: History, records: Collection[dict[str, Any]]) -> None:
    for number in range(120):
        history.add("anna", _record(str(number)))
    export = history.export("anna", ALL, with_lines=True)
    newest = [next(export) for _ in range(10)]
    assert [record["text"] for record in newest] == [str(119 - n) for n in range(10)]
    assert newest[0]["lines"][0]["text"] == "119"
    records.delete_many({})
    assert len(list(export)) < 50  # the page that was there already


def test_delete_forgets(history: History) -> None:
    record_id = history.add("anna", _record())
    assert history.delete("anna", [record_id]) == 1
    assert _texts(history) == []
    assert history.delete("anna", [record_id]) == 0
    with pytest.raises(RecordNotFoundError):
        history.get("anna", record_id)


@pytest.mark.parametrize("record_id", ["x", "0" * 24, "é" * 12, "$ne"])
def test_no_such_record(history: History, record_id: str) -> None:
    with pytest.raises(RecordNotFoundError):
        history.get("anna", record_id)


def test_down_is_noticed_once_then_known() -> None:
    mongo = Mongo(f"mongodb://127.0.0.1:{free_port()}/ocr")
    history = History(mongo, 90)
    mongo.prepare()
    started = time.monotonic()
    for _ in range(20):
        with pytest.raises(HistoryDownError):
            history.add("anna", _record())
    assert time.monotonic() - started < 10, "asking each time takes a second each"
    mongo.close()


@pytest.mark.new_database
def test_what_mongodb_refuses_is_no_outage(
    history: History, records: Collection[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    history.add("anna", _record())
    records.database.command("collMod", "history", validator={"text": {"$ne": "refused words"}})
    with pytest.raises(OCRError) as raised:
        history.add("anna", _record("refused words"))
    assert (raised.value.status, raised.value.code) == (500, "internal-error")
    assert "BulkWriteError" in caplog.text
    assert "refused words" not in caplog.text
    assert _texts(history) == ["hello"]  # and nobody waits for it to come back


@pytest.mark.new_database
def test_an_index_that_was_dropped_is_made_again(
    history: History, records: Collection[dict[str, Any]]
) -> None:
    history.add("anna", _record())
    records.drop_indexes()
    with pytest.raises(OCRError):
        _texts(history)
    assert _texts(history) == ["hello"]


def test_a_slow_mongodb_is_an_outage(history: History) -> None:
    history.add("anna", _record())
    with pytest.raises(HistoryDownError), pymongo.timeout(1e-6):
        history.find("anna", ALL, 1)


def test_a_refused_password_is_named_and_not_quoted(mongo_url: str, caplog: pytest.LogCaptureFixture) -> None:
    refused = Mongo(mongo_url.replace("mongodb://", "mongodb://someone:wrong@"))
    with pytest.raises(HistoryDownError, match="the password in OCR_MONGO_URL"):
        refused.ping()
    assert "OCR_MONGO_URL" in caplog.text
    assert "wrong" not in caplog.text
    refused.close()


@pytest.mark.slow
@pytest.mark.new_database
def test_comes_back_by_itself_and_indexes_then(
    mongo: Mongo,
    history: History,
    mongod: Server,
    records: Collection[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mongod.stop()
    monkeypatch.setattr(mongo, "_breaker", CircuitBreaker(pause_seconds=0.1))
    mongo.prepare()
    with pytest.raises(HistoryDownError):
        history.find("anna", ALL, 1)
    mongod.start()
    time.sleep(0.2)
    history.add("anna", _record())
    assert "expires_at_1" in records.index_information()


def test_a_restart_between_two_calls_is_not_seen(history: History, mongod: Server) -> None:
    history.add("anna", _record("before"))
    mongod.stop()
    mongod.start()
    history.add("anna", _record("after"))
    assert _texts(history)[0] == "after"
