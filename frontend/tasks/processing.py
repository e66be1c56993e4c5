"""What becomes of an item of a task: read, replaced by what it holds, or failed.

Reading is what HTTP does: the same Recognizer. It may happen twice; its end counts once, in the task and in
the history.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import IO, Any

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

from frontend import logs
from frontend.errors import (
    HistoryDownError,
    ImageTooLargeError,
    ItemTimeoutError,
    OCRError,
    RecognizerFailedError,
    UnavailableError,
)
from frontend.files import archives
from frontend.history.images import Images
from frontend.history.records import History
from frontend.mongo import Mongo
from frontend.recognition.admission import Gate
from frontend.recognition.cache import Cache
from frontend.recognition.recognizer import STORED_CHARACTERS, Options, Recognizer, as_answer
from frontend.recognition.torchserve import TorchServe
from frontend.settings import Settings
from frontend.tasks.items import MAX_ATTEMPTS, Item, Items, Part
from frontend.tasks.queue import Backlog
from frontend.tasks.tasks import Tasks

_CHARS_WARNING = "There are too many characters to keep the box of each; their lines are there."


class Reader:
    """What one process needs to read items."""

    def __init__(self, settings: Settings, celery: Celery) -> None:
        self._settings = settings
        mongo = Mongo(settings.mongo_url)
        self.items = Items(mongo)
        self.backlog = Backlog(Tasks(self.items), celery)
        torchserve = TorchServe(
            settings.torchserve_url,
            settings.torchserve_management_url,
            settings.torchserve_timeout_seconds,
            connections=1,
        )
        self._recognizer = Recognizer(
            torchserve,
            Cache(settings.redis_url, settings.cache_ttl_seconds),
            History(mongo, settings.history_days),
            Gate(1, settings.max_image_bytes, max_pages=1, wait_seconds=0, share=1.0),
            settings.default_model,
            Images(mongo, settings.history_days) if settings.history_images else None,
        )

    def process(self, item_id: str) -> None:
        """Read an item, or put what it holds in its place. Raises UnavailableError: try again later."""
        started = time.monotonic()
        try:
            if item := self.items.start(item_id):
                self._process(item)
        except SoftTimeLimitExceeded:
            if time.monotonic() - started < self._settings.task_timeout_seconds / 2:
                return self.process(item_id)  # a cancelled task's signal: if it is not this one, it goes on
            limit = f"Reading it took over {self._settings.task_timeout_seconds:g} s, the time limit. "
            self.items.fail(item_id, ItemTimeoutError(limit + ItemTimeoutError.advice))
        except UnavailableError:
            self.items.defer(item_id)
            raise
        except OCRError as error:
            self.items.fail(item_id, error)
        return None

    def _process(self, item: Item) -> None:
        logs.request_id.set(item.request_id)
        if item.attempts > MAX_ATTEMPTS:
            raise RecognizerFailedError(f"The process that read it died {MAX_ATTEMPTS} times. Leave it out.")
        content = self.items.read(item, partial(self._content, item))
        if isinstance(content, bytes):
            content = _parts(item, content) or content
        if isinstance(content, bytes):
            self.items.succeed(item.id, self._recognize(item, content))
        else:
            self.items.expand(item, content, self.backlog.publish)

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

    def _content(self, item: Item, file: IO[bytes]) -> bytes | list[Part]:
        """The image or document that an item stands for, or what is in its ZIP."""
        if item.entry is not None:
            return archives.read_entry(file, item.entry)
        head = file.read(4)
        if archives.is_zip(head):
            entries = archives.list_entries(
                file, self._settings.max_image_bytes, self._settings.max_batch_bytes
            )
            return [Part(f"{item.name}/{name}", number, error=error) for number, name, error in entries]
        image = head + file.read(self._settings.max_image_bytes)
        if len(image) > self._settings.max_image_bytes:
            raise ImageTooLargeError(f"It is over {self._settings.max_image_mb:g} MB. Send a smaller image.")
        return image


def _parts(item: Item, data: bytes) -> list[Part]:
    """The pages of a document that has several; none if `data` is to be read as it is."""
    count = archives.count_pages(data) if item.page is None else None
    if count is None:
        return []
    pages = archives.choose_pages(item.options["pages"], count)
    return [Part(item.name, item.entry, page) for page in pages] if len(pages) > 1 else []
