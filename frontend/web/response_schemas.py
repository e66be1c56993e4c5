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


class WordAnswer(_Answer):
    text: str
    bbox: Box
    confidence: float = Field(ge=0, le=1, description="That of its least certain character.")


class MatchAnswer(_Answer):
    """The best reading of a line that matches `pattern`, or is in `lexicon`."""

    text: str
    confidence: float = Field(description="How probable it is that this is the text, given that one matches.")


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
    words: list[WordAnswer] | None = Field(None, description="Only with `detail=words`.")
    chars: list[CharacterAnswer] | None = Field(None, description="Only with `detail=chars`.")
    unsupported: bool | None = Field(
        None,
        description="Only there, and true, where the line may be in a script that the model does not read.",
    )
    match: MatchAnswer | None = Field(
        None, description="Only with `pattern` or `lexicon`: null where nothing matches."
    )


class ItemOfList(_Answer):
    marker: str = Field(description="What it begins with, such as `•` or `2.`.")
    text: str
    level: int = Field(description="How far it is indented, from 0.")


class BlockAnswer(_Answer):
    """A part of a page, found by where its lines stand."""

    type: Literal["heading", "paragraph", "list", "table", "code"]
    page: int | None = Field(None, description="Its page; only in the `blocks` of a document.")
    lines: list[int] = Field(description="Its lines, as places in the `lines` beside it, from 0.")
    bbox: Box
    text: str | None = Field(
        None,
        description="Wrapped lines are joined; a line feed is a break that was meant. None of lists, tables.",
    )
    level: int | None = Field(None, description="Of a heading, by its size: 1 is the largest.")
    items: list[ItemOfList] | None = Field(None, description="Of a list.")
    rows: list[list[str]] | None = Field(
        None, description="Of a table: its cells, each row with all columns."
    )
    header: bool | None = Field(None, description="Whether the first row of a table names its columns.")


class ZoneAnswer(_Answer):
    """A machine-readable zone of a passport, a card or a visa (ICAO 9303)."""

    format: Literal["TD1", "TD2", "TD3", "MRV-A", "MRV-B"]
    lines: list[str]
    check_digits: dict[str, bool] = Field(
        description="Whether those of `number`, `birth`, `expiry`, `personal`, `composite` are right."
    )
    page: int | None = Field(None, description="Its page, from 1 on; only for a document.")


class FieldAnswer(_Answer):
    """A value that is likely right; below that a field is null."""

    value: str = Field(description="Dates as YYYY-MM-DD, amounts as 1234.50, currencies as ISO 4217 codes.")
    text: str = Field(description="As it is written.")
    confidence: float = Field(ge=0, le=1, description="Probability that the value is right.")
    bbox: Box
    lines: list[int] = Field(description="Its lines, as places in `lines`, from 0.")
    page: int | None = Field(None, description="The page of its box; only for a document.")
    checks: dict[str, bool] | None = Field(
        None,
        description="Whether it agrees: with the sum of the `items`, with the `total` or the `tax` that make "
        "a sum with it, in `capitals` and `figures`; whether its check `digits` hold. Absent without any.",
    )


class ReceiptItem(_Answer):
    name: FieldAnswer | None
    quantity: FieldAnswer | None
    price: FieldAnswer | None
    amount: FieldAnswer | None


class VATInvoiceItem(ReceiptItem):
    rate: FieldAnswer | None
    tax: FieldAnswer | None


class ReceiptFields(_Answer):
    kind: Literal["receipt"]
    merchant: FieldAnswer | None
    address: FieldAnswer | None
    date: FieldAnswer | None
    time: FieldAnswer | None
    number: FieldAnswer | None
    currency: FieldAnswer | None
    subtotal: FieldAnswer | None
    tax: FieldAnswer | None
    total: FieldAnswer | None
    payment: FieldAnswer | None
    items: list[ReceiptItem]


