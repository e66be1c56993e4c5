"""HTTP: parse, call, answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from flask import Response, current_app, g, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from frontend.access import Caller, Owners, check_own_origin
from frontend.answers import (
    HealthAnswer,
    HistoryAnswer,
    ModelsAnswer,
    ReadyAnswer,
    RecognizeAnswer,
    RecordAnswer,
)
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
    UnauthorizedError,
    UnknownModelError,
    UnsupportedBodyTypeError,
    UnsupportedImageTypeError,
    UpgradeRequiredError,
)
from frontend.history import History, HistoryFilter
from frontend.openapi import query_parameters, responses, switching, upload_content
from frontend.readiness import Readiness
from frontend.recognizer import Options, Recognition, Recognizer
from frontend.schemas import (
    HistoryQuery,
    RecognizeBody,
    RecognizeForm,
    RecognizeOptions,
    RecordPath,
    StreamQuery,
)
from frontend.settings import Settings
from frontend.stream import PROTOCOL, Streams, offered_key
from frontend.torchserve import TorchServe
from frontend.uploads import read_upload, refuse_repeated
from frontend.websocket import Switched, WebSocket

COOKIE = "ocr_owner"
EXTENSION = "ocr"
_KEYED: list[dict[str, list[Any]]] = [{"bearer": []}, {"apiKey": []}, {}]  # {}: no keys are configured
_RECOGNITION, _HISTORY, _SERVICE = Tag(name="Recognition"), Tag(name="History"), Tag(name="Service")
_RECOGNIZE_PROBLEMS = (
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

_STREAM_PROBLEMS = (
    UnauthorizedError,
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
    history: History
    recognizer: Recognizer
    streams: Streams
    readiness: Readiness
    owners: Owners

    def close(self) -> None:
        """Give back the connections."""
        self.history.close()
        self.cache.close()
        self.torchserve.close()


def _services() -> Services:
    services: Services = current_app.extensions[EXTENSION]
    return services


def _owner(key: str | None = None) -> str:
    """Whose request this is, by `key` or its headers. A new browser's cookie goes out with the answer.

    Raises UnauthorizedError.
    """
    headers = request.headers
    caller: Caller = _services().owners.identify(
        headers.get("Authorization"), key or headers.get("X-API-Key"), request.cookies.get(COOKIE)
    )
    g.new_cookie = caller.new_cookie
    return caller.owner


@api.post(
    "/recognize",
    tags=[_RECOGNITION],
    description="Send JSON with the image in Base64, a form with a file part, or the image file as the body "
    "itself. The query string is for the options of the last kind only.",
    security=_KEYED,
    responses=responses(RecognizeAnswer, *_RECOGNIZE_PROBLEMS),
    openapi_extensions={
        "parameters": query_parameters(RecognizeOptions),
        "requestBody": upload_content(RecognizeBody, RecognizeForm),
    },
)
def recognize() -> Response:
    """Read the text in an image."""
    services, owner = _services(), _owner()
    image, options = read_upload(request, services.settings.max_image_bytes)
    given = {f.name: getattr(options, f.name) for f in fields(Options)}
    recognition = services.recognizer.recognize(image, owner, g.request_id, options.model, Options(**given))
    g.log_facts = {"cached": recognition.cached, "model": recognition.model}
    return jsonify(_answer(recognition, with_chars=options.detail == "chars"))


@api.get(
    "/stream",
    tags=[_RECOGNITION],
    description="A WebSocket: each binary message is a JPEG frame, each answer a JSON object with the lines "
    "that the video shows. A browser offers the subprotocols `ocr` and, where a key is needed, `ocr.key.` "
    "with the key in URL-safe Base64 after it. docs/stream.md describes the messages.",
    security=_KEYED,
    responses=switching(*_STREAM_PROBLEMS),
)
@api.get("/stream", endpoint="websocket", websocket=True, doc_ui=False)  # the router keeps the two apart
def stream(query: StreamQuery) -> Switched:
    """Read live video."""
    services = _services()
    refuse_repeated(request.args)
    check_own_origin(request.headers.get("Origin"), request.host)
    _owner(offered_key(request.headers.get("Sec-WebSocket-Protocol", "")))
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
    "/history",
    tags=[_HISTORY],
    security=_KEYED,
    responses=responses(HistoryAnswer, UnauthorizedError, InvalidRequestError, HistoryDownError),
)
def list_history(query: HistoryQuery) -> Response:
    """Your records, newest first, page by page."""
    refuse_repeated(request.args)
    wanted = HistoryFilter(query.image_hash, query.q, query.since, query.until)
    page = _services().history.find(_owner(), wanted, query.limit, query.cursor)
    return jsonify(items=page.records, next_cursor=page.next_cursor)


@api.get(
    "/history/<record_id>",
    tags=[_HISTORY],
    security=_KEYED,
    responses=responses(RecordAnswer, UnauthorizedError, RecordNotFoundError, HistoryDownError),
)
def get_record(path: RecordPath) -> Response:
    """One of your records, with its lines and characters."""
    return jsonify(_services().history.get(_owner(), path.record_id))


@api.delete(
    "/history/<record_id>",
    tags=[_HISTORY],
    security=_KEYED,
    responses=responses(None, *_DELETE_PROBLEMS),
)
def delete_record(path: RecordPath) -> Response:
    """Forget one of your records, and the cached answer to its image."""
    services, owner = _services(), _owner()
    services.cache.delete(services.history.cache_key(owner, path.record_id))
    services.history.delete(owner, path.record_id)
    return Response(status=204)


@api.get("/models", tags=[_RECOGNITION], responses=responses(ModelsAnswer, RecognizerDownError))
def list_models() -> Response:
    """The models that `model` can name."""
    services = _services()
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
    return jsonify(ready=True, parts=_services().readiness.check())
