"""HTTP: parse, call, answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from flask import Response, current_app, g, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from frontend.access import Caller, Owners
from frontend.answers import (
    HealthAnswer,
    ModelsAnswer,
    ReadyAnswer,
    RecognizeAnswer,
)
from frontend.cache import Cache
from frontend.download import Downloader
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
    UnauthorizedError,
    UnknownModelError,
    UnsupportedBodyTypeError,
    UnsupportedImageTypeError,
    UpgradeRequiredError,
)
from frontend.history import History
from frontend.images import Images
from frontend.mongo import Mongo
from frontend.openapi import query_parameters, responses, switching, upload_content
from frontend.readiness import Readiness
from frontend.recognizer import Options, Recognition, Recognizer
from frontend.schemas import (
    RecognizeBody,
    RecognizeForm,
    RecognizeOptions,
    StreamQuery,
)
from frontend.settings import Settings
from frontend.stream import PROTOCOL, Streams
from frontend.torchserve import TorchServe
from frontend.uploads import read_upload, refuse_repeated
from frontend.websocket import Switched, WebSocket

EXTENSION = "ocr"
KEYED: list[dict[str, list[Any]]] = [{"bearer": []}, {"apiKey": []}, {}]  # {}: no keys are configured
KEY_PROBLEMS = (UnauthorizedError, InsufficientScopeError, RateLimitedError, KeysDownError)
_RECOGNITION, _SERVICE = Tag(name="Recognition"), Tag(name="Service")
_RECOGNIZE_PROBLEMS = (
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

_STREAM_PROBLEMS = (
    *KEY_PROBLEMS,
    ForeignOriginError,
    UnknownModelError,
    InvalidRequestError,
    UpgradeRequiredError,
    RecognizerDownError,
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
    recognizer: Recognizer
    streams: Streams
    readiness: Readiness
    owners: Owners

    def close(self) -> None:
        """Give back the connections."""
        self.mongo.close()
        self.cache.close()
        self.torchserve.close()


def current_services() -> Services:
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
    tags=[_RECOGNITION],
    description="Send JSON with the image in Base64, a form with a file part, or the image file as the body "
    "itself; or, in place of the image, its address as `url`. The query string is for the options of the "
    "last kind only; with `url` there, send no body.",
    security=KEYED,
    responses=responses(RecognizeAnswer, *_RECOGNIZE_PROBLEMS),
    openapi_extensions={
        "parameters": query_parameters(RecognizeOptions),
        "requestBody": upload_content(RecognizeBody, RecognizeForm),
    },
)
def recognize() -> Response:
    """Read the text in an image."""
    services, owner = current_services(), current_owner()
    image, options = read_upload(request, services.settings.max_image_bytes, services.downloader.fetch)
    recognition = read(services, owner, image, options)
    return jsonify(_answer(recognition, with_chars=options.detail == "chars"))


@api.get(
    "/stream",
    tags=[_RECOGNITION],
    description="A WebSocket: each binary message is a JPEG frame, each answer a JSON object with the lines "
    "that the video shows. A browser offers the subprotocols `ocr` and, where a key is needed, `ocr.key.` "
    "with the key in URL-safe Base64 after it. docs/stream.md describes the messages.",
    security=KEYED,
    responses=switching(*_STREAM_PROBLEMS),
)
@api.get("/stream", endpoint="websocket", websocket=True, doc_ui=False)  # the router keeps the two apart
def stream(query: StreamQuery) -> Switched:
    """Read live video."""
    services = current_services()
    refuse_repeated(request.args)
    model = services.torchserve.model(query.model or services.settings.stream_model).name
    connection = WebSocket.accept(request.environ, services.settings.stream_frame_bytes, [PROTOCOL])
    g.log_facts = services.streams.serve(connection, model)
    return Switched(status=101)


def _answer(recognition: Recognition, *, with_chars: bool) -> dict[str, Any]:
    """The recognition as JSON; what was not asked for, or is not there, is left out."""
    answer = asdict(recognition)
    for part in [answer, *(answer["pages"] or [])]:
        if part["reviewed_text"] is None:
            del part["reviewed_text"]
        if not with_chars:
            for line in part["lines"]:
                line.pop("chars", None)
    for name in ("pages", "warnings"):
        if not answer[name]:
            del answer[name]
    return answer


@api.get(
    "/models", tags=[_RECOGNITION], responses=responses(ModelsAnswer, RateLimitedError, RecognizerDownError)
)
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
