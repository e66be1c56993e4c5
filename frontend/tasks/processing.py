"""Processes the items of tasks: each is read, replaced by the images or pages in it, or fails.

Reading is what HTTP does: the same Recognizer. It may happen twice; its end counts once, in the task and in
the history.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any

from celery.exceptions import SoftTimeLimitExceeded

from frontend import logs, metrics
from frontend.client.file_types import ZIP
from frontend.errors import (
    HistoryDownError,
    ImageTooLargeError,
    ItemTimeoutError,
    OCRError,
    RecognizerDownError,
    RecognizerFailedError,
    UnavailableError,
)
from frontend.extraction.extract import to_answer
from frontend.files import archives
from frontend.files.names import file_name
from frontend.recognition.answers import Options
from frontend.recognition.entry import STORED_CHARACTERS, Entry
from frontend.recognition.recognizer import Recognizer
from frontend.tasks.items import MAX_ATTEMPTS, Item, Items, Part

log = logging.getLogger(__name__)

_CHARS_WARNING = "There are too many characters to keep a box for each; lines and words are complete."


@dataclass(frozen=True)
class ItemLimits:
    """The limits of one item."""

    seconds: float
    image_bytes: int
    zip_bytes: int
    """Of all that a ZIP unpacks to."""


class Processor:
    """Processes items in one process."""

    def __init__(
        self,
        items: Items,
        recognizer: Recognizer,
        publish: Callable[[Iterable[str]], None],
        limits: ItemLimits,
    ) -> None:
        """`publish` puts items into the queue by their ids."""
        self._items = items
        self._recognizer = recognizer
        self._publish = publish
        self._limits = limits

    def process(self, item_id: str) -> None:
        """Read an item, or put what it holds in its place. Raises UnavailableError: try again later."""
        started = time.monotonic()
        try:
            if item := self._items.start(item_id):
                self._process(item)
        except SoftTimeLimitExceeded:
            if time.monotonic() - started < self._limits.seconds / 2:
                return self.process(item_id)  # a cancelled task's signal: if it is not this one, it goes on
            limit = f"Reading it took over {self._limits.seconds:g} s, the time limit. "
            self.fail(item_id, ItemTimeoutError(limit + ItemTimeoutError.advice))
        except UnavailableError as error:
            if not (isinstance(error, RecognizerDownError) and error.has_died):
                self._items.defer(item_id)  # else the image may be the reason: this attempt counts
            raise
        except OCRError as error:
            self.fail(item_id, error)
        return None

    def fail(self, item_id: str, error: OCRError) -> None:
        """Keep why an item was not read."""
        self._items.fail(item_id, error)
        metrics.ITEMS.labels(error.code).inc()
        log.warning("item failed", extra={"facts": {"item": item_id, "problem": error.code}})

    def _process(self, item: Item) -> None:
        logs.request_id.set(item.request_id)
        if item.attempts > MAX_ATTEMPTS:
            raise RecognizerFailedError(f"The process that read it died {MAX_ATTEMPTS} times. Leave it out.")
        content = self._items.read(item, partial(self._content, item))
        if isinstance(content, bytes):
            content = _parts(item, content) or content
        if isinstance(content, bytes):
            self._items.succeed(item.id, self._recognize(item, content))
            metrics.ITEMS.labels("success").inc()
        else:
            self._items.expand(item, content, self._publish)

    def _recognize(self, item: Item, image: bytes) -> dict[str, Any]:
        given = {n: item.options[n] for n in Options.__dataclass_fields__ if n in item.options}
        if item.page is not None:
            given["pages"] = str(item.page)
        entry = _entry(item)
        recognition = self._recognizer.recognize(
            image, item.owner, item.request_id, item.options["model"], Options(**given), entry=entry
        )
        if entry and recognition.history_id is None:
            raise HistoryDownError
        facts = {"owner": item.owner, "item": item.id, **recognition.facts(len(image))}
        log.info("read", extra={"facts": facts})
        detail = item.options["detail"]
        if detail == "chars" and len(recognition.text) > STORED_CHARACTERS:
            detail = "words"
            recognition = replace(recognition, warnings=[*recognition.warnings, _CHARS_WARNING])
        return to_answer(recognition, detail)

    def _content(self, item: Item, file: IO[bytes]) -> bytes | list[Part]:
        """The image or document that an item stands for, or what is in its ZIP."""
        if item.entry is not None:
            return archives.read_entry(file, item.entry)
        head = file.read(4)
        if ZIP.matches(head):
            entries = archives.list_entries(file, self._limits.image_bytes, self._limits.zip_bytes)
            return [Part(f"{item.name}/{name}", number, error=error) for number, name, error in entries]
        image = head + file.read(self._limits.image_bytes)
        if len(image) > self._limits.image_bytes:
            raise ImageTooLargeError(
                f"It is over {self._limits.image_bytes / 1024**2:g} MB. Send a smaller image."
            )
        return image


def _entry(item: Item) -> Entry | None:
    """How the history is to have an item: the pages of a document are one record. None: not at all."""
    if not item.options.get("history", True):
        return None
    document, _, part = item.id.rpartition(":")
    is_page = item.page is not None
    return Entry(
        name=file_name(item.name),
        once=item.id,
        document=document if is_page else None,
        pages=item.options["pages"],
        has_thumbnail=not is_page or int(part) == 0,
    )


def _parts(item: Item, data: bytes) -> list[Part]:
    """The pages of a document that has several; none if `data` is to be read as it is."""
    count = archives.count_pages(data) if item.page is None else None
    if count is None:
        return []
    pages = archives.choose_pages(item.options["pages"], count)
    return [Part(item.name, item.entry, page) for page in pages] if len(pages) > 1 else []
