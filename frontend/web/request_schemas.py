"""Schemas of requests, which validate them; response_schemas.py has those of answers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from frontend.files import page_ranges
from frontend.recognition.answers import Detail, FieldsOption
from frontend.recognition.models import ALIASES
from frontend.recognition.text_formats import TextFormat
from frontend.settings import MAX_FILES


def _check_pages(text: str) -> str:
    pages = page_ranges.parse_pages(text)
    if not pages or pages.start < 1:
        raise PydanticCustomError("out_of_order", "Pages count from 1, the lower number first: 2-5.")
    return text


HASH_PATTERN = "^(sha256:)?[0-9a-fA-F]{64}$"
IDS_PATTERN = "^[0-9a-f]{24}(,[0-9a-f]{24}){0,99}$"


_MODEL = (
    "A model that GET /models lists, or one of its aliases: "
    + ", ".join(f"`{old}` is `{new}`" for old, new in ALIASES.items())
    + "."
)


_Word = Annotated[str, Field(min_length=1, max_length=100)]


def _one_a_line(words: Any) -> Any:
    return (
        [word for line in words.splitlines() if (word := line.strip())] if isinstance(words, str) else words
    )


_Words = Annotated[
    Annotated[list[_Word], Field(fail_fast=True)],  # of millions, the first one that is wrong is enough
    BeforeValidator(_one_a_line),
    Field(min_length=1, max_length=5000),
]


class RecognizeOptions(BaseModel):
    """How to read the image. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        None,
        description="In place of `image`: its address, http or https, on the public internet port 80 or 443.",
        examples=["https://example.com/receipt.png"],
    )
    model: str | None = Field(
        None, max_length=200, description=_MODEL, examples=["auto", "crnn_v3", "crnn_v3_lite"]
    )
    mode: Literal["auto", "line", "page"] = Field(
        "auto",
        description="`line`: the image is one line of text. `page`: its lines are found first. "
        "`auto`: `line` if it looks like one, else `page`.",
    )
    detail: Detail = Field(
        "lines", description="`words` adds the box and confidence of each word, `chars` of each character."
    )
    allowlist: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Only these characters come out, for example 0123456789 (and a space, if given)."
    )
    allowlist_mode: Literal["drop", "force"] = Field(
        "drop",
        description="What becomes of other characters. `drop`: they are left out, unless one of the "
        "`allowlist` is likely there, so nothing is invented. `force`: each becomes the likeliest of the "
        "`allowlist`, for images that surely show no others.",
    )
    pattern: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        None,
        description="A regular expression. Each line also has `match`, its best reading of which all "
        "matches, or null where none does probably; the answer has the surest of them.",
        examples=[r"\d{4}-\d{2}-\d{2}"],
    )
    lexicon: _Words | None = Field(
        None,
        description="Words, in a form or a query one a line. As `pattern`: `match` is one of them, or null.",
    )
    threshold: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="Adds `reviewed_text`, in which characters of less confidence than this are `\ufffd`.",
    )
    pages: Annotated[str, Field(pattern=page_ranges.PATTERN), AfterValidator(_check_pages)] | None = Field(
        None, description="Which pages of a PDF or TIFF: `3`, or `2-5`; at most 10 at once, 100 by a task."
    )
    pdf_text: bool = Field(
        False, description="Take the text that a page of a PDF already has instead of reading its picture."
    )
    text_format: TextFormat = Field(
        "lines",
        description="How `text` is made of the lines. `lines`: rows, their parts with a space between. "
        "`paragraphs`: wrapped lines joined, columns of tables aligned. `markdown`: the same as Markdown. "
        "`tsv`, `csv`: rows of cells. "
        "`code`: as many spaces as the image shows, in front of a row and within it.",
    )
    name: Annotated[str, Field(max_length=1000)] | None = Field(
        None,
        description="The file's name, for the history; by default that of the file part, or the last part of "
        "`url`. Folders are left out.",
        examples=["receipt.png"],
    )
    history: bool = Field(
        True,
        description="`false`: nothing of it is kept in the history, and `history_id` is null. The cache has "
        "the answer for a day, as it has every one.",
    )
    fields: FieldsOption | None = Field(
        None,
        description="Adds `fields`: what a `receipt` or an `invoice` says, as data. `auto`: the one of both "
        "that it looks like.",
    )
    async_: bool | None = Field(
        None,
        alias="async",
        description="`true`: a task reads it; the answer is 202 with the task's address. `false`: the answer "
        "waits for the text. By default only very large images are left to a task.",
    )
    webhook: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        None,
        description="Makes it a task; when it has ended, this address, http or https, gets a signed POST.",
        examples=["https://example.com/ocr-ended"],
    )


