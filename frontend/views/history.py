"""HTTP: the history, its export, its images, and how to forget them."""

from __future__ import annotations

from itertools import chain, islice

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from frontend.errors import (
    CacheDownError,
    ForeignOriginError,
    HistoryDownError,
    ImageNotKeptError,
    InvalidRequestError,
    RecordNotFoundError,
)
from frontend.history.deletion import forget
from frontend.history.exports import EXPORT_FORMATS
from frontend.history.search import HistoryFilter
from frontend.mongo import Document
from frontend.web.context import KEY_PROBLEMS, KEYED, current_owner, current_services
from frontend.web.openapi import file_responses, responses
from frontend.web.request_schemas import (
    DeletionQuery,
    ExportQuery,
    HistoryConditions,
    HistoryQuery,
    RecordPath,
)
from frontend.web.response_schemas import DeletionAnswer, HistoryAnswer, RecordAnswer
from frontend.web.uploads import refuse_repeated

_HISTORY = Tag(name="History")
_DELETE_PROBLEMS = (
    *KEY_PROBLEMS,
    ForeignOriginError,
    HistoryDownError,
    CacheDownError,
)

history_api = APIBlueprint("history_api", __name__)


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
        [kind.media_type for kind in EXPORT_FORMATS.values()],
        *KEY_PROBLEMS,
        InvalidRequestError,
        HistoryDownError,
    ),
)
def export_history(query: ExportQuery) -> Response:
    """Your records as a file, newest first."""
    refuse_repeated(request.args)
    kind = EXPORT_FORMATS[query.format]
    records = current_services().history.export(current_owner(), _wanted(query), with_lines=kind.with_lines)
    first = list(islice(records, 1))  # what fails, fails before the answer begins
    response = Response(kind.write(chain(first, records)), mimetype=kind.media_type)
    response.headers["Content-Disposition"] = f"attachment; filename=history.{query.format}"
    return response


@history_api.delete(
    "/history",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(DeletionAnswer, InvalidRequestError, *_DELETE_PROBLEMS),
)
def delete_records(query: DeletionQuery) -> Response:
    """Forget your records that meet the conditions, their images, and the cached answers."""
    refuse_repeated(request.args)
    return jsonify(deleted=_forget(_wanted(query)))


def _forget(wanted: HistoryFilter) -> int:
    services = current_services()
    return forget(services.history, services.cache, services.images, current_owner(), wanted)


@history_api.get(
    "/history/<string(length=24):record_id>",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(RecordAnswer, *KEY_PROBLEMS, RecordNotFoundError, HistoryDownError),
)
def get_record(path: RecordPath) -> Response:
    """One of your records, with its lines and characters."""
    (record,) = _with_images([current_services().history.get(current_owner(), path.record_id)])
    return jsonify(record)


@history_api.delete(
    "/history/<string(length=24):record_id>",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(None, RecordNotFoundError, *_DELETE_PROBLEMS),
)
def delete_record(path: RecordPath) -> Response:
    """Forget one of your records, its image, and the cached answer."""
    if not _forget(HistoryFilter(ids=(path.record_id,))):
        raise RecordNotFoundError
    return Response(status=204)


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
