"""HTTP: read an image, list the models."""

from __future__ import annotations

from dataclasses import fields
from io import BytesIO

from flask import Response, g, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from frontend.errors import RateLimitedError, RecognizerDownError, TasksDownError
from frontend.files.image_headers import megapixels
from frontend.recognition.models import find_model
from frontend.recognition.recognizer import Options, Recognition, as_answer
from frontend.services import Services
from frontend.settings import MAX_MEGAPIXELS
from frontend.tasks.items import File
from frontend.views.tasks import accept
from frontend.web import idempotency
from frontend.web.context import KEYED, RECOGNITION, RECOGNIZE_PROBLEMS, current_owner, current_services
from frontend.web.idempotency import occasion
from frontend.web.openapi import query_parameters, responses, upload_content
from frontend.web.request_schemas import RecognizeBody, RecognizeForm, RecognizeOptions
from frontend.web.response_schemas import AcceptedAnswer, ModelsAnswer, RecognizeAnswer
from frontend.web.uploads import read_upload

api = APIBlueprint("api", __name__)


def read(services: Services, owner: str, image: bytes, options: RecognizeOptions) -> Recognition:
    """Recognize an image. Raises OCRError."""
    given = {f.name: getattr(options, f.name) for f in fields(Options)}
    recognition = services.recognizer.recognize(
        image,
        owner,
        g.request_id,
        options.model,
        Options(**given),
        g.account,
        once=occasion(owner, options, [File("", BytesIO(image))]),
    )
    g.log_facts = recognition.facts(len(image))
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
        "parameters": [idempotency.PARAMETER, *query_parameters(RecognizeOptions)],
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