_ONE_SOURCE: dict[str, Any] = {"oneOf": [{"required": ["image"]}, {"required": ["url"]}]}


def _nullable(schema: dict[str, Any]) -> None:
    """Say that each field may be null."""
    schema.update(_ONE_SOURCE)
    for field in schema["properties"].values():
        if "anyOf" not in field:
            kind = {name: field.pop(name) for name in ("type", "enum") if name in field}
            field["anyOf"] = [kind, {"type": "null"}]


class RecognizeBody(RecognizeOptions):
    """An image in JSON, or its address. A field that is null, as typed clients send it, has its default."""

    model_config = ConfigDict(json_schema_extra=_nullable)

    image: str | None = Field(None, description="The image file in Base64, with or without a `data:` prefix.")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {name: value for name, value in fields.items() if value is not None or name not in known}


class RecognizeForm(RecognizeOptions):
    """An image in a form, or its address."""

    model_config = ConfigDict(json_schema_extra=_ONE_SOURCE)

    image: Annotated[Any, Field(json_schema_extra={"type": "string", "format": "binary"})] = Field(
        None, description="The image file."
    )


class ImportBody(BaseModel):
    """Where the file is."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=2000,
        description="http or https, on the public internet or in a network that is allowed.",
        examples=["https://example.com/receipt.png"],
    )


class StreamQuery(BaseModel):
    """How to read a video."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(None, max_length=200, description=_MODEL)


class BatchForm(RecognizeOptions):
    """Images in a form; how to read them holds for all."""

    image: Annotated[
        list[Any],
        Field(json_schema_extra={"items": {"type": "string", "format": "binary"}, "maxItems": MAX_FILES}),
    ] = Field(description="Image files, PDF files and ZIP files of images; the part may be repeated.")


def _fold_hash(text: str) -> str:
    return f"sha256:{text.removeprefix('sha256:').lower()}"