class VATInvoiceFields(_Answer):
    """A Chinese VAT invoice."""

    kind: Literal["vat_invoice"]
    type: FieldAnswer | None = Field(
        description="`special`, `ordinary`, `electronic_special`, `electronic_ordinary`, `electronic`, "
        "`roll` or `rail`."
    )
    code: FieldAnswer | None
    number: FieldAnswer | None
    date: FieldAnswer | None
    check_code: FieldAnswer | None
    buyer: FieldAnswer | None
    buyer_tax_number: FieldAnswer | None
    seller: FieldAnswer | None
    seller_tax_number: FieldAnswer | None
    amount: FieldAnswer | None = Field(description="Without tax.")
    tax: FieldAnswer | None
    total: FieldAnswer | None
    total_in_capitals: FieldAnswer | None
    items: list[VATInvoiceItem]


class InvoiceFields(_Answer):
    kind: Literal["invoice"]
    number: FieldAnswer | None
    date: FieldAnswer | None
    due_date: FieldAnswer | None
    seller: FieldAnswer | None
    seller_vat_number: FieldAnswer | None
    buyer: FieldAnswer | None
    buyer_vat_number: FieldAnswer | None
    iban: FieldAnswer | None
    currency: FieldAnswer | None
    subtotal: FieldAnswer | None
    tax: FieldAnswer | None
    total: FieldAnswer | None
    items: list[ReceiptItem]


DocumentFields = Annotated[ReceiptFields | VATInvoiceFields | InvoiceFields, Field(discriminator="kind")]


class AcceptedAnswer(_Answer):
    """A task will read it. `Location` has the address of `status_url`, too."""

    task_id: str
    status_url: str = Field(description="Ask here for the state and the results: GET, or DELETE to cancel.")


class _Text(_Answer):
    text: str = Field(description="What was read, in the form of `text_format`.")
    confidence: float | None = Field(description="That of the least certain line; null without text.")
    mean_confidence: float | None = Field(None, description="That of the lines on average; null without.")
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
    blocks: list[BlockAnswer]
    match: MatchAnswer | None = Field(
        None, description="Only with `pattern` or `lexicon`: null where nothing matches."
    )


class RecognizeAnswer(_Recognized):
    """The text that was read. Of a document, size and angle are those of its first page."""

    bbox: Box | None = Field(description="The box around all lines; null without text, and for a document.")
    angle: int = Field(description="Degrees clockwise by which the image was turned upright.")
    lines: list[LineAnswer]
    blocks: list[BlockAnswer] = Field(description="What the lines are parts of, in reading order.")
    pages: list[PageAnswer] | None = Field(None, description="Only for a PDF or a TIFF of several pages.")
    reviewed_text: str | None = Field(None, description="Only with `threshold`.")
    cached: bool
    history_id: str | None = Field(
        description="Null with `history=false`, and when the record could not be stored. While the history "
        "is not available, the record follows, as a warning says. The pages of a document that a task reads "
        "have the same one."
    )
    elapsed_ms: float
    warnings: list[str] = Field(
        [],
        description="Only present if something failed or was not searched closely: of a "
        "document, a sentence with its page.",
    )
    mrz: list[ZoneAnswer] = Field([], description="Machine-readable zones; absent if there are none.")
    match: MatchAnswer | None = Field(
        None, description="Only with `pattern` or `lexicon`: the surest of the lines' own, or null."
    )
    fields: DocumentFields | None = Field(None, description="Only with `fields`.")


class RecordSummary(_Recognized):
    """A record of the history."""

    id: str
    name: str | None = Field(None, description="That of the file; absent if it is not known.")
    timestamp: datetime
    expires_at: datetime | None = Field(None, description="When the record is deleted; absent if never.")
    has_image: bool | None = Field(None, description="Whether its image was kept; absent in exports.")
    has_thumbnail: bool | None = Field(None, description="Whether there is a thumbnail.")
    options: dict[str, Any] | None = Field(
        None,
        description="How it was read: options that were not the defaults, and `model` if it was named.",
    )
    page_count: int | None = Field(None, description="Pages that were read; only for a document.")
    corrected_lines: int | None = Field(None, description="How many lines were corrected; absent if none.")


