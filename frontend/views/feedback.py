"""HTTP: lines to look at, what they say, and the export of those that were looked at."""

from __future__ import annotations

from itertools import chain, islice

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from frontend.errors import (
    ForeignOriginError,
    HistoryDownError,
    InvalidRequestError,
    LineNotKeptError,
    RecordNotFoundError,
)
from frontend.feedback.export import zipped
from frontend.web.context import KEY_PROBLEMS, KEYED, current_owner, current_services
from frontend.web.openapi import file_responses, operation_id, responses
from frontend.web.request_schemas import LinePath, QueueQuery, ReviewBody
from frontend.web.response_schemas import QueueAnswer, ReviewAnswer
from frontend.web.uploads import refuse_query, refuse_repeated

_FEEDBACK = Tag(name="Feedback")

feedback_api = APIBlueprint("feedback", __name__, operation_id_callback=operation_id)


@feedback_api.get(
    "/feedback/queue",
    tags=[_FEEDBACK],
    security=KEYED,
    responses=responses(QueueAnswer, *KEY_PROBLEMS, InvalidRequestError, HistoryDownError),
)
def list_lines(query: QueueQuery) -> Response:
    """Unsure lines of your records that nobody has looked at, most useful first."""
    refuse_repeated(request.args)
    return jsonify(current_services().feedback.queue(current_owner(), query.limit))


@feedback_api.patch(
    "/feedback/lines/<line_id>",
    tags=[_FEEDBACK],
    description="Says what a line says. What was read confirms it, and takes a correction back; another text "
    "corrects the line in its record, as `PATCH /history/{record_id}` does.",
    security=KEYED,
    responses=responses(
        ReviewAnswer,
        *KEY_PROBLEMS,
        ForeignOriginError,
        InvalidRequestError,
        LineNotKeptError,
        RecordNotFoundError,
        HistoryDownError,
    ),
)
def review_line(path: LinePath, body: ReviewBody) -> Response:
    """Confirm or correct one of the lines."""
    refuse_query(request)
    return jsonify(current_services().feedback.review(current_owner(), path.line_id, body.text))


@feedback_api.get(
    "/feedback/export",
    tags=[_FEEDBACK],
    description="A ZIP: `labels.tsv` (path, tab, text), `crops/*.png`, and `lines.jsonl`: how each was read.",
    security=KEYED,
    responses=file_responses(["application/zip"], *KEY_PROBLEMS, HistoryDownError),
)
def export_lines() -> Response:
    """Your corrected and confirmed lines with their crops, to train and evaluate models on."""
    labels = current_services().feedback.labels(current_owner())
    first = list(islice(labels, 1))  # what fails, fails before the answer begins
    response = Response(zipped(chain(first, labels)), mimetype="application/zip")
    response.headers["Content-Disposition"] = "attachment; filename=feedback.zip"
    return response
