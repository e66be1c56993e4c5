"""HTTP for live video: the handshake, after which stream.py has the connection."""

from __future__ import annotations

from flask import g, request
from flask_openapi3.blueprint import APIBlueprint

from frontend.errors import (
    ForeignOriginError,
    InvalidRequestError,
    RecognizerDownError,
    UnknownModelError,
    UpgradeRequiredError,
)
from frontend.live.stream import PROTOCOL
from frontend.live.websocket import Switched, WebSocket
from frontend.web.context import KEY_PROBLEMS, KEYED, RECOGNITION, current_services
from frontend.web.openapi import operation_id, switching
from frontend.web.request_schemas import StreamQuery
from frontend.web.uploads import refuse_repeated

_STREAM_PROBLEMS = (
    *KEY_PROBLEMS,
    ForeignOriginError,
    UnknownModelError,
    InvalidRequestError,
    UpgradeRequiredError,
    RecognizerDownError,
)

stream_api = APIBlueprint("streams", __name__, operation_id_callback=operation_id)


@stream_api.get(
    "/stream",
    tags=[RECOGNITION],
    description="A WebSocket: each binary message is a JPEG frame, each answer a JSON object with the lines "
    "that the video shows. A browser offers the subprotocols `ocr` and, where a key is needed, `ocr.key.` "
    "with the key in URL-safe Base64 after it. docs/stream.md describes the messages.",
    security=KEYED,
    responses=switching(*_STREAM_PROBLEMS),
)
@stream_api.get(
    "/stream", endpoint="websocket", websocket=True, doc_ui=False
)  # the router keeps the two apart
def stream(query: StreamQuery) -> Switched:
    """Read live video."""
    services = current_services()
    refuse_repeated(request.args)
    model = services.torchserve.model(query.model or services.settings.stream_model).name
    connection = WebSocket.accept(request.environ, services.settings.stream_frame_bytes, [PROTOCOL])
    g.log_facts = services.streams.serve(connection, model)
    return Switched(status=101)
