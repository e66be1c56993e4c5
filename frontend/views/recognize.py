"""HTTP: parse, call, answer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from http import HTTPStatus
from io import BytesIO
from typing import Any

from flask import Response, current_app, g, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from frontend.auth.access import Caller, Owners
from frontend.errors import (
    BusyError,
    DownloadFailedError,
    DownloadTimeoutError,
    ForeignOriginError,
    ImageTooLargeError,
    InsufficientScopeError,
    InvalidImageError,
    InvalidRequestError,
    KeysDownError,
    NotReadyError,
    RateLimitedError,
    RecognizerDownError,
    RecognizerFailedError,
    TasksDownError,
    UnauthorizedError,
    UnknownModelError,
    UnsupportedBodyTypeError,
    UnsupportedImageTypeError,
)
from frontend.files.download import Downloader
from frontend.files.image_headers import megapixels
from frontend.history.images import Images
from frontend.history.records import History
from frontend.live.stream import Streams
from frontend.mongo import Mongo
from frontend.recognition.admission import Gate
from frontend.recognition.cache import Cache
from frontend.recognition.models import find_model
from frontend.recognition.readiness import Readiness
from frontend.recognition.recognizer import Options, Recognition, Recognizer, as_answer
from frontend.recognition.torchserve import TorchServe
from frontend.settings import MAX_MEGAPIXELS, Settings
from frontend.tasks.items import File
from frontend.tasks.queue import Backlog
from frontend.tasks.tasks import Tasks
from frontend.web.openapi import query_parameters, responses, upload_content
from frontend.web.request_schemas import RecognizeBody, RecognizeForm, RecognizeOptions
from frontend.web.response_schemas import (
    AcceptedAnswer,
    HealthAnswer,
    ModelsAnswer,
    ReadyAnswer,
    RecognizeAnswer,
)
from frontend.web.uploads import read_upload

EXTENSION = "ocr"
KEYED: list[dict[str, list[Any]]] = [{"bearer": []}, {"apiKey": []}, {}]  # {}: no keys are configured
KEY_PROBLEMS = (UnauthorizedError, InsufficientScopeError, RateLimitedError, KeysDownError)
RECOGNITION, _SERVICE = Tag(name="Recognition"), Tag(name="Service")
RECOGNIZE_PROBLEMS = (
    *KEY_PROBLEMS,
    InvalidImageError,
    ForeignOriginError,
    UnknownModelError,
    ImageTooLargeError,
    UnsupportedImageTypeError,
    UnsupportedBodyTypeError,
    InvalidRequestError,
    RecognizerFailedError,
    DownloadFailedError,
    RecognizerDownError,
    BusyError,
    DownloadTimeoutError,
)


api = APIBlueprint("api", __name__)


@dataclass(frozen=True)
class Services:
    """What the views call; create_app() makes it."""

    settings: Settings
    torchserve: TorchServe
    cache: Cache
    mongo: Mongo
    history: History
    images: Images
    downloader: Downloader
    tasks: Tasks
    backlog: Backlog
    recognizer: Recognizer
    drawing: Gate
    streams: Streams
    readiness: Readiness
    owners: Owners

    def close(self) -> None:
        """Give back the connections."""
        self.backlog.close()
        self.mongo.close()
        self.cache.close()
        self.torchserve.close()


def current_services() -> Services:
    """What create_app() made."""
    services: Services = current_app.extensions[EXTENSION]
    return services


def current_owner() -> str:
    """Whose request this is; guard.py has found out."""
    caller: Caller = g.caller
    return caller.owner


def read(services: Services, owner: str, image: bytes, options: RecognizeOptions) -> Recognition:
    """What is read in an image. Raises OCRError."""
    given = {f.name: getattr(options, f.name) for f in fields(Options)}
    recognition = services.recognizer.recognize(
        image, owner, g.request_id, options.model, Options(**given), g.account
    )
    g.log_facts = {"cached": recognition.cached, "model": recognition.model}
    return recognition


@api.post(
    "/recognize",
    tags=[RECOGNITION],
    description="Send JSON with the image in Base64, a form with a file part, or the image file as the body "
    "itself; or, in place of the image, its address as `url`. The query string is for the options of the "
    "last kind only; with `url` there, send no body.",
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
    image, options = read_upload(request, services.settings.max_image_bytes, services.downloader.fetch)
    if _is_for_later(image, options.async_):
        return accept(services, owner, [File("", BytesIO(image))], options)
    recognition = read(services, owner, image, options)
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
    "/models", tags=[RECOGNITION], responses=responses(ModelsAnswer, RateLimitedError, RecognizerDownError)
)
def list_models() -> Response:
    """The models that `model` can name."""
    services = current_services()
    models = services.torchserve.models()
    default = find_model(models, services.settings.default_model)
    shown = [
        {
            **{name: getattr(facts, name) for name in ("name", "version", "ready", "aliases", "about")},
            "default": facts is default,
        }
        for facts in models.values()
    ]
    return jsonify(models=sorted(shown, key=lambda model: (not model["default"], model["name"])))


@api.get("/healthz", tags=[_SERVICE], responses=responses(HealthAnswer))
def healthz() -> Response:
    """Whether this process is alive."""
    return jsonify(status="ok")


@api.get("/readyz", tags=[_SERVICE], responses=responses(ReadyAnswer, NotReadyError))
def readyz() -> Response:
    """Whether images can be read: a tiny one must come through."""
    return jsonify(ready=True, parts=current_services().readiness.check())
