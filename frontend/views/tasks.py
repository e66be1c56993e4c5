"""HTTP for what takes longer than a request: batches, and the tasks that read them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, g, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from frontend.errors import (
    ForeignOriginError,
    InvalidRequestError,
    TaskNotFoundError,
    TasksDownError,
    TooManyTasksError,
)
from frontend.files.archives import MAX_TASK_PAGES
from frontend.services import Services
from frontend.settings import MAX_FILES
from frontend.tasks.items import File
from frontend.web import idempotency
from frontend.web.context import (
    KEY_PROBLEMS,
    KEYED,
    RECOGNITION,
    RECOGNIZE_PROBLEMS,
    current_owner,
    current_services,
)
from frontend.web.idempotency import occasion
from frontend.web.openapi import batch_content, operation_id, query_parameters, responses
from frontend.web.problems import TYPE_PREFIX
from frontend.web.request_schemas import BatchForm, ItemsQuery, RecognizeOptions, TaskPath, TasksQuery
from frontend.web.response_schemas import AcceptedAnswer, TaskAnswer, TasksAnswer
from frontend.web.uploads import read_batch, refuse_repeated

_TASKS = Tag(name="Tasks")

tasks_api = APIBlueprint("tasks", __name__, operation_id_callback=operation_id)


@tasks_api.post(
    "/recognize/batch",
    tags=[RECOGNITION],
    description=f"Send a form with up to {MAX_FILES} file parts `image`: images, PDF files of up to "
    f"{MAX_TASK_PAGES} pages, and ZIP files of up to {MAX_FILES} of these; or one such file as the body "
    "itself. What cannot be read is an error of its own item, the others go on.",
    security=KEYED,
    responses=responses(AcceptedAnswer, *RECOGNIZE_PROBLEMS, TooManyTasksError, TasksDownError, status=202),
    openapi_extensions={
        "parameters": [idempotency.PARAMETER, *query_parameters(RecognizeOptions)],
        "requestBody": batch_content(BatchForm),
    },
)
def recognize_batch() -> Response:
    """Have many images read by a task."""
    services, owner = current_services(), current_owner()
    request.max_content_length = services.settings.max_batch_body_bytes
    size = request.content_length or services.settings.max_batch_body_bytes
    with (
        services.uploading.admit(size, account=g.account, is_page=False),
        read_batch(request) as (files, options),
    ):
        return accept(services, owner, files, options)


def accept(services: Services, owner: str, files: list[File], options: RecognizeOptions) -> Response:
    """Leave `files` to a task: 202 with its address. Raises OCRError."""
    if options.model is not None:
        services.torchserve.model(options.model)  # an unknown one is refused now, not item by item
    kept = options.model_dump(exclude={"image", "async_", "url", "name", "webhook"})
    webhook = services.webhooks.new(options.webhook) if options.webhook else None
    once = occasion(owner, options, files)
    task_id = services.queue.accept(owner, g.request_id, kept, files, once, webhook)
    address = f"/tasks/{task_id}"
    answer = jsonify(task_id=task_id, status_url=address)
    answer.status_code, answer.headers["Location"] = HTTPStatus.ACCEPTED, address
    return answer


@tasks_api.get(
    "/tasks",
    tags=[_TASKS],
    security=KEYED,
    responses=responses(TasksAnswer, *KEY_PROBLEMS, InvalidRequestError, TasksDownError),
)
def list_tasks(query: TasksQuery) -> Response:
    """Your tasks, newest first, without their items."""
    refuse_repeated(request.args)
    return jsonify(current_services().tasks.find(current_owner(), query.limit, query.cursor))


@tasks_api.get(
    "/tasks/<task_id>",
    tags=[_TASKS],
    security=KEYED,
    responses=responses(TaskAnswer, *KEY_PROBLEMS, TaskNotFoundError, InvalidRequestError, TasksDownError),
)
def get_task(path: TaskPath, query: ItemsQuery) -> Response:
    """The state of one of your tasks, and what has been read so far."""
    refuse_repeated(request.args)
    task = current_services().tasks.get(current_owner(), path.task_id, query.limit, query.cursor)
    return jsonify({**task, "items": [_with_problem(item) for item in task["items"]]})


def _with_problem(item: dict[str, Any]) -> dict[str, Any]:
    """An item whose error has the type of the problem that it would have been."""
    if "error" not in item:
        return item
    error = dict(item["error"])
    return {**item, "error": {"type": TYPE_PREFIX + error.pop("code"), **error}}


@tasks_api.delete(
    "/tasks/<task_id>",
    tags=[_TASKS],
    security=KEYED,
    responses=responses(None, *KEY_PROBLEMS, ForeignOriginError, TaskNotFoundError, TasksDownError),
)
def cancel_task(path: TaskPath) -> Response:
    """End one of your tasks. What has been read stays; a task that has ended stays as it is."""
    current_services().queue.cancel(current_owner(), path.task_id)
    return Response(status=204)
