"""The Celery worker that reads the items of tasks: celery --app frontend.worker worker

What it does for one image is what HTTP does: the same Recognizer. An item may be done twice, its end counts
once: in its task, and in the history.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import IO, Any

from celery import bootsteps, signals
from celery.app.task import Task
from celery.exceptions import SoftTimeLimitExceeded
from celery.worker.consumer.tasks import Tasks as ConsumerTasks
from celery.worker.control import control_command
from celery.worker.request import Request
from celery.worker.state import active_requests

from frontend import archives, logs
from frontend.backlog import INTERRUPT, READ_ITEM, Backlog, make_celery, visibility_timeout
from frontend.cache import Cache
from frontend.errors import (
    HistoryDownError,
    ImageTooLargeError,
    ItemTimeoutError,
    OCRError,
    RecognizerFailedError,
    UnavailableError,
)
from frontend.gate import Gate
from frontend.history import History
from frontend.mongo import Mongo
from frontend.recognizer import STORED_CHARACTERS, Options, Recognizer, as_answer
from frontend.settings import Settings
from frontend.tasks import MAX_ATTEMPTS, Item, Part, Tasks
from frontend.torchserve import TorchServe

log = logging.getLogger(__name__)

_RETRIES, _RETRY_SECONDS = 60, 5
"""How often, and how soon, an item is tried again that could not be read because a part was away."""
_CHARS_WARNING = "There are too many characters to keep the box of each; their lines are there."

settings = Settings.from_env(os.environ)
app = make_celery(settings)


class Reader:
    """What one process needs to read items."""

    def __init__(self) -> None:
        self.tasks = Tasks(Mongo(settings.mongo_url))
        self.backlog = Backlog(self.tasks, app)
        torchserve = TorchServe(
            settings.torchserve_url,
            settings.torchserve_management_url,
            settings.torchserve_timeout_seconds,
            connections=1,
        )
        self._recognizer = Recognizer(
            torchserve,
            Cache(settings.redis_url, settings.cache_ttl_seconds),
            History(settings.mongo_url, settings.history_days),
            Gate(1, settings.max_image_bytes, max_pages=1, wait_seconds=0),
            settings.default_model,
        )

    def process(self, item_id: str) -> None:
        """Read an item, or put what it holds in its place. Raises UnavailableError: try again later."""
        started = time.monotonic()
        try:
            if item := self.tasks.start(item_id):
                self._process(item)
        except SoftTimeLimitExceeded:
            if time.monotonic() - started < settings.task_timeout_seconds / 2:
                return self.process(item_id)  # a cancelled task's signal: if it is not this one, it goes on
            limit = f"Reading it took over {settings.task_timeout_seconds:g} s, the time limit. "
            self.tasks.fail(item_id, ItemTimeoutError(limit + ItemTimeoutError.advice))
        except UnavailableError:
            self.tasks.defer(item_id)
            raise
        except OCRError as error:
            self.tasks.fail(item_id, error)
        return None

    def _process(self, item: Item) -> None:
        logs.request_id.set(item.request_id)
        if item.attempts > MAX_ATTEMPTS:
            raise RecognizerFailedError(f"The process that read it died {MAX_ATTEMPTS} times. Leave it out.")
        content = self.tasks.read(item, partial(_content, item))
        if isinstance(content, bytes):
            content = _parts(item, content) or content
        if isinstance(content, bytes):
            self.tasks.succeed(item.id, self._recognize(item, content))
        else:
            self.tasks.expand(item, content, self.backlog.publish)

    def _recognize(self, item: Item, image: bytes) -> dict[str, Any]:
        given = {name: item.options[name] for name in Options.__dataclass_fields__}
        if item.page is not None:
            given["pages"] = str(item.page)
        recognition = self._recognizer.recognize(
            image, item.owner, item.request_id, item.options["model"], Options(**given), once=item.id
        )
        if recognition.history_id is None:
            raise HistoryDownError
        if item.options["detail"] == "chars" and len(recognition.text) > STORED_CHARACTERS:
            recognition = replace(recognition, warnings=[_CHARS_WARNING])
        with_chars = item.options["detail"] == "chars" and not recognition.warnings
        return as_answer(recognition, with_chars=with_chars)


def _content(item: Item, file: IO[bytes]) -> bytes | list[Part]:
    """The image or document that an item stands for, or what is in its ZIP."""
    if item.entry is not None:
        return archives.read_entry(file, item.entry)
    head = file.read(4)
    if archives.is_zip(head):
        entries = archives.list_entries(file, settings.max_image_bytes, settings.max_batch_bytes)
        return [Part(f"{item.name}/{name}", number, error=error) for number, name, error in entries]
    image = head + file.read(settings.max_image_bytes)
    if len(image) > settings.max_image_bytes:
        raise ImageTooLargeError(f"It is over {settings.max_image_mb:g} MB. Send a smaller image.")
    return image


def _parts(item: Item, data: bytes) -> list[Part]:
    """The pages of a document that has several; none if `data` is to be read as it is."""
    count = archives.count_pages(data) if item.page is None else None
    if count is None:
        return []
    pages = archives.choose_pages(item.options["pages"], count)
    return [Part(item.name, item.entry, page) for page in pages] if len(pages) > 1 else []


reader = cache(Reader)
"""One for each process."""


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
        """What process() did not foresee, or a part that stayed away."""
        _fail(args[0], exc if isinstance(exc, OCRError) else OCRError())


def _fail(item_id: str, error: OCRError) -> None:
    try:
        reader().tasks.fail(item_id, error)
    except OCRError:
        log.warning("item %s could not be ended; it will be read again", item_id)


@app.task(
    name=READ_ITEM,
    base=_ItemTask,
    autoretry_for=(UnavailableError,),
    default_retry_delay=_RETRY_SECONDS,
    max_retries=_RETRIES,
)
def read_item(item_id: str) -> None:
    """One image or page."""
    reader().process(item_id)


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
            reader().backlog.renew(spared_seconds)
        except OCRError:
            log.warning("what is to be read cannot be found out now")


app.steps["consumer"].add(Renewal)


@signals.worker_process_init.connect
def begin(**_facts: Any) -> None:
    """A new process shares no connection with the one that made it."""
    reader.cache_clear()


@signals.setup_logging.connect
def configure_logging(**_facts: Any) -> None:
    """Ours as JSON lines, Celery's only from warnings on."""
    logs.configure(settings.log_level)
