"""Tasks and their items in MongoDB, and the uploaded files in GridFS: the truth about what was accepted.

The broker only says what to do next. Whatever it forgets or says twice, an item ends once, and a task when
all of its items have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import IO, Any, NamedTuple, TypeVar

from bson import ObjectId
from bson.errors import InvalidId
from gridfs.errors import NoFile
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument, WriteConcern
from pymongo.errors import BulkWriteError

from frontend.errors import InvalidRequestError, OCRError, TaskNotFoundError, TasksDownError
from frontend.mongo import Document, Mongo

T = TypeVar("T")

RECEIVING, OPEN, PENDING, RUNNING = "receiving", "open", "pending", "running"
SUCCESS, FAILURE, CANCELLED = "success", "failure", "cancelled"
MAX_ITEMS = 2000
"""Images and pages of one task."""
MAX_ATTEMPTS = 5
"""How often an item may end the process that reads it."""
KEPT = timedelta(hours=24)
_LONGEST_UPLOAD = timedelta(hours=1)
_UNFINISHED = {"$in": [PENDING, RUNNING]}
_FILE_TIMEOUT_SECONDS = 60.0
_TIMES = ("created_at", "ended_at", "expires_at")
_DUPLICATE_KEY = 11_000
_JOURNALED = WriteConcern(w=1, j=True)  # what was accepted outlives a mongod that is killed
_TASK_INDEXES = [
    IndexModel([("owner", ASCENDING), ("_id", DESCENDING)]),
    IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
]
_ITEM_INDEXES = [
    IndexModel([("task", ASCENDING), ("state", ASCENDING)]),
    IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
]


class File(NamedTuple):
    """An uploaded file, at its beginning."""

    name: str
    stream: IO[bytes]


class Part(NamedTuple):
    """What an item turned out to hold: an entry of a ZIP, a page of a document, or why it cannot be read."""

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


class Tasks:
    """What HTTP asks for names the owner first, and sees nobody else's tasks."""

    def __init__(self, mongo: Mongo) -> None:
        self._tasks = mongo.collection("tasks", _TASK_INDEXES).with_options(write_concern=_JOURNALED)
        self._items = mongo.collection("task_items", _ITEM_INDEXES).with_options(write_concern=_JOURNALED)
        self._uploads = mongo.bucket("uploads")
        self._mongo = mongo
        self._call = partial(mongo.call, down=TasksDownError)

    # What HTTP does

    def create(
        self, owner: str, request_id: str, options: Mapping[str, Any], files: Iterable[File]
    ) -> tuple[str, list[str]]:
        """Keep `files` to be read; returns the ids of the task and of its items."""
        task: Document = {
            "_id": ObjectId(),
            "owner": owner,
            "request_id": request_id,
            "options": dict(options),
            "state": RECEIVING,
            "created_at": datetime.now(UTC),
        }
        self._call(lambda: self._tasks.insert_one(task))
        task_id = str(task["_id"])
        items = [
            _item(f"{task_id}:{number:04}", task["_id"], file.name, self._store(task["_id"], file))
            for number, file in enumerate(files)
        ]
        self._call(lambda: self._insert(items))
        self._set_task(task["_id"], RECEIVING, OPEN)
        return task_id, [item["_id"] for item in items]

    def get(self, owner: str, task_id: str, limit: int, cursor: str | None = None) -> Document:
        """A task with up to `limit` of its items. Raises TaskNotFoundError, also when it is another's."""
        task = self._get(owner, task_id)
        condition: Document = {"task": task["_id"]}
        if cursor:
            condition["_id"] = {"$gt": f"{task_id}:{cursor}"}
        found = self._call(lambda: list(self._items.find(condition).sort("_id").limit(limit + 1)))
        items = [_public_item(item) for item in found[:limit]]
        return {
            **self._summaries([task])[0],
            "items": items,
            "next_cursor": items[-1]["item"] if len(found) > limit else None,
        }

    def find(self, owner: str, limit: int, cursor: str | None = None) -> Document:
        """A page of `owner`'s tasks, newest first, without their items."""
        condition: Document = {"owner": owner, "state": {"$ne": RECEIVING}}
        if cursor:
            condition["_id"] = {"$lt": _cursor(cursor)}
        found = self._call(lambda: list(self._tasks.find(condition).sort("_id", DESCENDING).limit(limit + 1)))
        items = self._summaries(found[:limit])
        return {"items": items, "next_cursor": items[-1]["task_id"] if len(found) > limit else None}

    def cancel(self, owner: str, task_id: str) -> list[str]:
        """End a task that has not ended yet; returns the ids of the items that are being read."""
        task = self._get(owner, task_id)
        if not self._set_task(task["_id"], OPEN, CANCELLED):
            return []
        running = self._item_ids(task["_id"], {"state": RUNNING})
        self._close(task["_id"])
        return running

    def drop(self, task_id: str) -> None:
        """Forget a task that nobody was told of."""
        self._forget(ObjectId(task_id))

    # What the worker does

    def start(self, item_id: str) -> Item | None:
        """The item, which is running from now on; None when there is nothing to do for it."""
        task_id = ObjectId(item_id.partition(":")[0])
        task = self._call(lambda: self._tasks.find_one({"_id": task_id, "state": OPEN}))
        if task is None:
            return None
        change = {"$set": {"state": RUNNING, "started_at": datetime.now(UTC)}, "$inc": {"attempts": 1}}
        condition = {"_id": item_id, "state": _UNFINISHED}
        item = self._call(
            lambda: self._items.find_one_and_update(condition, change, return_document=ReturnDocument.AFTER)
        )
        if item is None:
            self._settle(task_id)  # whoever ended its last item may have been killed before this
            return None
        return Item(
            item_id,
            str(task_id),
            *(item[name] for name in ("name", "file", "entry", "page", "attempts")),
            *(task[name] for name in ("owner", "request_id", "options")),
        )

    def read(self, item: Item, use: Callable[[IO[bytes]], T]) -> T:
        """What `use` makes of the item's uploaded file. Raises TaskNotFoundError if it has just ended."""

        def open_and_use() -> T:
            try:
                return use(self._uploads.open_download_stream(item.file_id))
            except NoFile as error:
                raise TaskNotFoundError from error

        return self._call(open_and_use, _FILE_TIMEOUT_SECONDS)

    def defer(self, item_id: str) -> None:
        """Have it read later; this attempt does not count."""
        change = {"$set": {"state": PENDING}, "$inc": {"attempts": -1}}
        self._call(lambda: self._items.update_one({"_id": item_id, "state": RUNNING}, change))

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
        known = self._call(lambda: self._items.count_documents({"task": task_id}))
        if known + len(children) > MAX_ITEMS + 1:
            message = f"A task has at most {MAX_ITEMS} images and pages. Send this file in another one."
            raise InvalidRequestError([("image", message)])
        self._call(lambda: self._insert(children))
        publish([child["_id"] for child in children if child["state"] == PENDING])
        self._call(lambda: self._items.delete_one({"_id": item.id}))
        if not self._call(lambda: self._tasks.find_one({"_id": task_id, "state": OPEN})):
            self._close(task_id)
        self._settle(task_id)

    def resume(self, running_since: datetime) -> list[str]:
        """The ids of all items that are to be read, with those that have been running since before then.

        What a killed process left half done is completed.
        """
        pending: list[str] = []
        waiting = {"$or": [{"state": PENDING}, {"state": RUNNING, "started_at": {"$lt": running_since}}]}
        for task in self._call(lambda: list(self._tasks.find({"expires_at": None}))):
            task_id = task["_id"]
            if task["state"] == OPEN:
                pending += self._item_ids(task_id, waiting)
                self._settle(task_id)
            elif task["state"] != RECEIVING:
                self._close(task_id)
            elif task["created_at"] < datetime.now(UTC) - _LONGEST_UPLOAD:
                self._forget(task_id)
        return pending

    def close(self) -> None:
        """Give back the connections."""
        self._mongo.close()

    # Their parts

    def _store(self, task_id: ObjectId, file: File) -> ObjectId:
        def upload() -> ObjectId:
            file.stream.seek(0)
            return self._uploads.upload_from_stream("", file.stream, metadata={"task": task_id})

        return self._call(upload, _FILE_TIMEOUT_SECONDS)

    def _item_ids(self, task_id: ObjectId, condition: Mapping[str, Any]) -> list[str]:
        """The ids of a task's items for which this holds."""
        found = self._call(lambda: list(self._items.find({"task": task_id, **condition}, {"_id": 1})))
        return [item["_id"] for item in found]

    def _insert(self, items: list[Document]) -> None:
        """Items that are there already stay as they are."""
        try:
            self._items.insert_many(items, ordered=False)
        except BulkWriteError as error:
            if any(problem["code"] != _DUPLICATE_KEY for problem in error.details["writeErrors"]):
                raise

    def _set_task(self, task_id: ObjectId, before: str, after: str) -> bool:
        """Change the state, if it is `before`; whether it was."""
        change: Document = {"state": after}
        if after != OPEN:
            change["ended_at"] = datetime.now(UTC)
        condition = {"_id": task_id, "state": before}
        return bool(self._call(lambda: self._tasks.update_one(condition, {"$set": change})).modified_count)

    def _end_item(self, item_id: str, change: Document) -> None:
        condition = {"_id": item_id, "state": _UNFINISHED}
        self._call(lambda: self._items.update_one(condition, {"$set": change}))
        self._settle(ObjectId(item_id.partition(":")[0]))

    def _settle(self, task_id: ObjectId) -> None:
        """End the task if all of its items have ended: as a success if one of them was read."""
        states = self._call(lambda: self._items.distinct("state", {"task": task_id}))
        if {PENDING, RUNNING} & set(states):
            return
        self._delete_files(task_id)
        if self._set_task(task_id, OPEN, SUCCESS if SUCCESS in states else FAILURE):
            self._close(task_id)

    def _close(self, task_id: ObjectId) -> None:
        """Of a task that has ended: nothing runs on, the files go, the rest expires. Can be repeated."""
        expires_at = datetime.now(UTC) + KEPT
        of_task = {"task": task_id}
        ended = {"$set": {"state": CANCELLED}}
        self._call(lambda: self._items.update_many({**of_task, "state": _UNFINISHED}, ended))
        self._delete_files(task_id)
        expires = {"$set": {"expires_at": expires_at}}
        self._call(lambda: self._items.update_many(of_task, expires))
        self._call(lambda: self._tasks.update_one({"_id": task_id}, expires))

    def _forget(self, task_id: ObjectId) -> None:
        self._delete_files(task_id)
        self._call(lambda: self._items.delete_many({"task": task_id}))
        self._call(lambda: self._tasks.delete_one({"_id": task_id}))

    def _delete_files(self, task_id: ObjectId) -> None:
        found = self._call(lambda: list(self._uploads.find({"metadata.task": task_id})))
        for file in found:
            self._call(partial(self._uploads.delete, file._id))

    def _get(self, owner: str, task_id: str) -> Document:
        try:
            condition = {"_id": ObjectId(task_id), "owner": owner, "state": {"$ne": RECEIVING}}
        except InvalidId as error:
            raise TaskNotFoundError from error
        task = self._call(lambda: self._tasks.find_one(condition))
        if task is None:
            raise TaskNotFoundError
        return task

    def _summaries(self, tasks: list[Document]) -> list[Document]:
        """Tasks as their owner sees them, with their progress."""
        pipeline: list[Document] = [
            {"$match": {"task": {"$in": [task["_id"] for task in tasks]}}},
            {"$group": {"_id": {"task": "$task", "state": "$state"}, "count": {"$sum": 1}}},
        ]
        counts: dict[ObjectId, dict[str, int]] = {}
        for group in self._call(lambda: list(self._items.aggregate(pipeline))):
            counts.setdefault(group["_id"]["task"], {})[group["_id"]["state"]] = group["count"]
        return [_public_task(task, counts.get(task["_id"], {})) for task in tasks]


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


def _public_task(task: Document, counts: Mapping[str, int]) -> Document:
    state = task["state"]
    if state == OPEN:
        state = RUNNING if counts.keys() - {PENDING} else PENDING
    total = sum(counts.values())
    done = total - counts.get(PENDING, 0) - counts.get(RUNNING, 0)
    times = {name: time.isoformat() for name, time in task.items() if name in _TIMES}
    return {
        "task_id": str(task["_id"]),
        "state": state,
        "progress": {"done": done, "total": total, "failed": counts.get(FAILURE, 0)},
        **times,
    }


def _public_item(item: Document) -> Document:
    shown = ("name", "page", "state", "result", "error")
    return {
        "item": item["_id"].partition(":")[2],
        **{name: item[name] for name in shown if item.get(name) is not None},
    }


def _cursor(text: str) -> ObjectId:
    try:
        return ObjectId(text)
    except InvalidId as error:
        message = "This is no cursor of this service. Use `next_cursor` of the page before, or leave it out."
        raise InvalidRequestError([("cursor", message)]) from error
