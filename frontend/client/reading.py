"""Reads images with a service that is running: at once, by tasks, many of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any

from .inputs import named
from .session import Session, UnreadImageError

Source = str | PathLike[str] | bytes
"""A file by its name, an http or https address that the service fetches, or the bytes of a file."""


@dataclass(frozen=True)
class Reading:
    """What was read; `answer` is the whole answer of POST /recognize, as docs/api.md describes it."""

    answer: dict[str, Any]
    name: str = ""
    """In a task: of the file in a ZIP."""

    @property
    def text(self) -> str:
        """In the shape of `text_format`."""
        return str(self.answer["text"])

    @property
    def confidence(self) -> float | None:
        """Of the least certain line; None without text."""
        confidence: float | None = self.answer["confidence"]
        return confidence

    @property
    def lines(self) -> list[dict[str, Any]]:
        """With their text, confidence and place, in reading order."""
        return list(self.answer["lines"])

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """Headings, paragraphs, lists and tables."""
        return list(self.answer["blocks"])


class Task:
    """Images that the service reads meanwhile."""

    def __init__(self, session: Session, path: str) -> None:
        self._session = session
        self.path = path

    def results(self) -> Iterator[Reading]:
        """What was read of each image and page, once all have ended.

        Raises UnreadImageError at the first that could not be read; see `items` for the others.
        """
        for item in self.items():
            if "result" not in item:
                raise UnreadImageError(item["error"]["detail"] if "error" in item else item["state"])
            yield Reading(item["result"], item["name"])

    def items(self) -> Iterator[dict[str, Any]]:
        """Each image and page with its `result` or `error`, as GET /tasks/{id} has it, at the end."""
        return self._session.results(self.path)


class Client:
    """The service at `url`; `key` is an API key, where it asks for one.

    Options of its methods are those of POST /recognize, by their names.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", key: str | None = None) -> None:
        self._session = Session(url, key)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connection."""
        self._session.close()

    def read(self, source: Source, **options: object) -> Reading:
        """Read an image or a short document, and wait for it.

        Raises:
            UnreadImageError: the service refuses the image or the options, or does not get it read.
            UnreachableError: nobody answers.
            OSError: the file cannot be read.
        """
        chosen = _query(options)
        if _is_address(source):
            return Reading(self._session.recognize_url(str(source), chosen))
        return Reading(self._session.recognize(_content(source), _named(source, chosen)))

    def read_later(self, source: Source, **options: object) -> Task:
        """Leave an image, a ZIP or a document to a task. Raises as `read` does."""
        chosen = _query(options)
        if _is_address(source):
            return Task(self._session, self._session.submit_url(str(source), chosen))
        return Task(self._session, self._session.submit(_content(source), _named(source, chosen)))

    def read_all(self, sources: Iterable[Source], **options: object) -> Iterator[Reading]:
        """Read many by tasks, so that the service reads several at once; in their order. Raises as `read`."""
        tasks = [self.read_later(source, **options) for source in sources]
        for task in tasks:
            yield from task.results()


def _is_address(source: Source) -> bool:
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def _content(source: Source) -> bytes:
    return source if isinstance(source, bytes) else Path(source).read_bytes()


def _named(source: Source, chosen: dict[str, str]) -> dict[str, str]:
    return chosen if isinstance(source, bytes) else named(source, chosen)


def _query(options: dict[str, object]) -> dict[str, str]:
    """As the query string has them; None is as if it were not given."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in options.items()
        if value is not None
    }
