"""Celery's queue on Redis, and the use case of putting work there. With worker.py, who knows Celery."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from frontend.errors import TasksDownError
from frontend.mongo import Document
from frontend.settings import Settings
from frontend.tasks.items import File
from frontend.tasks.tasks import Tasks
from frontend.tasks.webhooks import Webhooks

log = logging.getLogger(__name__)

READ_ITEM, DELIVER_WEBHOOK, INTERRUPT = "ocr.read_item", "ocr.deliver_webhook", "ocr.interrupt"
QUEUE = "ocr:items"
GRACE_SECONDS = 5.0
"""From the limit at which an item is told to end to the one at which its process is killed, and from there
to the moment when the broker hands it to somebody else."""
RETRIES, RETRY_SECONDS = 60, 5
"""How often, and how soon, an item is tried again that could not be read because a part was down."""
_REDIS: Mapping[str, Any] = {
    "socket_connect_timeout": 1.0,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 10,
}


def make_celery(settings: Settings) -> Celery:
    """Late acknowledgement, one message at a time, no results: those are in MongoDB."""
    app = Celery("ocr", broker=settings.redis_url, set_as_current=False)
    limit = settings.task_timeout_seconds
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_soft_time_limit=limit,
        task_time_limit=limit + GRACE_SECONDS,
        worker_prefetch_multiplier=1,
        worker_concurrency=settings.task_workers,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={**_REDIS, "visibility_timeout": visibility_timeout(settings)},
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1},
    )
    return app


def visibility_timeout(settings: Settings) -> float:
    """Seconds after which whoever took an item from the queue, and has not ended it, is dead."""
    return settings.task_timeout_seconds + 2 * GRACE_SECONDS


class TaskQueue:
    """Work that was accepted and is not done."""

    def __init__(self, tasks: Tasks, webhooks: Webhooks, celery: Celery) -> None:
        self._tasks = tasks
        self._webhooks = webhooks
        self._celery = celery

    def accept(
        self,
        owner: str,
        request_id: str,
        options: Mapping[str, Any],
        files: Iterable[File],
        once: str | None = None,
        webhook: Document | None = None,
    ) -> str:
        """Keep `files` and have them read; returns the task's id, the same one for the same `once`.

        `webhook` is what Webhooks.new() made. Raises TasksDownError and keeps nothing.
        """
        task_id, item_ids = self._tasks.create(owner, request_id, options, files, once, webhook)
        try:
            self.publish(item_ids)
        except TasksDownError:
            self._tasks.drop(task_id)
            raise
        return task_id

    def cancel(self, owner: str, task_id: str) -> None:
        """End a task; what is being read is interrupted, if the broker can be reached."""
        running = self._tasks.cancel(owner, task_id)
        with suppress(OperationalError), self._celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=1)
            self._celery.control.broadcast(INTERRUPT, arguments={"item_ids": running}, connection=connection)
        with suppress(TasksDownError):
            self.notify(task_id)

    def publish(self, item_ids: Iterable[str]) -> None:
        """Have items read. Raises TasksDownError."""
        self._send(READ_ITEM, item_ids)

    def notify(self, task_id: str | None = None) -> None:
        """Have webhooks called that are due: of this task, or of all. Raises TasksDownError."""
        if due := self._webhooks.due(task_id):
            self._send(DELIVER_WEBHOOK, due)

    def _send(self, name: str, ids: Iterable[str]) -> None:
        try:
            with self._celery.producer_pool.acquire(block=True) as producer:
                for each in ids:
                    self._celery.send_task(name, (each,), task_id=each, producer=producer)
        except OperationalError as error:
            log.warning("the broker is down: %s", type(error.__cause__).__name__)
            raise TasksDownError from error

    def renew(self, spared_seconds: float) -> None:
        """Put into the queue what is to be read and nothing else; not what has run for less than that."""
        with self._celery.connection_for_write() as connection:
            connection.default_channel.queue_purge(QUEUE)
        self.publish(self._tasks.resume(datetime.now(UTC) - timedelta(seconds=spared_seconds)))
        self.notify()

    def close(self) -> None:
        """Give back the connections."""
        self._celery.close()
