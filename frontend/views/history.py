"""HTTP: the history, its export, its images, and how to forget them."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, islice

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from frontend.client.fields import FieldsCsv
from frontend.errors import (
    CacheDownError,
    ForeignOriginError,
    HistoryDownError,
    ImageNotKeptError,
    InvalidRequestError,
    RecordNotFoundError,
)
from frontend.files import thumbnails
from frontend.formats.fields import FieldsWorkbook
from frontend.history.corrections import Place
from frontend.history.deletion import forget
from frontend.history.exports import EXPORT_FORMATS
from frontend.history.search import HistoryFilter
from frontend.mongo import Document
from frontend.recognition.postprocess import text_of, with_blocks
from frontend.web.context import KEY_PROBLEMS, KEYED, current_owner, current_services
from frontend.web.negotiation import TEXT_TYPES, text_response, text_type
from frontend.web.openapi import file_responses, operation_id, responses
from frontend.web.request_schemas import (
    CorrectionsBody,
    DeletionQuery,
    ExportQuery,
    HistoryConditions,
    HistoryQuery,
    RecordPath,
)
from frontend.web.response_schemas import DeletionAnswer, HistoryAnswer, RecordAnswer
from frontend.web.uploads import refuse_query, refuse_repeated

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_HISTORY = Tag(name="History")
_DELETE_PROBLEMS = (
    *KEY_PROBLEMS,
    ForeignOriginError,
    HistoryDownError,
    CacheDownError,
)

history_api = APIBlueprint("history_api", __name__, operation_id_callback=operation_id)


@history_api.get(
    "/history",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(HistoryAnswer, *KEY_PROBLEMS, InvalidRequestError, HistoryDownError),
)
def list_history(query: HistoryQuery) -> Response:
    """Your records, newest first, page by page."""
    refuse_repeated(request.args)
    page = current_services().history.find(current_owner(), _wanted(query), query.limit, query.cursor)
    return jsonify(items=_with_images(page.records), next_cursor=page.next_cursor)


def _with_images(records: list[Document]) -> list[Document]:
    """Records that say whether their image is there, so that nobody asks for one in vain."""
    kept = current_services().images.kept([record["id"] for record in records])
    return [{**record, "has_image": record["id"] in kept} for record in records]


def _wanted(given: HistoryConditions) -> HistoryFilter:
    ids = tuple(given.ids.split(",")) if given.ids else None
    return HistoryFilter(given.image_hash, given.q, given.since, given.until, given.model, ids)


@history_api.get(
    "/history/export",
    tags=[_HISTORY],
    security=KEYED,
    responses=file_responses(
        [*(kind.media_type for kind in EXPORT_FORMATS.values()), _XLSX],
        *KEY_PROBLEMS,
        InvalidRequestError,
        HistoryDownError,
    ),
)
def export_history(query: ExportQuery) -> Response:
    """Your records as a file, newest first."""
    refuse_repeated(request.args)
    history, owner, wanted = current_services().history, current_owner(), _wanted(query)
    if query.format in {"fields.csv", "fields.xlsx"}:
        records = history.export(owner, replace(wanted, has_fields=True), with_lines=True)
        response = _fields_of(records, is_workbook=query.format == "fields.xlsx")
    else:
        kind = EXPORT_FORMATS[query.format]
        records = history.export(owner, wanted, with_lines=kind.with_lines)
        first = list(islice(records, 1))  # what fails, fails before the answer begins
        response = Response(kind.write(chain(first, records)), mimetype=kind.media_type)
    response.headers["Content-Disposition"] = f"attachment; filename=history.{query.format}"
    return response


def _fields_of(records: Iterable[Document], *, is_workbook: bool) -> Response:
    """A row for each record with its fields: only these are held in memory."""
    file = io.BytesIO()
    text = io.TextIOWrapper(file, "utf-8", newline="")
    output = FieldsWorkbook(file) if is_workbook else FieldsCsv(text)
    for record in records:
        output.add(record["id"], record)
    output.end()
    text.detach()
    start = b"" if is_workbook else BOM_UTF8
    return Response(
        start + file.getvalue(), mimetype=_XLSX if is_workbook else EXPORT_FORMATS["csv"].media_type
    )


@history_api.delete(
    "/history",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(DeletionAnswer, InvalidRequestError, *_DELETE_PROBLEMS),
)
def delete_records(query: DeletionQuery) -> Response:
    """Forget your records that meet the conditions, their images and lines, and the cached answers."""
    refuse_repeated(request.args)
    return jsonify(deleted=_forget(_wanted(query)))


def _forget(wanted: HistoryFilter) -> int:
    services = current_services()
    parts = (services.images, services.feedback)
    return forget(services.history, services.cache, parts, current_owner(), wanted)


@history_api.get(
    "/history/<string(length=24):record_id>",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(RecordAnswer, *KEY_PROBLEMS, RecordNotFoundError, HistoryDownError),
)
def get_record(path: RecordPath) -> Response:
    """One of your records, with its lines and characters."""
    record = current_services().history.get(current_owner(), path.record_id)
    if media_type := text_type():
        text_format = TEXT_TYPES[media_type]
        text = text_of(record, text_format) if text_format else record["text"]
        return text_response(text, media_type)
    return jsonify(_whole(record))


@history_api.patch(
    "/history/<string(length=24):record_id>",
    tags=[_HISTORY],
    description="Send what lines really say. The record then has these texts, and `corrections` with what "
    "was read, when and by whom it was corrected; it is found by the new text. The text that was read "
    "takes a correction back.",
    security=KEYED,
    responses=responses(
        RecordAnswer,
        *KEY_PROBLEMS,
        ForeignOriginError,
        InvalidRequestError,
        RecordNotFoundError,
        HistoryDownError,
    ),
)
def correct_record(path: RecordPath, body: CorrectionsBody) -> Response:
    """Correct lines of one of your records."""
    refuse_query(request)
    texts = {Place(line.index, line.page): line.text for line in body.lines}
    record = current_services().feedback.correct(current_owner(), path.record_id, texts)
    return jsonify(_whole(record))


def _whole(record: Document) -> Document:
    """A record with what is made of it when it is shown."""
    return with_blocks(_with_images([record])[0])


@history_api.delete(
    "/history/<string(length=24):record_id>",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(None, RecordNotFoundError, *_DELETE_PROBLEMS),
)
def delete_record(path: RecordPath) -> Response:
    """Forget one of your records, its image and lines, and the cached answer."""
    if not _forget(HistoryFilter(ids=(path.record_id,))):
        raise RecordNotFoundError
    return Response(status=204)


@history_api.get(
    "/history/<string(length=24):record_id>/thumbnail",
    tags=[_HISTORY],
    security=KEYED,
    responses=file_responses(
        [thumbnails.MEDIA_TYPE], *KEY_PROBLEMS, RecordNotFoundError, ImageNotKeptError, HistoryDownError
    ),
)
def get_thumbnail(path: RecordPath) -> Response:
    """A thumbnail of one of your records: of a document, its first page."""
    content = current_services().history.thumbnail(current_owner(), path.record_id)
    return Response(content, mimetype=thumbnails.MEDIA_TYPE)


@history_api.get(
    "/history/<string(length=24):record_id>/image",
    tags=[_HISTORY],
    security=KEYED,
    responses=file_responses(
        ["image/*", "application/pdf", "application/octet-stream"],
        *KEY_PROBLEMS,
        RecordNotFoundError,
        ImageNotKeptError,
        HistoryDownError,
    ),
)
def get_image(path: RecordPath) -> Response:
    """The image of one of your records, byte for byte as it was sent."""
    services = current_services()
    record_id = services.history.get(current_owner(), path.record_id)["id"]
    image = services.images.get(record_id)
    response = Response(image.content, mimetype=image.media_type)
    response.headers["Content-Disposition"] = "inline" if image.is_picture else "attachment"
    return response
