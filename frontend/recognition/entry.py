"""What the history is to keep of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

STORED_CHARACTERS = 20_000  # of a record's lines, each with its box: MongoDB's documents end at 16 MB
_STORED = (
    "image_hash", "text", "confidence", "mean_confidence", "bbox", "angle", "lines", "width", "height",
    "model", "model_version",
)  # fmt: skip
_STORED_IF_ANY = ("warnings", "mrz", "match")
STORED_OF_PAGES = ("page", "text", "confidence", "mean_confidence", "bbox", "angle", "width", "height")


@dataclass(frozen=True)
class Entry:
    """How the history is to have an answer."""

    name: str | None = None
    """Of the file."""
    once: str | None = None
    """The occasion: however often something is read on the same one, it is one record."""
    document: str | None = None
    """The occasion of a document whose pages are read one by one; this is one of them."""
    pages: str | None = None
    """Which pages of that document were asked for."""
    has_thumbnail: bool = True


class Stored(NamedTuple):
    """What became of a record."""

    record_id: str
    is_late: bool = False
    """It is kept, and will be in the history when that is available."""


class RecordStore(Protocol):
    """The part of the history that the recognizer needs."""

    def remember(self, owner: str, record: Mapping[str, Any], entry: Entry) -> Stored: ...

    def has(self, owner: str, record_id: str) -> bool: ...


class ImageStore(Protocol):
    """A place to keep images."""

    def add(self, record_id: str, image: bytes) -> None: ...

    def delete(self, record_ids: list[str]) -> None: ...


class LineStore(Protocol):
    """A place to keep crops of lines."""

    def keep(self, owner: str, record_id: str, answer: Any, image: bytes) -> None: ...

    def delete(self, record_ids: list[str]) -> None: ...


def as_record(answer: Any) -> dict[str, Any]:
    """What a record has of an answer: a Recognition."""
    record = {name: getattr(answer, name) for name in _STORED}
    record |= {name: told for name in _STORED_IF_ANY if (told := getattr(answer, name))}
    if len(answer.text) > STORED_CHARACTERS:
        record["lines"] = without_characters(record["lines"])
    if answer.pages:
        record["pages"] = [{name: page[name] for name in STORED_OF_PAGES} for page in answer.pages]
    return record


def without_characters(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in line.items() if name != "chars"} for line in lines]
