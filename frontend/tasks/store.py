"""Where tasks, their items and the uploaded files are: MongoDB's collections and GridFS."""

from __future__ import annotations

from functools import partial

from pymongo import ASCENDING, DESCENDING, IndexModel, WriteConcern

from frontend.errors import TasksDownError
from frontend.mongo import READ_TIMEOUT_SECONDS, Mongo

_JOURNALED = WriteConcern(w=1, j=True)  # what was accepted outlives a mongod that is killed
_TASK_INDEXES = [
    IndexModel([("owner", ASCENDING), ("_id", DESCENDING)]),
    IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
    IndexModel([("owner", ASCENDING), ("expires_at", ASCENDING)]),
    IndexModel([("once", ASCENDING)], unique=True, partialFilterExpression={"once": {"$exists": True}}),
    IndexModel([("webhook.due", ASCENDING)], sparse=True),
]
_ITEM_INDEXES = [
    IndexModel([("task", ASCENDING), ("state", ASCENDING)]),
    IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
]


class TaskStore:
    """The collections that Tasks and Items work on. `call` and `insert_items` raise TasksDownError."""

    def __init__(self, mongo: Mongo) -> None:
        self.tasks = mongo.collection("tasks", _TASK_INDEXES).with_options(write_concern=_JOURNALED)
        self.items = mongo.collection("task_items", _ITEM_INDEXES).with_options(write_concern=_JOURNALED)
        self.uploads = mongo.bucket("uploads")
        self.call = partial(mongo.call, down=TasksDownError)
        self.insert_task = partial(mongo.insert_new, self.tasks, down=TasksDownError)
        self.insert_items = partial(
            mongo.insert, self.items, timeout_seconds=READ_TIMEOUT_SECONDS, down=TasksDownError
        )
