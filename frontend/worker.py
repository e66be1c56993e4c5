"""The Celery worker that reads the items of tasks: celery --app frontend.worker worker

A message names an item; tasks/processing.py has what becomes of it. Here is what Celery adds: processes, time
limits, another try, and a queue that is made anew.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from functools import cache
from typing import Any

from celery import bootsteps, signals
from celery.app.task import Task
from celery.apps import worker as celery_worker
from celery.worker.consumer.tasks import Tasks as ConsumerTasks
from celery.worker.control import control_command
from celery.worker.request import Request
from celery.worker.state import active_requests

from frontend import logs, metrics, tracing
from frontend.client import release
from frontend.errors import ItemTimeoutError, OCRError, UnavailableError
from frontend.exporter import Exporter
from frontend.recognition.admission import Admission
from frontend.services import SharedServices, follow_serving, make_owners, make_processor, share_services
from frontend.settings import Settings
from frontend.tasks import webhooks
from frontend.tasks.celery_app import (
    DELIVER_WEBHOOK,
    INTERRUPT,
    READ_ITEM,
    RETRIES,
    RETRY_SECONDS,
    make_celery,
    visibility_timeout,
)
from frontend.tasks.heartbeat import BEAT_SECONDS
from frontend.tasks.items import task_of

log = logging.getLogger(__name__)

_WAITING = 0.5
"""The part of an item's time in which the recognizer is waited for; then it is asked again later."""

settings = Settings.from_env(os.environ)
logs.take_over(settings.log_level)  # before Celery warns of anything
app = make_celery(settings)


@cache
def services() -> SharedServices:
    """Those of this process, which reads one image at a time."""
    admission = Admission(1, settings.max_image_bytes, max_pages=1, wait_seconds=0)
    serving = follow_serving(settings, _WAITING * settings.task_timeout_seconds, connections=1)
    return share_services(settings, serving, admission, app)


class _Request(Request):  # type: ignore[misc]  # Celery comes without types
    """Celery's view, in the parent, of an item under way."""

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """The hard limit: the process did not hear the soft one and was killed."""
        if not soft:
            _fail(self.args[0], ItemTimeoutError())
        super().on_timeout(soft, timeout)


class _ItemTask(Task):  # type: ignore[misc]
    Request = _Request

    def on_failure(self, exc: Exception, _task_id: str, args: Any, _kwargs: Any, _einfo: Any) -> None:
        """An unforeseen error, or a part that stayed away through all retries."""
        _fail(args[0], exc if isinstance(exc, OCRError) else OCRError())


def _fail(item_id: str, error: OCRError) -> None:
    try:
        make_processor(services()).fail(item_id, error)
        services().queue.notify(task_of(item_id))
    except OCRError:
        log.warning("item %s could not be ended; it will be read again", item_id)


@app.task(
    name=READ_ITEM,
    base=_ItemTask,
    autoretry_for=(UnavailableError,),
    default_retry_delay=RETRY_SECONDS,
    max_retries=RETRIES,
)
def read_item(item_id: str) -> None:
    """One image or page."""
    make_processor(services()).process(item_id)
    with suppress(OCRError):  # Renewal sends what is forgotten now
        services().queue.notify(task_of(item_id))


@app.task(
    name=DELIVER_WEBHOOK,
    soft_time_limit=3 * webhooks.SECONDS,
    time_limit=4 * webhooks.SECONDS,
    autoretry_for=(UnavailableError,),
    default_retry_delay=RETRY_SECONDS,
    max_retries=RETRIES,
)
def deliver_webhook(task_id: str) -> None:
    """Tell who asked for it that a task has ended. What is to wait for long, Renewal sends again."""
    wait = services().webhooks.deliver(task_id)
    if wait is not None and wait < visibility_timeout(settings):
        deliver_webhook.apply_async((task_id,), countdown=wait)


@control_command(name=INTERRUPT, args=[("item_ids", list)])
def interrupt(_state: Any, item_ids: list[str]) -> None:
    """Have these items stop, as at the soft time limit. Celery's own way would take the process for ended."""
    for request in list(active_requests):
        if request.id in item_ids and request.worker_pid:
            with suppress(ProcessLookupError):
                os.kill(request.worker_pid, signal.SIGUSR1)


class Renewal(bootsteps.StartStopStep):  # type: ignore[misc]
    """Makes the queue anew from what MongoDB has: at each connection to the broker, and now and then."""

    requires = (ConsumerTasks,)

    def start(self, consumer: Any) -> None:
        seconds = visibility_timeout(settings)
        self._timer = consumer.timer.call_repeatedly(seconds, self._renew, (seconds,))
        self._renew(spared_seconds=0)  # what was running has lost its place in the queue

    def stop(self, _consumer: Any) -> None:
        self._timer.cancel()

    @staticmethod
    def _renew(spared_seconds: float) -> None:
        try:
            services().queue.renew(spared_seconds)
        except OCRError:
            log.warning("the list of unread items is not available now")


app.steps["consumer"].add(Renewal)


class SignOfLife(bootsteps.StartStopStep):  # type: ignore[misc]
    """Tells the front end every few seconds that this worker takes what is in the queue."""

    requires = (ConsumerTasks,)

    def start(self, consumer: Any) -> None:
        self._timer = consumer.timer.call_repeatedly(BEAT_SECONDS, self._beat)
        self._beat()

    def stop(self, _consumer: Any) -> None:
        self._timer.cancel()

    @staticmethod
    def _beat() -> None:
        with suppress(OCRError):  # Redis is away: the connection to the broker is made anew
            services().heartbeat.beat()


app.steps["consumer"].add(SignOfLife)


@cache
def exporter() -> Exporter:
    """Of this process and those forked from it."""
    return Exporter(None if settings.metrics_public else make_owners(settings, services().mongo))


@signals.worker_init.connect
def begin_metrics(**_facts: Any) -> None:
    """Before the first process is forked: nothing of a former run is counted."""
    metrics.begin()
    if settings.worker_metrics_port:
        exporter().start(settings.host, settings.worker_metrics_port)


@signals.worker_process_init.connect
def begin(**_facts: Any) -> None:
    """A new process shares no connection with the one that made it."""
    services.cache_clear()
    exporter().leave()
    tracing.start("worker", release.version())


@signals.setup_logging.connect
def configure_logging(**_facts: Any) -> None:
    """Ours, done above: Celery leaves its own alone where something listens to this signal."""
    celery_worker.safe_say = _say


def _say(message: str, *_file: object) -> None:
    """Write Celery's last words; past all loggers, for a signal may have come while one was in use."""
    line = logging.makeLogRecord({"name": "celery", "levelname": "INFO", "msg": message.strip()})
    os.write(2, f"{logs.JsonFormatter().format(line)}\n".encode())