def _searchable(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("empty", "must contain more than white space.")
    if any(unicodedata.category(char) == "Cc" and not char.isspace() for char in text):
        raise PydanticCustomError("control_character", "must not contain control characters.")
    return text


def _as_sent(text: object) -> object:
    """An unescaped + in a query string arrives as a space: after a date, 12:00 08:00 means 12:00+08:00.

    Pydantic would take a bare number for seconds or milliseconds, depending on its size.
    """
    if isinstance(text, str) and re.fullmatch(r"\s*[-+.\d]+\s*", text) and not re.match(r"\d{4}-\d", text):
        raise PydanticCustomError("datetime_number", "is not a date.")
    return re.sub(r"(\d[Tt ].*) (\d\d:?\d\d)$", r"\1+\2", text) if isinstance(text, str) else text


def _to_utc(time: datetime) -> datetime:
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("out_of_range", "is too far away.") from None


ImageHash = Annotated[str, Field(pattern=HASH_PATTERN), AfterValidator(_fold_hash)]
Time = Annotated[datetime, BeforeValidator(_as_sent), AfterValidator(_to_utc)]


class HistoryConditions(BaseModel):
    """Which records; all conditions given must hold."""

    model_config = ConfigDict(extra="forbid")

    image_hash: ImageHash | None = Field(None, description="SHA-256 of the image file.")
    q: Annotated[str, Field(max_length=200), AfterValidator(_searchable)] | None = Field(
        None, description="Text that the record contains; case and white space do not matter."
    )
    since: Time | None = Field(None, description="Not older than this; ISO 8601, UTC unless it names a zone.")
    until: Time | None = Field(None, description="Older than this; ISO 8601, UTC unless it names a zone.")
    model: str | None = Field(None, min_length=1, max_length=200, description="The model that read it.")
    ids: Annotated[str, Field(pattern=IDS_PATTERN)] | None = Field(
        None, description="These records: up to 100 ids, separated by commas."
    )


class HistoryQuery(HistoryConditions):
    """One page of the records."""

    limit: int = Field(20, ge=1, le=100, description="Records a page.")
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")


class ExportQuery(HistoryConditions):
    """The records in one file."""

    format: Literal["jsonl", "csv", "fields.csv", "fields.xlsx"] = Field(
        "jsonl",
        description="`jsonl`: a JSON object a line, with all lines and characters. `csv`: without them. "
        "`fields.csv`, `fields.xlsx`: a row for each record whose `fields` were asked for.",
    )


def _say_which(wants_all: bool, others: ValidationInfo) -> bool:
    """Nothing is deleted by leaving something out."""
    named = any(value is not None for value in others.data.values())
    if wants_all and named:
        raise PydanticCustomError("contradiction", "Give either `all=true` or conditions, not both.")
    if not (wants_all or named):
        raise PydanticCustomError(
            "no_condition", "Say which records: `ids`, another condition, or `all=true` for every one."
        )
    return wants_all


class DeletionQuery(HistoryConditions):
    """The records to forget: at least one condition, or `all=true` alone."""

    until: Time | None = Field(
        None,
        description="Older than this; ISO 8601, UTC unless it names a zone.",
        json_schema_extra={"example": "2000-01-01T00:00:00Z"},
    )
    all: Annotated[bool, AfterValidator(_say_which)] = Field(
        False, validate_default=True, description="`true` deletes all your records."
    )


class TasksQuery(BaseModel):
    """Which of your tasks."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(20, ge=1, le=100, description="Tasks a page.")
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")


class ItemsQuery(BaseModel):
    """Which items of the task."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(200, ge=1, le=200, description="Items a page.")
    cursor: str | None = Field(
        None, max_length=200, description="`next_cursor` of the page before, or `item` of any item."
    )


class TaskPath(BaseModel):
    task_id: str = Field(description="The `task_id` of an answer 202.")


class RecordPath(BaseModel):
    record_id: str = Field(description="The record's `id`, or the `history_id` of an answer.")


def _check_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise PydanticCustomError(
            "no_line", "Give one line of text, without control characters or spaces around."
        )
    return text


LineText = Annotated[str, Field(max_length=2000), AfterValidator(_check_line)]


class LineCorrection(BaseModel):
    """What a line really says."""

    model_config = ConfigDict(extra="forbid")

    index: int = Field(ge=0, strict=True, description="Its place in the record's `lines`, from 0 on.")
    page: int | None = Field(
        None, ge=1, description="Of a document: `index` is the place in the `lines` of this page."
    )
    text: LineText = Field(
        description="Nothing, if there is no such line; what was read, to take a correction back.",
    )


def _each_once(lines: list[LineCorrection]) -> list[LineCorrection]:
    counts = Counter((line.page, line.index) for line in lines)
    if twice := [index for (_, index), count in counts.items() if count > 1]:
        raise PydanticCustomError(
            "twice", "Name each line once: {index} is there twice.", {"index": twice[0]}
        )
    return lines


class CorrectionsBody(BaseModel):
    """Lines to correct, each once."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[list[LineCorrection], AfterValidator(_each_once)] = Field(
        min_length=1, max_length=10_000
    )


class QueueQuery(BaseModel):
    """How many lines."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(20, ge=1, le=100, description="Lines at most.")


class LinePath(BaseModel):
    line_id: str = Field(description="The line's `id`.")


class ReviewBody(BaseModel):
    """What the line says."""

    model_config = ConfigDict(extra="forbid")

    text: LineText = Field(
        description="What was read, if that is right; another text corrects it; nothing: there is no line."
    )
