"""Items of tasks in MongoDB, one for each image or page, and the uploaded files in GridFS.

This is the truth about what was accepted; the broker only says what to do next. Whatever it forgets or says
twice, an item ends once, and its task when all of its items have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from socket import gethostname
from typing import IO, Any, NamedTuple, TypeVar

from bson import ObjectId
from gridfs.errors import NoFile
from pymongo import ReturnDocument

from frontend.errors import InvalidRequestError, OCRError, TaskNotFoundError
from frontend.mongo import Document
from frontend.tasks.store import TaskStore

T = TypeVar("T")

RECEIVING, OPEN, PENDING, RUNNING = "receiving", "open", "pending", "running"
SUCCESS, FAILURE, CANCELLED = "success", "failure", "cancelled"
MAX_ITEMS = 2000
"""Images and pages of one task."""
MAX_ATTEMPTS = 5
"""How often an item may end the process that reads it."""
KEPT = timedelta(hours=24)
_UNFINISHED = {"$in": [PENDING, RUNNING]}
_FILE_TIMEOUT_SECONDS = 60.0


class File(NamedTuple):
    """An uploaded file, at its beginning."""

    name: str
    stream: IO[bytes]


class Part(NamedTuple):
    """A part of an item: an entry of a ZIP, a page of a document, or why it cannot be read."""

    name: str
    entry: int | None = None
    page: int | None = None
    error: OCRError | None = None


@dataclass(frozen=True)
class Item:
    """One image or page to be read, and all that reading it needs to know."""

    id: str
    task_id: str
    name: str
    file_id: ObjectId
    entry: int | None
    page: int | None
    attempts: int
    owner: str
    request_id: str
    options: Mapping[str, Any]


class Items:
    """Items as workers process them; tasks.py has tasks as their owners see them.

    A running item belongs to the worker (a machine or container) that started it, and to nobody else until it
    has run for `lease_seconds`: then that worker is dead.
    """

    def __init__(self, store: TaskStore, lease_seconds: float, worker: str = gethostname()) -> None:
        self._store = store
        self._lease = timedelta(seconds=lease_seconds)
        self._worker = worker
        self._call = store.call

    def add(self, task_id: ObjectId, files: Iterable[File]) -> list[str]:
        """Keep `files`, each of them an item to begin with; returns the ids of the items."""
        items = [
            _item(f"{task_id}:{number:04}", task_id, file.name, self._upload(task_id, file))
            for number, file in enumerate(files)
        ]
        self._store.insert_items(*items)
        return [item["_id"] for item in items]

    def start(self, item_id: str) -> Item | None:
        """The item, which is running from now on; None when there is nothing to do for it."""
        task_id = ObjectId(task_of(item_id))
        task = self._call(lambda: self._store.tasks.find_one({"_id": task_id, "state": OPEN}))
        if task is None:
            return None
        now = datetime.now(UTC)
        started = {"state": RUNNING, "started_at": now, "worker": self._worker}
        change = {"$set": started, "$inc": {"attempts": 1}}
        condition = {"_id": item_id, **self.is_free(running_since=now)}
        item = self._call(
            lambda: self._store.items.find_one_and_update(
                condition, change, return_document=ReturnDocument.AFTER
            )
        )
        if item is None:
            self.settle(task_id)  # whoever ended its last item may have been killed before this
            return None
        return Item(
            item_id,
            str(task_id),
            *(item[name] for name in ("name", "file", "entry", "page", "attempts")),
            *(task[name] for name in ("owner", "request_id", "options")),
        )

    def is_free(self, running_since: datetime) -> Document:
        """The condition for items that this worker may start: those that wait, its own that have been running
        since before then, and those of dead workers."""
        expired = datetime.now(UTC) - self._lease
        own = {"worker": self._worker, "started_at": {"$lte": running_since}}
        abandoned = [own, {"started_at": {"$lte": min(expired, running_since)}}]
        return {"$or": [{"state": PENDING}, {"state": RUNNING, "$or": abandoned}]}

    def read(self, item: Item, use: Callable[[IO[bytes]], T]) -> T:
        """The result of `use` on the item's uploaded file. Raises TaskNotFoundError if it has just ended."""

        def open_and_use() -> T:
            try:
                return use(self._store.uploads.open_download_stream(item.file_id))
            except NoFile as error:
                raise TaskNotFoundError from error

        return self._call(open_and_use, _FILE_TIMEOUT_SECONDS)

    def defer(self, item_id: str) -> None:
        """Have it read later; this attempt does not count."""
        change = {"$set": {"state": PENDING}, "$inc": {"attempts": -1}}
        self._call(lambda: self._store.items.update_one({"_id": item_id, "state": RUNNING}, change))

    def succeed(self, item_id: str, result: Mapping[str, Any]) -> None:
        """Keep what was read."""
        self._end_item(item_id, {"state": SUCCESS, "result": dict(result)})

    def fail(self, item_id: str, error: OCRError) -> None:
        """Keep why it was not read."""
        self._end_item(item_id, _failed(error))

    def expand(self, item: Item, parts: list[Part], publish: Callable[[list[str]], None]) -> None:
        """Put `parts` in the place of `item`, which holds them."""
        task_id = ObjectId(item.task_id)
        children = [
            _item(f"{item.id}:{number:04}", task_id, part.name, item.file_id, part)
            for number, part in enumerate(parts)
        ]
        known = self._call(lambda: self._store.items.count_documents({"task": task_id}))
        if known + len(children) > MAX_ITEMS + 1:
            message = f"A task has at most {MAX_ITEMS} images and pages. Send this file in another one."
            raise InvalidRequestError([("image", message)])
        self._store.insert_items(*children)
        publish([child["_id"] for child in children if child["state"] == PENDING])
        self._call(lambda: self._store.items.delete_one({"_id": item.id}))
        if not self._call(lambda: self._store.tasks.find_one({"_id": task_id, "state": OPEN})):
            self.end(task_id)
        self.settle(task_id)

    def ids(self, task_id: ObjectId, condition: Mapping[str, Any]) -> list[str]:
        """The ids of a task's items for which this holds, in their order."""
        in_order = self._store.items.find({"task": task_id, **condition}, {"_id": 1}).sort("_id")
        found = self._call(lambda: list(in_order.clone()))
        return [item["_id"] for item in found]

    def set_task(self, task_id: ObjectId, before: str, after: str, once: str | None = None) -> bool:
        """Change the state, if it is `before` (and the task still is the one of `once`); whether it was."""
        change: Document = {"state": after}
        if after != OPEN:
            change["ended_at"] = datetime.now(UTC)
        condition = {"_id": task_id, "state": before, **({"once": once} if once else {})}
        return bool(
            self._call(lambda: self._store.tasks.update_one(condition, {"$set": change})).modified_count
        )

    def settle(self, task_id: ObjectId) -> None:
        """End the task if all of its items have ended: as a success if one of them was read."""
        states = self._call(lambda: self._store.items.distinct("state", {"task": task_id}))
        if {PENDING, RUNNING} & set(states):
            return
        self._delete_files(task_id)
        if self.set_task(task_id, OPEN, SUCCESS if SUCCESS in states else FAILURE):
            self.end(task_id)

    def end(self, task_id: ObjectId) -> None:
        """Of a task that has ended: nothing runs on, the files go, the rest expires. Can be repeated."""
        expires_at = datetime.now(UTC) + KEPT
        of_task = {"task": task_id}
        ended = {"$set": {"state": CANCELLED}}
        self._call(lambda: self._store.items.update_many({**of_task, "state": _UNFINISHED}, ended))
        self._delete_files(task_id)
        expires = {"$set": {"expires_at": expires_at}}
        self._call(lambda: self._store.items.update_many(of_task, expires))
        self._call(lambda: self._store.tasks.update_one({"_id": task_id}, expires))

    def forget(self, task_id: ObjectId) -> None:
        """Leave nothing of a task."""
        self._delete_files(task_id)
        self._call(lambda: self._store.items.delete_many({"task": task_id}))
        self._call(lambda: self._store.tasks.delete_one({"_id": task_id}))

    def _upload(self, task_id: ObjectId, file: File) -> ObjectId:
        def upload() -> ObjectId:
            file.stream.seek(0)
            return self._store.uploads.upload_from_stream("", file.stream, metadata={"task": task_id})

        return self._call(upload, _FILE_TIMEOUT_SECONDS)

    def _end_item(self, item_id: str, change: Document) -> None:
        condition = {"_id": item_id, "state": _UNFINISHED}
        self._call(lambda: self._store.items.update_one(condition, {"$set": change}))
        self.settle(ObjectId(task_of(item_id)))

    def _delete_files(self, task_id: ObjectId) -> None:
        found = self._call(lambda: list(self._store.uploads.find({"metadata.task": task_id})))
        for file in found:
            self._call(partial(self._delete_file, file._id))

    def _delete_file(self, file_id: ObjectId) -> None:
        with suppress(NoFile):  # whoever ends the same task at the same time was first
            self._store.uploads.delete(file_id)


def task_of(item_id: str) -> str:
    """The id of the task that an item belongs to."""
    return item_id.partition(":")[0]


def _item(
    item_id: str, task_id: ObjectId, name: str, file_id: ObjectId, part: Part | None = None
) -> Document:
    document = {
        "_id": item_id,
        "task": task_id,
        "name": name,
        "file": file_id,
        "entry": part.entry if part else None,
        "page": part.page if part else None,
        "state": PENDING,
        "attempts": 0,
    }
    return document | (_failed(part.error) if part and part.error else {})


def _failed(error: OCRError) -> Document:
    problem = {"code": error.code, "title": error.title, "status": error.status, "detail": error.detail}
    return {"state": FAILURE, "error": problem}
