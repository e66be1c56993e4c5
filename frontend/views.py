"""HTTP: parse, call, answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from http import HTTPStatus
from io import BytesIO
from typing import Any

from flask import Response, current_app, g, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from frontend.access import Caller, Owners
from frontend.answers import (
    AcceptedAnswer,
    HealthAnswer,
    HistoryAnswer,
    ModelsAnswer,
    ReadyAnswer,
    RecognizeAnswer,
    RecordAnswer,
)
from frontend.backlog import Backlog
from frontend.cache import Cache
from frontend.errors import (
    BusyError,
    CacheDownError,
    ForeignOriginError,
    HistoryDownError,
    ImageTooLargeError,
    InvalidImageError,
    InvalidRequestError,
    NotReadyError,
    RecognizerDownError,
    RecognizerFailedError,
    RecordNotFoundError,
    TasksDownError,
    UnauthorizedError,
    UnknownModelError,
    UnsupportedBodyTypeError,
    UnsupportedImageTypeError,
)
from frontend.history import History, HistoryFilter
from frontend.images import megapixels
from frontend.items import File, Items
from frontend.openapi import query_parameters, responses, upload_content
from frontend.readiness import Readiness
from frontend.recognizer import Options, Recognizer, as_answer
from frontend.schemas import HistoryQuery, RecognizeBody, RecognizeForm, RecognizeOptions, RecordPath
from frontend.settings import MAX_MEGAPIXELS, Settings
from frontend.tasks import Tasks
from frontend.torchserve import TorchServe
from frontend.uploads import read_upload, refuse_repeated

COOKIE = "ocr_owner"
EXTENSION = "ocr"
KEYED: list[dict[str, list[Any]]] = [{"bearer": []}, {"apiKey": []}, {}]  # {}: no keys are configured
RECOGNITION, _HISTORY, _SERVICE = Tag(name="Recognition"), Tag(name="History"), Tag(name="Service")
RECOGNIZE_PROBLEMS = (
    InvalidImageError,
    UnauthorizedError,
    ForeignOriginError,
    UnknownModelError,
    ImageTooLargeError,
    UnsupportedImageTypeError,
    UnsupportedBodyTypeError,
    InvalidRequestError,
    RecognizerFailedError,
    RecognizerDownError,
    BusyError,
)
_DELETE_PROBLEMS = (
    UnauthorizedError,
    ForeignOriginError,
    RecordNotFoundError,
    HistoryDownError,
    CacheDownError,
)

api = APIBlueprint("api", __name__)


@dataclass(frozen=True)
class Services:
    """What the views call; create_app() makes it."""

    settings: Settings
    torchserve: TorchServe
    cache: Cache
    history: History
    items: Items
    tasks: Tasks
    backlog: Backlog
    recognizer: Recognizer
    readiness: Readiness
    owners: Owners

    def close(self) -> None:
        """Give back the connections."""
        self.backlog.close()
        self.items.close()
        self.history.close()
        self.cache.close()
        self.torchserve.close()


def current_services() -> Services:
    """What create_app() made."""
    services: Services = current_app.extensions[EXTENSION]
    return services


def current_owner() -> str:
    """Whose request this is. A new browser's cookie goes out with the answer. Raises UnauthorizedError."""
    headers = request.headers
    caller: Caller = current_services().owners.identify(
        headers.get("Authorization"), headers.get("X-API-Key"), request.cookies.get(COOKIE)
    )
    g.new_cookie = caller.new_cookie
    return caller.owner


@api.post(
    "/recognize",
    tags=[RECOGNITION],
    description="Send JSON with the image in Base64, a form with a file part, or the image file as the body "
    "itself. The query string is for the options of the last kind only.",
    security=KEYED,
    responses={202: AcceptedAnswer, **responses(RecognizeAnswer, *RECOGNIZE_PROBLEMS, TasksDownError)},
    openapi_extensions={
        "parameters": query_parameters(RecognizeOptions),
        "requestBody": upload_content(RecognizeBody, RecognizeForm),
    },
)
def recognize() -> Response:
    """Read the text in an image."""
    services, owner = current_services(), current_owner()
    image, options = read_upload(request, services.settings.max_image_bytes)
    if _is_for_later(image, options.async_):
        return accept(services, owner, [File("", BytesIO(image))], options)
    given = {f.name: getattr(options, f.name) for f in fields(Options)}
    recognition = services.recognizer.recognize(image, owner, g.request_id, options.model, Options(**given))
    g.log_facts = {"cached": recognition.cached, "model": recognition.model}
    return jsonify(as_answer(recognition, with_chars=options.detail == "chars"))


def _is_for_later(image: bytes, wanted: bool | None) -> bool:
    """Whether a task is to read the image: as it was asked for, else if it is very large."""
    if wanted is not None:
        return wanted
    return current_services().settings.async_megapixels < megapixels(image) <= MAX_MEGAPIXELS


def accept(services: Services, owner: str, files: list[File], options: RecognizeOptions) -> Response:
    """Leave `files` to a task: 202 with its address. Raises OCRError."""
    if options.model is not None:
        services.torchserve.model(options.model)  # an unknown one is refused now, not item by item
    kept = options.model_dump(exclude={"image", "async_", "url"})
    task_id = services.backlog.accept(owner, g.request_id, kept, files)
    address = f"/tasks/{task_id}"
    answer = jsonify(task_id=task_id, status_url=address)
    answer.status_code, answer.headers["Location"] = HTTPStatus.ACCEPTED, address
    return answer


@api.get(
    "/history",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(HistoryAnswer, UnauthorizedError, InvalidRequestError, HistoryDownError),
)
def list_history(query: HistoryQuery) -> Response:
    """Your records, newest first, page by page."""
    refuse_repeated(request.args)
    wanted = HistoryFilter(query.image_hash, query.q, query.since, query.until)
    page = current_services().history.find(current_owner(), wanted, query.limit, query.cursor)
    return jsonify(items=page.records, next_cursor=page.next_cursor)


@api.get(
    "/history/<record_id>",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(RecordAnswer, UnauthorizedError, RecordNotFoundError, HistoryDownError),
)
def get_record(path: RecordPath) -> Response:
    """One of your records, with its lines and characters."""
    return jsonify(current_services().history.get(current_owner(), path.record_id))


@api.delete(
    "/history/<record_id>",
    tags=[_HISTORY],
    security=KEYED,
    responses=responses(None, *_DELETE_PROBLEMS),
)
def delete_record(path: RecordPath) -> Response:
    """Forget one of your records, and the cached answer to its image."""
    services, owner = current_services(), current_owner()
    services.cache.delete(services.history.cache_key(owner, path.record_id))
    services.history.delete(owner, path.record_id)
    return Response(status=204)


@api.get("/models", tags=[RECOGNITION], responses=responses(ModelsAnswer, RecognizerDownError))
def list_models() -> Response:
    """The models that `model` can name."""
    services = current_services()
    default = services.settings.default_model
    models = [
        {**asdict(facts), "default": facts.name == default} for facts in services.torchserve.models().values()
    ]
    return jsonify(models=sorted(models, key=lambda model: (not model["default"], model["name"])))


@api.get("/healthz", tags=[_SERVICE], responses=responses(HealthAnswer))
def healthz() -> Response:
    """Whether this process is alive."""
    return jsonify(status="ok")


@api.get("/readyz", tags=[_SERVICE], responses=responses(ReadyAnswer, NotReadyError))
def readyz() -> Response:
    """Whether images can be read: a tiny one must come through."""
    return jsonify(ready=True, parts=current_services().readiness.check())
