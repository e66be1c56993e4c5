"""HTTP: read an image, list the models."""

from __future__ import annotations

from dataclasses import fields
from io import BytesIO

from flask import Response, g, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from frontend.errors import (
    InvalidRequestError,
    RateLimitedError,
    RecognizerDownError,
    TasksDownError,
    TooManyTasksError,
)
from frontend.extraction.extract import to_answer
from frontend.files.image_headers import megapixels
from frontend.recognition.answers import Options, Recognition
from frontend.recognition.entry import Entry
from frontend.recognition.models import find_model, sure_threshold
from frontend.services import Services
from frontend.settings import MAX_MEGAPIXELS
from frontend.tasks.items import File
from frontend.views.tasks import accept
from frontend.web import idempotency
from frontend.web.context import (
    KEYED,
    RECOGNITION,
    RECOGNIZE_PROBLEMS,
    current_owner,
    current_services,
    fetch,
)
from frontend.web.idempotency import occasion
from frontend.web.negotiation import TEXT_TYPES, text_response, text_type
from frontend.web.openapi import operation_id, query_parameters, responses, upload_content
from frontend.web.request_schemas import RecognizeBody, RecognizeForm, RecognizeOptions
from frontend.web.response_schemas import AcceptedAnswer, ModelsAnswer, RecognizeAnswer
from frontend.web.uploads import read_upload

api = APIBlueprint("api", __name__, operation_id_callback=operation_id)


def read(
    services: Services, owner: str, image: bytes, options: RecognizeOptions, name: str | None = None
) -> Recognition:
    """Recognize an image, whose file has this name. Raises OCRError."""
    given = {f.name: getattr(options, f.name) for f in fields(Options)}
    once = occasion(owner, options, [File("", BytesIO(image))])
    recognition = services.recognizer.recognize(
        image,
        owner,
        g.request_id,
        options.model,
        Options(**given),
        g.account,
        entry=Entry(name, once) if options.history else None,
    )
    g.log_facts = recognition.facts(len(image))
    return recognition


@api.post(
    "/recognize",
    tags=[RECOGNITION],
    description="Send JSON with the image in Base64, a form with a file part, or the image file as the body "
    "itself; or, in place of the image, its address as `url`. The query string is for the options of the "
    "last kind only; with `url` there, send no body. With `Accept: text/plain`, "
    "`text/markdown`, `text/csv` or `text/tab-separated-values` the answer is the text alone.",
    security=KEYED,
    responses={
        202: AcceptedAnswer,
        **responses(RecognizeAnswer, *RECOGNIZE_PROBLEMS, TooManyTasksError, TasksDownError),
    },
    openapi_extensions={
        "parameters": [idempotency.PARAMETER, *query_parameters(RecognizeOptions)],
        "requestBody": upload_content(RecognizeBody, RecognizeForm),
    },
)
def recognize() -> Response:
    """Read the text in an image."""
    services, owner = current_services(), current_owner()
    image, options, name = read_upload(request, services.settings.max_image_bytes, fetch)
    if _is_for_later(image, options):
        return accept(services, owner, [File(name or "", BytesIO(image))], options)
    if media_type := text_type():
        options.text_format = TEXT_TYPES[media_type] or options.text_format
    recognition = read(services, owner, image, options, name)
    if media_type:
        return text_response(recognition.reviewed_text or recognition.text, media_type)
    return jsonify(to_answer(recognition, options.detail))


def _is_for_later(image: bytes, options: RecognizeOptions) -> bool:
    """Whether a task is to read the image: as it was asked for, else if it is very large."""
    if options.webhook and options.async_ is False:
        raise InvalidRequestError([("webhook", "Only a task calls it. Leave out `async`.")])
    if options.webhook or options.async_ is not None:
        return bool(options.webhook or options.async_)
    return current_services().settings.async_megapixels < megapixels(image) <= MAX_MEGAPIXELS


@api.get(
    "/models", tags=[RECOGNITION], responses=responses(ModelsAnswer, RateLimitedError, RecognizerDownError)
)
def list_models() -> Response:
    """The models that `model` can name."""
    services = current_services()
    models = services.torchserve.models()
    default = find_model(models, services.serving.default_model)
    shown = [
        {
            **{name: getattr(facts, name) for name in ("name", "version", "ready", "aliases", "about")},
            "default": facts is default,
        }
        for facts in models.values()
    ]
    shown.sort(key=lambda model: (not model["default"], model["name"]))
    return jsonify(models=shown, sure_threshold=sure_threshold(models))
