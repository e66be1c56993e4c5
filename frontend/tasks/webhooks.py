"""Webhooks: who asked for it is told when a task has ended (Standard Webhooks, standardwebhooks.com).

MongoDB has what is still to be told, and from when on; the broker only says what to do next. Whoever tells it
sets the next time first, so of two only one does. After a crash a receiver may hear of a task twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from bson import ObjectId

from frontend.errors import (
    DownloadFailedError,
    DownloadTimeoutError,
    InvalidRequestError,
)
from frontend.files.public_web import Network, PublicWeb
from frontend.files.web_requests import Deadline, ask, check
from frontend.mongo import Document
from frontend.settings import WEBHOOK_SECRET_PREFIX
from frontend.tasks.items import CANCELLED, FAILURE, PENDING, SUCCESS
from frontend.tasks.store import TaskStore

log = logging.getLogger(__name__)

DELIVERED, FAILED = "delivered", "failed"
SECONDS = 10.0
"""A receiver's time to answer."""
RETRY_SECONDS = (2, 10, 60, 600, 3600)
"""From a failure to the next attempt; after the last of them there is none."""
_DIED = "The process that called it ended meanwhile, each time."
_NO_SECRET = "Webhooks are off here: the operator has set no OCR_WEBHOOK_SECRET. Ask GET /tasks/{id} instead."
_NO_ADDRESS = (
    "Give an http or https address on the public internet, at port 80 or 443, without a user name; elsewhere "
    "only networks that the operator names in OCR_URL_ALLOW are called."
)


class Webhooks:
    """Those of all tasks."""

    def __init__(self, store: TaskStore, secret: str, allowed: Sequence[Network]) -> None:
        """`secret` as Settings has it; without one there are no webhooks."""
        self._store = store
        self._key = base64.b64decode(secret.removeprefix(WEBHOOK_SECRET_PREFIX))
        self._allowed = allowed

    def new(self, url: str) -> Document:
        """A webhook for a task that is yet to be made. Raises InvalidRequestError."""
        if not self._key:
            raise InvalidRequestError([("webhook", _NO_SECRET)])
        try:
            with Deadline(SECONDS) as deadline, PublicWeb(self._allowed, deadline.watch) as web:
                check(web, requests.Request("POST", url), deadline)
        except InvalidRequestError:
            raise InvalidRequestError([("webhook", _NO_ADDRESS)]) from None
        except (DownloadFailedError, DownloadTimeoutError):
            pass  # its name may be known by the time that the task has ended
        return {"url": url, "state": PENDING, "attempts": 0, "due": datetime.now(UTC)}

    def due(self, task_id: str | None = None) -> list[str]:
        """The ids of ended tasks, or of this one if it is, that somebody is to be told of now."""
        condition = _due() | ({"_id": ObjectId(task_id)} if task_id else {})
        found = self._store.call(lambda: list(self._store.tasks.find(condition, {"_id": 1})))
        return [str(task["_id"]) for task in found]

    def deliver(self, task_id: str) -> float | None:
        """Tell of a task, if it is due; the seconds until the next attempt, if there is to be one."""
        task = self._claim(ObjectId(task_id))
        if task is None:
            return None
        attempts = task["webhook"]["attempts"]
        is_last = attempts > len(RETRY_SECONDS)
        error = self._send(task) if attempts <= len(RETRY_SECONDS) + 1 else _DIED
        log.info("webhook", extra={"facts": {"task": task_id, "attempt": attempts, "error": error}})
        if error is None:
            self._end(task, {"webhook.state": DELIVERED})
        elif is_last:
            self._end(task, {"webhook.state": FAILED, "webhook.last_error": error})
        else:
            wait = RETRY_SECONDS[attempts - 1]
            again = {"webhook.due": datetime.now(UTC) + timedelta(seconds=wait), "webhook.last_error": error}
            self._store.call(lambda: self._store.tasks.update_one({"_id": task["_id"]}, {"$set": again}))
            return wait
        return None

    def _claim(self, task_id: ObjectId) -> Document | None:
        """The task, if it is due; for as long as an attempt may take it is so to nobody else."""
        taken = {"webhook.due": datetime.now(UTC) + timedelta(seconds=2 * SECONDS)}
        change = {"$inc": {"webhook.attempts": 1}, "$set": taken}
        return self._store.call(
            lambda: self._store.tasks.find_one_and_update(
                {"_id": task_id} | _due(), change, return_document=True
            )
        )

    def _end(self, task: Document, facts: Document) -> None:
        change = {"$set": facts, "$unset": {"webhook.due": 1}}
        self._store.call(lambda: self._store.tasks.update_one({"_id": task["_id"]}, change))

    def _send(self, task: Document) -> str | None:
        """One attempt; what went wrong. The answer's body is not read, no redirect is followed."""
        body = _body(task)
        headers = {"Content-Type": "application/json", "User-Agent": "crnn-ocr-service"}
        headers |= self._signature(f"msg_{task['_id']}", body)
        request = requests.Request("POST", task["webhook"]["url"], headers=headers, data=body)
        try:
            with (
                Deadline(SECONDS) as deadline,
                PublicWeb(self._allowed, deadline.watch) as web,
                ask(web, request, deadline) as response,
            ):
                status = response.status_code
        except InvalidRequestError:
            return _NO_ADDRESS
        except DownloadTimeoutError:
            return f"The server did not answer within {SECONDS:g} s."
        except DownloadFailedError:
            return "The server cannot be reached."
        return None if 200 <= status < 300 else f"The server answered {status}."

    def _signature(self, message_id: str, body: bytes) -> Mapping[str, str]:
        now = str(int(time.time()))
        signed = hmac.digest(self._key, f"{message_id}.{now}.".encode() + body, hashlib.sha256)
        signature = f"v1,{base64.b64encode(signed).decode()}"
        return {"webhook-id": message_id, "webhook-timestamp": now, "webhook-signature": signature}


def _due() -> dict[str, Any]:
    return {"state": {"$in": [SUCCESS, FAILURE, CANCELLED]}, "webhook.due": {"$lte": datetime.now(UTC)}}


def _body(task: Document) -> bytes:
    """What is told: no text, for that is fetched with a key."""
    task_id = str(task["_id"])
    data = {"task_id": task_id, "state": task["state"], "status_url": f"/tasks/{task_id}"}
    ended_at = task["ended_at"].isoformat()
    return json.dumps({"type": "task.ended", "timestamp": ended_at, "data": data}).encode()
