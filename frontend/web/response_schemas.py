"""Schemas of answers, for the OpenAPI document; request_schemas.py has those of requests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from frontend.files.pdfium import RESOLUTION


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


TaskState = Literal["pending", "running", "success", "failure", "cancelled"]
Box = Annotated[
    list[tuple[float, float]],
    Field(
        min_length=2,
        max_length=2,
        description="Top left, bottom right: [x, y] in pixels of the image as sent.",
    ),
]


class CharacterAnswer(_Answer):
    char: str
    confidence: float = Field(ge=0, le=1)
    bbox: Box


class LineAnswer(_Answer):
    text: str
    confidence: float = Field(ge=0, le=1, description="Probability that the whole line is exactly right.")
    bbox: Box
    polygon: list[tuple[float, float]] = Field(
        description="Four corners in pixels of the image as sent, clockwise from the top left of the text."
    )
    angle: int = Field(description="Degrees clockwise by which the line was turned to be read.")
    row: int = Field(description="Lines side by side share a number; `text` joins them by a space.")
    page: int | None = Field(
        None, description="Its page, from 1 on; only for a PDF or TIFF of several pages."
    )
    model: str | None = Field(
        None, description="The network that read it; absent in older records, and for text that a PDF had."
    )
    reviewed_text: str | None = Field(None, description="Only with `threshold`.")
    chars: list[CharacterAnswer] | None = Field(None, description="Only with `detail=chars`.")


class ZoneAnswer(_Answer):
    """A machine-readable zone of a passport, a card or a visa (ICAO 9303)."""

    format: Literal["TD1", "TD2", "TD3", "MRV-A", "MRV-B"]
    lines: list[str]
    check_digits: dict[str, bool] = Field(
        description="Whether those of `number`, `birth`, `expiry`, `personal`, `composite` are right."
    )
    page: int | None = Field(None, description="Its page, from 1 on; only for a document.")


class AcceptedAnswer(_Answer):
    """A task will read it. `Location` has the address of `status_url`, too."""

    task_id: str
    status_url: str = Field(description="Ask here for the state and the results: GET, or DELETE to cancel.")


class _Text(_Answer):
    text: str = Field(description="The rows in reading order, joined by line feeds.")
    confidence: float | None = Field(description="That of the least certain line; null without text.")
    width: int
    height: int


class _Recognized(_Text):
    model: str = Field(description="By its own name; `auto` chooses for each line which network reads it.")
    model_version: str
    image_hash: str = Field(description="`sha256:` and the hex digest of the image file.")


class PageAnswer(_Text):
    """A page of a document; sizes and boxes are in pixels of the page as the recognizer draws it."""

    model_config = ConfigDict(
        json_schema_extra={
            "description": "A page of a document; sizes and boxes are in pixels of the page at "
            f"{RESOLUTION} dots per inch."
        }
    )

    page: int = Field(description="Its number in the document, from 1 on.")
    angle: int = Field(description="Degrees clockwise by which the page was turned upright.")
    bbox: Box | None
    reviewed_text: str | None = Field(None, description="Only with `threshold`.")
    lines: list[LineAnswer]


class RecognizeAnswer(_Recognized):
    """The text that was read. Of a document, size and angle are those of its first page."""

    bbox: Box | None = Field(description="The box around all lines; null without text, and for a document.")
    angle: int = Field(description="Degrees clockwise by which the image was turned upright.")
    lines: list[LineAnswer]
    pages: list[PageAnswer] | None = Field(None, description="Only for a PDF or a TIFF of several pages.")
    reviewed_text: str | None = Field(None, description="Only with `threshold`.")
    cached: bool
    history_id: str | None = Field(description="Null when the history was not available.")
    elapsed_ms: float
    warnings: list[str] = Field(
        [],
        description="Only present if something failed or was not searched closely: of a "
        "document, a sentence with its page.",
    )
    mrz: list[ZoneAnswer] = Field([], description="Machine-readable zones; absent if there are none.")


class RecordSummary(_Recognized):
    """A record of the history."""

    id: str
    timestamp: datetime
    expires_at: datetime | None = Field(None, description="When the record is deleted; absent if never.")
    has_image: bool | None = Field(None, description="Whether its image was kept; absent in exports.")


class RecordAnswer(RecordSummary):
    """A record with all that was read, as RecognizeAnswer has it; older records lack `angle` and `pages`."""

    bbox: Box | None = None
    angle: int | None = None
    lines: list[LineAnswer]
    pages: list[PageAnswer] | None = Field(None, description="Only for a PDF or a TIFF of several pages.")
    warnings: list[str] = Field([], description="What was not looked at closely; only there if there is any.")
    mrz: list[ZoneAnswer] = Field([], description="Machine-readable zones; only there if there are some.")


class HistoryAnswer(_Answer):
    """Newest first."""

    items: list[RecordSummary]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")


class DeletionAnswer(_Answer):
    deleted: int = Field(description="How many records there were.")


class Progress(_Answer):
    done: int = Field(description="Images and pages that have ended, `failed` among them.")
    total: int = Field(description="Grows when a ZIP file or a document is opened.")
    failed: int


class TaskSummary(_Answer):
    """A task. It succeeds if one of its items is read."""

    task_id: str
    state: TaskState
    progress: Progress
    created_at: datetime
    ended_at: datetime | None = None
    expires_at: datetime | None = Field(
        None, description="When the results are deleted; set once the task has ended."
    )


class ItemError(_Answer):
    """Why an item was not read: the problem that it would have been."""

    type: str
    title: str
    status: int
    detail: str


class ItemAnswer(_Answer):
    """An image or a page."""

    item: str = Field(description="Its place in the task; items are in this order.")
    name: str = Field(description="The file's name; in a ZIP, after the ZIP's and a slash.")
    page: int | None = Field(None, description="Of a document of several pages.")
    state: TaskState
    result: RecognizeAnswer | None = Field(None, description="Once it is read.")
    error: ItemError | None = Field(None, description="Once it has failed.")


class TaskAnswer(TaskSummary):
    """A task with its items."""

    items: list[ItemAnswer]
    next_cursor: str | None = Field(description="For the next items; null on the last page.")


class TasksAnswer(_Answer):
    """Newest first."""

    items: list[TaskSummary]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")


class ModelAnswer(_Answer):
    name: str
    version: str
    default: bool
    ready: bool
    aliases: list[str] = Field(description="Other names by which requests may ask for it.")
    about: dict[str, Any] = Field(description="The model's own facts: languages, parameters, accuracy…")


class ModelsAnswer(_Answer):
    models: list[ModelAnswer]


class HealthAnswer(_Answer):
    status: Literal["ok"]


class VersionAnswer(_Answer):
    version: str = Field(description="The release of the service.")
    build: str = Field(description="What it was built from, such as a commit; `unknown` if nobody has said.")
    models: dict[str, str] = Field(description="The models' versions, which hold a hash of their weights.")


class PartAnswer(_Answer):
    state: Literal["ok", "down"]
    detail: str | None = None


class ReadyAnswer(_Answer):
    """Images can be read. `redis` and `mongodb` may be down all the same: slower, or without history.

    So may `disk`: batches have no room then.
    """

    ready: bool
    parts: dict[str, PartAnswer]


class FieldError(_Answer):
    field: str
    message: str


class Problem(BaseModel):
    """Any error (RFC 9457, application/problem+json)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="Stable; the address of a page about it.", examples=["/problems/invalid-image"]
    )
    title: str
    status: int
    detail: str = Field(description="What to do.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str
    errors: list[FieldError] | None = Field(None, description="With 422: what is wrong with which field.")
