"""Tasks as their owners see them: made, listed, cancelled."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import DESCENDING

from frontend.errors import TaskNotFoundError, TasksDownError, TooManyTasksError, invalid_cursor
from frontend.mongo import Document
from frontend.tasks.items import CANCELLED, FAILURE, OPEN, PENDING, RECEIVING, RUNNING, File, Items
from frontend.tasks.store import TaskStore

_LONGEST_UPLOAD = timedelta(hours=1)
_ID = {"_id": 1}
_OVERTAKEN = "The same request came twice at once. Send it again."
_TIMES = ("created_at", "ended_at", "expires_at")
_WEBHOOK_FACTS = ("state", "attempts", "last_error")


class Limits(NamedTuple):
    """The most that the unfinished tasks of one owner may be, and the bytes of their files."""

    tasks: int
    bytes: int


class Backlog(NamedTuple):
    """Items of all tasks: how many wait and are read, and the age of the oldest task with one that waits."""

    waiting: int
    running: int
    oldest_seconds: float


class Tasks:
    """Every method that takes an owner sees nobody else's tasks."""

    def __init__(self, store: TaskStore, items: Items, limits: Limits) -> None:
        self._store = store
        self._items = items
        self._limits = limits

    def create(
        self,
        owner: str,
        request_id: str,
        options: Mapping[str, Any],
        files: Iterable[File],
        once: str | None = None,
        webhook: Document | None = None,
    ) -> tuple[str, list[str]]:
        """Keep `files` to be read; returns the ids of the task and of its items that are to be read.

        Of calls with the same `once` there is one task; those that come later have nothing to read. Raises
        TasksDownError if another such call overtakes this one, TooManyTasksError if there is no room.
        """
        files = list(files)
        if once and (known := self._accepted(once)):
            return known, []
        task: Document = {
            "_id": ObjectId(),
            "owner": owner,
            "request_id": request_id,
            "options": dict(options),
            "state": RECEIVING,
            "bytes": sum(_size(file) for file in files),
            "created_at": datetime.now(UTC),
            **({"once": once} if once else {}),
            **({"webhook": webhook} if webhook else {}),
        }
        if not self._store.insert_task(task):
            raise TasksDownError(_OVERTAKEN)
        self._check_room(task)
        item_ids = self._items.add(task["_id"], files)
        if not self._items.set_task(task["_id"], RECEIVING, OPEN, once):
            self._items.forget(task["_id"])
            raise TasksDownError(_OVERTAKEN)
        return str(task["_id"]), item_ids

    def _check_room(self, task: Document) -> None:
        """Raises TooManyTasksError, and forgets the task, unless there is room for it or it is alone.

        It is counted when it is there already: of several at once none gets in unseen.
        """
        pipeline: list[Document] = [
            {"$match": {"owner": task["owner"], "expires_at": None}},
            {"$group": {"_id": None, "count": {"$sum": 1}, "bytes": {"$sum": "$bytes"}}},
        ]
        (found,) = self._store.call(lambda: list(self._store.tasks.aggregate(pipeline)))
        limits = self._limits
        if found["count"] > limits.tasks or (found["count"] > 1 and found["bytes"] > limits.bytes):
            self._items.forget(task["_id"])
            raise TooManyTasksError(
                f"You have {found['count'] - 1} unfinished tasks. At most {limits.tasks} are kept, with "
                f"{limits.bytes / 1024**2:g} MB of files in them. {TooManyTasksError.advice}"
            )

    def _accepted(self, once: str) -> str | None:
        """The task of an earlier call. One whose files are still being kept, perhaps by a process that has
        been killed, gives way to this call."""
        unfinished: Document = {"once": once, "state": RECEIVING}
        self._store.call(lambda: self._store.tasks.update_one(unfinished, {"$unset": {"once": 1}}))
        task = self._store.call(lambda: self._store.tasks.find_one({"once": once}, _ID))
        return str(task["_id"]) if task else None

    def get(self, owner: str, task_id: str, limit: int, cursor: str | None = None) -> Document:
        """A task with up to `limit` of its items. Raises TaskNotFoundError, also when it is another's."""
        task = self._get(owner, task_id)
        condition: Document = {"task": task["_id"]}
        if cursor:
            condition["_id"] = {"$gt": f"{task_id}:{cursor}"}
        found = self._store.call(lambda: list(self._store.items.find(condition).sort("_id").limit(limit + 1)))
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
        found = self._store.call(
            lambda: list(self._store.tasks.find(condition).sort("_id", DESCENDING).limit(limit + 1))
        )
        items = self._summaries(found[:limit])
        return {"items": items, "next_cursor": items[-1]["task_id"] if len(found) > limit else None}

    def cancel(self, owner: str, task_id: str) -> list[str]:
        """End a task that has not ended yet; returns the ids of the items that are being read."""
        task = self._get(owner, task_id)
        if not self._items.set_task(task["_id"], OPEN, CANCELLED):
            return []
        running = self._items.ids(task["_id"], {"state": RUNNING})
        self._items.end(task["_id"])
        return running

    def drop(self, task_id: str) -> None:
        """Forget a task that nobody was told of."""
        self._items.forget(ObjectId(task_id))

    def resume(self, running_since: datetime) -> list[str]:
        """The ids of all items that are to be read, with those of this worker that have been running since
        before then, and those of dead workers.

        What a killed process left half done is completed.
        """
        pending: list[str] = []
        waiting = self._items.is_free(running_since)
        for task in self._store.call(lambda: list(self._store.tasks.find({"expires_at": None}))):
            task_id = task["_id"]
            if task["state"] == OPEN:
                pending += self._items.ids(task_id, waiting)
                self._items.settle(task_id)
            elif task["state"] != RECEIVING:
                self._items.end(task_id)
            elif task["created_at"] < datetime.now(UTC) - _LONGEST_UPLOAD:
                self._items.forget(task_id)
        return pending

    def backlog(self) -> Backlog:
        """Tasks that are accepted and not done. Raises TasksDownError."""
        open_ids = self._store.call(
            lambda: [task["_id"] for task in self._store.tasks.find({"expires_at": None, "state": OPEN}, _ID)]
        )
        pipeline: list[Document] = [
            {"$match": {"task": {"$in": open_ids}, "state": {"$in": [PENDING, RUNNING]}}},
            {"$group": {"_id": "$state", "count": {"$sum": 1}, "oldest": {"$min": "$task"}}},
        ]
        found = self._store.call(lambda: list(self._store.items.aggregate(pipeline)))
        groups = {group["_id"]: group for group in found}
        waiting, running = (groups.get(state, {}).get("count", 0) for state in (PENDING, RUNNING))
        now = datetime.now(UTC)
        oldest = groups[PENDING]["oldest"].generation_time if waiting else now
        return Backlog(waiting, running, max(0.0, (now - oldest).total_seconds()))

    def _get(self, owner: str, task_id: str) -> Document:
        try:
            condition = {"_id": ObjectId(task_id), "owner": owner, "state": {"$ne": RECEIVING}}
        except InvalidId as error:
            raise TaskNotFoundError from error
        task = self._store.call(lambda: self._store.tasks.find_one(condition))
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
        for group in self._store.call(lambda: list(self._store.items.aggregate(pipeline))):
            counts.setdefault(group["_id"]["task"], {})[group["_id"]["state"]] = group["count"]
        return [_public_task(task, counts.get(task["_id"], {})) for task in tasks]


def _size(file: File) -> int:
    return file.stream.seek(0, io.SEEK_END)


def _public_task(task: Document, counts: Mapping[str, int]) -> Document:
    state = task["state"]
    if state == OPEN:
        state = RUNNING if counts.keys() - {PENDING} else PENDING
    total = sum(counts.values())
    done = total - counts.get(PENDING, 0) - counts.get(RUNNING, 0)
    times = {name: time.isoformat() for name, time in task.items() if name in _TIMES}
    shown = {name: fact for name, fact in task.get("webhook", {}).items() if name in _WEBHOOK_FACTS}
    return {
        "task_id": str(task["_id"]),
        "state": state,
        "progress": {"done": done, "total": total, "failed": counts.get(FAILURE, 0)},
        **times,
        **({"webhook": shown} if shown else {}),
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
        raise invalid_cursor() from error
