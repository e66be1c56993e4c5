"""The record of a document, which grows page by page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from frontend.errors import InvalidRequestError, RecordNotFoundError
from frontend.history import documents
from frontend.history.corrections import Place
from frontend.history.records import History
from frontend.history.search import HistoryFilter
from frontend.mongo import Mongo


@pytest.fixture
def history(mongo: Mongo) -> History:
    return History(mongo, days=1)


def page(number: int, *texts: str, **more: Any) -> dict[str, Any]:
    """What is recorded of a page."""
    lines = [
        {
            "text": text,
            "confidence": 0.9 - number / 100,
            "page": number,
            "row": row,
            "bbox": [[0, 0], [1, 1]],
            "chars": [],
        }
        for row, text in enumerate(texts)
    ]
    text = "\n".join(texts)
    return {
        "image_hash": "sha256:0",
        "model": "auto",
        "name": "a.pdf",
        "text": text,
        "lines": lines,
        "angle": 0,
        "width": 100 * number,
        "height": 50,
        "bbox": None,
        "confidence": 0.9 - number / 100,
        "mean_confidence": 0.9 - number / 100,
        "pages": [{"page": number, "text": text, "width": 100 * number, "height": 50}],
        "cache_key": f"key {number}",
        **more,
    }


def texts(history: History, query: str) -> list[str]:
    return [record["text"] for record in history.find("anna", HistoryFilter(text=query), 10).records]


def test_pages_come_in_any_order_and_at_once(history: History) -> None:
    pages = [page(number, f"first {number}", f"second {number}") for number in (5, 2, 4, 1, 3)]
    with ThreadPoolExecutor(5) as pool:
        ids = set(pool.map(lambda one: history.add_page("anna", one, "document"), pages))
    (record_id,) = ids
    record = history.get("anna", record_id)
    assert [one["page"] for one in record["pages"]] == [1, 2, 3, 4, 5]
    assert [line["text"] for line in record["pages"][3]["lines"]] == ["first 4", "second 4"]
    assert record["text"] == "\n\n".join(f"first {n}\nsecond {n}" for n in range(1, 6))
    assert (record["width"], record["confidence"], record["page_count"]) == (100, 0.85, 5)
    assert texts(history, "second 4") == texts(history, "a.pdf") == [record["text"]]
    (reference,) = history.references("anna", HistoryFilter(), 10)
    assert sorted(reference.cache_keys) == [f"key {n}" for n in range(1, 6)]


def test_a_document_that_is_deleted_while_it_is_read_does_not_come_back(history: History) -> None:
    record_id = history.add_page("anna", page(1, "first"), "document")
    assert history.delete("anna", [record_id]) == 1
    assert history.add_page("anna", page(2, "second"), "document") == record_id
    assert history.find("anna", HistoryFilter(), 10).records == []
    assert not history.has("anna", record_id)
    assert history.delete("anna", [record_id]) == 0
    with pytest.raises(RecordNotFoundError):
        history.get("anna", record_id)


def test_of_a_deleted_document_its_id_alone_stays_and_not_for_ever(history: History, mongo_url: str) -> None:
    record_id = history.add_page("anna", page(1, "secret"), "document")
    history.delete("anna", [record_id])
    with MongoClient(mongo_url, tz_aware=True) as client:
        (left,) = client.get_default_database()["history"].find()
    assert left.keys() == {"_id", "expires_at"}
    assert timedelta(hours=23) < left["expires_at"] - datetime.now(UTC) <= timedelta(days=1)


def test_a_page_that_is_read_twice_is_there_once(history: History) -> None:
    for _ in range(2):
        record_id = history.add_page("anna", page(1, "once"), "document")
    assert history.get("anna", record_id)["text"] == "once"


def test_a_correction_stays_with_its_line_as_pages_come(history: History) -> None:
    record_id = history.add_page("anna", page(2, "read", "tw0"), "document")
    history.correct("anna", record_id, {Place(1, page=2): "two"})
    history.add_page("anna", page(1, "one"), "document")
    history.add_page("anna", page(3, "three"), "document")
    record = history.get("anna", record_id)
    assert record["text"] == "one\n\nread\ntwo\n\nthree"
    assert [(one["line"], one["before"]) for one in record["corrections"]] == [(2, "tw0")]
    assert texts(history, "two") == [record["text"]]
    with pytest.raises(InvalidRequestError, match="page 1 has 1 lines"):
        history.correct("anna", record_id, {Place(1, page=1): "more"})


def test_the_thumbnail_is_that_of_the_first_page(history: History) -> None:
    for number in (3, 1, 2):
        record_id = history.add_page("anna", page(number, "text", thumbnail=b"%d" % number), "document")
    assert history.thumbnail("anna", record_id) == b"1"
    assert history.get("anna", record_id)["has_thumbnail"]


def test_what_would_make_a_record_too_large_is_one_of_its_own(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_LINES", 3)
    ids = [history.add_page("anna", page(n, "one", "two"), "document", f"page {n}") for n in (1, 2)]
    assert [history.get("anna", record_id)["page_count"] for record_id in ids] == [1, 1]
    assert len(set(ids)) == 2
