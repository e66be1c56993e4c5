"""Items against a real mongod: what several processes do at once, and what a killed one left behind."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pymongo
import pytest
from bson import ObjectId
from pymongo.database import Database

from frontend.errors import TaskNotFoundError, TasksDownError
from frontend.mongo import Mongo
from frontend.tasks.items import File, Items
from frontend.tasks.store import TaskStore
from frontend.tasks.tasks import Limits, Tasks

LEASE_SECONDS = 60


@pytest.fixture
def items(mongo: Mongo) -> Items:
    return Items(TaskStore(mongo), LEASE_SECONDS)


@pytest.fixture
def tasks(mongo: Mongo, items: Items) -> Tasks:
    return Tasks(TaskStore(mongo), items, Limits(100, 10**9))


@pytest.fixture
def database(mongo_url: str) -> Iterator[Database]:
    with pymongo.MongoClient(mongo_url) as mongo:
        yield mongo.get_default_database()


def make(tasks: Tasks, count: int = 2) -> tuple[str, list[str]]:
    files = [File(f"{number}.png", io.BytesIO(b"bytes")) for number in range(count)]
    return tasks.create("anna", "request", {}, files)


def test_a_task_that_several_end_at_once_is_ended(tasks: Tasks, items: Items, database: Database) -> None:
    task_id, item_ids = make(tasks, 60)
    assert items.start(item_ids[0])
    with ThreadPoolExecutor(4) as pool:
        ends = [pool.submit(tasks.cancel, "anna", task_id)]
        ends += [pool.submit(items.end, ObjectId(task_id)) for _ in range(3)]
        running = [end.result() for end in ends][0]
    assert running in ([], item_ids[:1])
    assert database["uploads.files"].count_documents({}) == 0
    assert tasks.get("anna", task_id, 1)["state"] == "cancelled"


def test_the_same_request_is_one_task(tasks: Tasks, database: Database) -> None:
    files = [File("a.png", io.BytesIO(b"bytes"))]
    first, item_ids = tasks.create("anna", "request", {}, files, "morning")
    assert len(item_ids) == 1
    assert tasks.create("anna", "again", {}, files, "morning") == (first, [])
    assert tasks.create("anna", "other", {}, files, "evening")[0] != first
    assert database["uploads.files"].count_documents({}) == 2
    tasks.drop(first)
    assert tasks.create("anna", "again", {}, files, "morning")[1]


def test_a_request_that_was_cut_off_gives_way(tasks: Tasks, database: Database) -> None:
    """Sent again while its files are still being kept, the later is accepted, the earlier forgotten."""

    class Slow(io.BytesIO):
        def read(self, *args: int) -> bytes:
            if not later:
                later.append(tasks.create("anna", "again", {}, [File("a.png", io.BytesIO(b"bytes"))], "once"))
            return super().read(*args)

    later: list[tuple[str, list[str]]] = []
    with pytest.raises(TasksDownError):
        tasks.create("anna", "request", {}, [File("a.png", Slow(b"bytes"))], "once")
    assert [task["task_id"] for task in tasks.find("anna", 10)["items"]] == [later[0][0]]
    assert database["uploads.files"].count_documents({}) == 1


def test_an_item_ends_once(tasks: Tasks, items: Items) -> None:
    task_id, (item_id,) = make(tasks, 1)
    for text in ("first", "second"):
        items.succeed(item_id, {"text": text})
    items.fail(item_id, TaskNotFoundError())
    assert items.start(item_id) is None
    task = tasks.get("anna", task_id, 1)
    assert (task["state"], task["items"][0]["result"]) == ("success", {"text": "first"})


def test_what_is_unfinished_is_to_be_read_again(tasks: Tasks, items: Items) -> None:
    _, item_ids = make(tasks, 3)
    items.succeed(item_ids[0], {})
    items.start(item_ids[1])
    assert tasks.resume(running_since=datetime.now(UTC)) == item_ids[1:]
    assert tasks.resume(running_since=datetime.now(UTC) - timedelta(minutes=1)) == item_ids[2:]


def test_what_another_worker_reads_is_left_to_it_while_it_lives(
    mongo: Mongo, tasks: Tasks, items: Items, database: Database
) -> None:
    _, item_ids = make(tasks, 2)
    other = Items(TaskStore(mongo), LEASE_SECONDS, worker="another machine")
    assert other.start(item_ids[0])
    assert items.start(item_ids[0]) is None
    assert tasks.resume(running_since=datetime.now(UTC)) == item_ids[1:]
    started_at = datetime.now(UTC) - timedelta(seconds=LEASE_SECONDS + 1)
    database["task_items"].update_one({"_id": item_ids[0]}, {"$set": {"started_at": started_at}})
    assert tasks.resume(running_since=datetime.now(UTC)) == item_ids
    found = items.start(item_ids[0])
    assert found
    assert found.attempts == 2


def test_an_end_that_was_cut_off_is_completed(tasks: Tasks, items: Items, database: Database) -> None:
    """The process died between the change of the state and what follows from it."""
    task_id, _ = make(tasks)
    items.set_task(ObjectId(task_id), "open", "cancelled")
    assert tasks.resume(datetime.now(UTC)) == []
    assert database["uploads.files"].count_documents({}) == 0
    task = tasks.get("anna", task_id, 10)
    assert task["expires_at"]
    assert [item["state"] for item in task["items"]] == ["cancelled"] * 2


def test_an_upload_that_was_cut_off_is_forgotten(tasks: Tasks, database: Database) -> None:
    task_id, _ = make(tasks)
    change = {"state": "receiving", "created_at": datetime.now(UTC)}
    database["tasks"].update_one({"_id": ObjectId(task_id)}, {"$set": change})
    assert tasks.resume(datetime.now(UTC)) == []
    assert database["uploads.files"].count_documents({}) == 2
    change["created_at"] -= timedelta(hours=2)
    database["tasks"].update_one({"_id": ObjectId(task_id)}, {"$set": change})
    assert tasks.resume(datetime.now(UTC)) == []
    for name in ("uploads.files", "uploads.chunks", "tasks", "task_items"):
        assert database[name].count_documents({}) == 0
