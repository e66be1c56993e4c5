"""Webhooks against a real mongod and a real receiver: signed, tried again, and sent nowhere inwards."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pymongo
import pytest
from bson import ObjectId
from flask import Flask
from pymongo.database import Database

from frontend.errors import InvalidRequestError
from frontend.mongo import Mongo
from frontend.tasks import webhooks as module
from frontend.tasks.items import File, Items
from frontend.tasks.store import TaskStore
from frontend.tasks.tasks import Limits, Tasks
from frontend.tasks.webhooks import RETRY_SECONDS, Webhooks
from tests.unit.frontend.fake_web import INSIDE, OUTSIDE, FakeWeb, serving

SECRET = f"whsec_{b64encode(bytes(range(32))).decode()}"
DOCUMENTED = re.search(r"```python\n(import base64.*?)```", Path("docs/api.md").read_text("utf-8"), re.DOTALL)


@pytest.fixture
def store(mongo: Mongo) -> TaskStore:
    return TaskStore(mongo)


@pytest.fixture
def database(mongo_url: str) -> Iterator[Database]:
    with pymongo.MongoClient(mongo_url) as mongo:
        yield mongo.get_default_database()


@pytest.fixture
def receiver() -> Iterator[FakeWeb]:
    with serving() as web:
        yield web


@pytest.fixture
def hooks(store: TaskStore) -> Webhooks:
    return Webhooks(store, SECRET, [ip_network(OUTSIDE)])


@pytest.fixture
def tasks(store: TaskStore) -> Tasks:
    return Tasks(store, Items(store, 60), Limits(100, 10**9))


def _ended(tasks: Tasks, hooks: Webhooks, url: str) -> str:
    files = [File("a.png", io.BytesIO(b"bytes"))]
    task_id, _ = tasks.create("anna", "request", {}, files, webhook=hooks.new(url))
    assert hooks.due() == []
    assert hooks.deliver(task_id) is None  # it has not ended
    tasks.cancel("anna", task_id)
    assert hooks.due() == hooks.due(task_id) == [task_id]
    return task_id


def _make_due(database: Database, task_id: str) -> None:
    past = {"$set": {"webhook.due": datetime.now(UTC) - timedelta(seconds=1)}}
    database["tasks"].update_one({"_id": ObjectId(task_id)}, past)


def _webhook(tasks: Tasks, task_id: str) -> dict[str, Any]:
    return tasks.get("anna", task_id, 1)["webhook"]


def test_a_receiver_checks_it_as_the_documentation_says(
    tasks: Tasks, hooks: Webhooks, receiver: FakeWeb
) -> None:
    task_id = _ended(tasks, hooks, receiver.address("/hook"))
    assert hooks.deliver(task_id) is None
    assert hooks.due() == []
    assert _webhook(tasks, task_id) == {"state": "delivered", "attempts": 1}
    ((headers, body),) = receiver.posted
    assert DOCUMENTED
    exec(DOCUMENTED[1], told := {})
    event = told["verify"](SECRET, headers, body)
    assert event["type"] == "task.ended"
    assert event["data"] == {"task_id": task_id, "state": "cancelled", "status_url": f"/tasks/{task_id}"}
    assert "anna" not in body.decode()
    for secret, changed in ((f"whsec_{b64encode(bytes(32)).decode()}", body), (SECRET, body + b" ")):
        with pytest.raises(ValueError, match="signature"):
            told["verify"](secret, headers, changed)
    with pytest.raises(ValueError, match="old"):
        told["verify"](SECRET, headers | {"webhook-timestamp": "1700000000"}, body)


def test_it_is_tried_again_a_few_times(
    tasks: Tasks, hooks: Webhooks, receiver: FakeWeb, database: Database
) -> None:
    receiver.statuses = [500, 301] + [503] * 10
    task_id = _ended(tasks, hooks, receiver.address("/hook"))
    for attempt, seconds in enumerate(RETRY_SECONDS, start=1):
        assert hooks.deliver(task_id) == seconds
        assert hooks.deliver(task_id) is None  # not yet
        assert _webhook(tasks, task_id)["attempts"] == attempt
        _make_due(database, task_id)
    assert hooks.deliver(task_id) is None
    _make_due(database, task_id)
    told = {"state": "failed", "attempts": len(RETRY_SECONDS) + 1, "last_error": "The server answered 503."}
    assert _webhook(tasks, task_id) == told
    assert len(receiver.posted) == told["attempts"]
    assert len({headers["webhook-id"] for headers, _ in receiver.posted}) == 1


def test_what_was_cut_off_is_tried_again_and_not_for_ever(
    tasks: Tasks, hooks: Webhooks, receiver: FakeWeb, database: Database
) -> None:
    task_id = _ended(tasks, hooks, receiver.address("/hook"))
    database["tasks"].update_one({"_id": ObjectId(task_id)}, {"$set": {"webhook.attempts": 6}})
    assert hooks.deliver(task_id) is None
    assert _webhook(tasks, task_id)["state"] == "failed"
    assert receiver.posted == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:27017/", "http://169.254.169.254/latest", "http://[::1]/", "ftp://example.com/", "x",
     "http://anna:secret@example.com/", "http://example.com:0/", "http://93.184.215.14:22/"],
)  # fmt: skip
def test_where_nothing_may_be_sent(hooks: Webhooks, url: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        hooks.new(url)
    assert [field for field, _ in raised.value.errors] == ["webhook"]


def test_an_address_is_looked_at_again_when_it_is_called(
    tasks: Tasks, store: TaskStore, hooks: Webhooks
) -> None:
    with serving(INSIDE) as inner:
        before = Webhooks(store, SECRET, [ip_network(INSIDE)])
        task_id = _ended(tasks, before, inner.address("/hook"))
        assert hooks.deliver(task_id) == RETRY_SECONDS[0]
        assert "public internet" in _webhook(tasks, task_id)["last_error"]
        assert inner.posted == []


def test_a_receiver_that_stays_away_or_silent(
    tasks: Tasks, hooks: Webhooks, receiver: FakeWeb, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.3)
    task_id = _ended(tasks, hooks, receiver.address("/silent"))
    assert hooks.deliver(task_id) == RETRY_SECONDS[0]
    assert "within" in _webhook(tasks, task_id)["last_error"]
    gone = f"http://{OUTSIDE}:1/hook"
    database["tasks"].update_one({"_id": ObjectId(task_id)}, {"$set": {"webhook.url": gone}})
    _make_due(database, task_id)
    assert hooks.deliver(task_id) == RETRY_SECONDS[1]
    assert "reached" in _webhook(tasks, task_id)["last_error"]


def test_over_http(make_app: Callable[..., Flask], image: bytes) -> None:
    url = f"http://{OUTSIDE}/hook"
    allowed = {"url_allow": (ip_network(OUTSIDE),)}
    client = make_app(webhook_secret=SECRET, **allowed).test_client()
    taken = client.post(f"/recognize?webhook={url}", data=image, content_type="image/png")
    assert taken.status_code == 202, taken.text
    assert client.get(taken.json["status_url"]).json["webhook"] == {"state": "pending", "attempts": 0}
    refusals = [
        (client, f"/recognize?webhook={url}&async=false", "async"),
        (client, "/recognize?webhook=http://10.0.0.1/", "OCR_URL_ALLOW"),
        (make_app(**allowed).test_client(), f"/recognize/batch?webhook={url}", "OCR_WEBHOOK_SECRET"),
    ]
    for asked, path, advice in refusals:
        answer = asked.post(path, data=image, content_type="image/png")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "webhook")
        assert advice in answer.json["detail"]