class SaidAnswer(_Answer):
    """What somebody said that a line says."""

    after: str
    at: datetime
    by: str = Field(
        description="The name of the API key; `local` without keys, `browser` for a browser's cookie."
    )


class CorrectionAnswer(SaidAnswer):
    """A line whose text somebody has corrected."""

    line: int = Field(description="Its place in `lines`, from 0 on.")
    before: str = Field(description="What was read.")
    earlier: list[SaidAnswer] = Field(
        [], description="Corrections that this one took the place of, up to 20; absent if there are none."
    )


class RecordAnswer(RecordSummary):
    """A record with all that was read, as RecognizeAnswer has it; older records lack `angle` and `pages`."""

    bbox: Box | None = None
    angle: int | None = None
    lines: list[LineAnswer]
    blocks: list[BlockAnswer] | None = Field(None, description="As in RecognizeAnswer; absent in exports.")
    pages: list[PageAnswer] | None = Field(None, description="Only for a PDF or a TIFF of several pages.")
    warnings: list[str] = Field([], description="What was not looked at closely; only there if there is any.")
    mrz: list[ZoneAnswer] = Field([], description="Machine-readable zones; only there if there are some.")
    match: MatchAnswer | None = Field(
        None, description="The surest of the lines' own; only there if there is one."
    )
    fields: DocumentFields | None = Field(
        None, description="Only if they were asked for; of the lines as corrected."
    )
    corrections: list[CorrectionAnswer] = Field(
        [],
        description="Only there if there are some; texts are as corrected, such lines without `chars`.",
    )


class HistoryAnswer(_Answer):
    """Newest first."""

    items: list[RecordSummary]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")


class KeptLineAnswer(_Answer):
    """A line of a record, as it was read."""

    id: str
    record_id: str
    page: int | None = Field(description="Null unless the record is a document's.")
    line: int = Field(description="Its place in the `lines` of that page or of the record, from 0 on.")
    text: str = Field(description="What was read.")
    confidence: float
    model: str = Field(description="The one that was asked for.")
    model_version: str


class WaitingLineAnswer(KeptLineAnswer):
    """A line that nobody has looked at."""

    image: str = Field(description="Its crop, a PNG, as a data URL.")


class QueueAnswer(_Answer):
    """Lines to look at, most useful first."""

    is_on: bool = Field(description="Whether crops are kept from now on: OCR_FEEDBACK.")
    waiting: int = Field(description="Unsure lines that nobody has looked at, in all.")
    reviewed: int = Field(description="Lines that were corrected or confirmed.")
    items: list[WaitingLineAnswer]


class ReviewAnswer(KeptLineAnswer):
    """A line that somebody has looked at."""

    says: str = Field(description="What it says.")
    is_right: bool = Field(description="Whether that is what was read.")


class DeletionAnswer(_Answer):
    deleted: int = Field(description="How many records there were.")


class Progress(_Answer):
    done: int = Field(description="Images and pages that have ended, `failed` among them.")
    total: int = Field(description="Grows when a ZIP file or a document is opened.")
    failed: int


class WebhookAnswer(_Answer):
    """The call by which a task tells that it has ended."""

    state: Literal["pending", "delivered", "failed"]
    attempts: int = Field(description="How often it was tried; after 6 it has failed.")
    last_error: str | None = Field(None, description="What went wrong at the last attempt that failed.")


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
    webhook: WebhookAnswer | None = Field(None, description="Only if the request had a `webhook`.")


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
    sure_threshold: float | None = Field(
        description="A line of this confidence or more counts as sure: so calibration found; null if unknown."
    )


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

    So may `disk`: batches have no room then; and `worker`: tasks are accepted and wait.
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
