"""Routes that clients of other services know: read as theirs, recognized as ours, answered as theirs."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from frontend.errors import ImageTooLargeError, InvalidRequestError, OCRError
from frontend.recognition.answers import Recognition
from frontend.services import Services
from frontend.views import paddlex, umi_ocr
from frontend.views.recognize import read
from frontend.web import examples, problems
from frontend.web.bodies import read_json
from frontend.web.context import KEYED, current_owner, current_services, fetch
from frontend.web.openapi import operation_id
from frontend.web.request_schemas import RecognizeOptions
from frontend.web.uploads import check_size, decode_base64

_COMPATIBLE = Tag(name="Compatible", description="For clients of other OCR services, in their formats.")

umi_api = APIBlueprint("umi_ocr", __name__, operation_id_callback=operation_id)
paddlex_api = APIBlueprint("paddlex", __name__, operation_id_callback=operation_id)


def _described(
    body: type[BaseModel], field: str, answer: type[BaseModel], failure: type[BaseModel], *statuses: int
) -> dict[str, Any]:
    """The OpenAPI description of a route whose failures with these statuses have one form.

    `field` of its body has the image.
    """
    schema = body.model_json_schema()
    content = {"application/json": {"schema": schema, "example": {field: examples.IMAGE}}}
    return {
        "tags": [_COMPATIBLE],
        "security": KEYED,
        "responses": {200: answer} | dict.fromkeys(statuses, failure),
        "openapi_extensions": {"requestBody": {"required": True, "content": content}},
    }


@umi_api.post(
    "/api/ocr",
    **_described(
        umi_ocr.UmiBody, "base64", umi_ocr.UmiAnswer, umi_ocr.UmiAnswer, 401, 403, 413, 429, 500, 503
    ),
)
def read_for_umi_ocr() -> Response:
    """As Umi-OCR: an image in Base64."""
    started = time.time()
    services, owner = current_services(), current_owner()
    body = umi_ocr.parse(read_json(request))
    image = _image(services, body.base64, "base64")
    recognition = read(services, owner, image, RecognizeOptions.model_validate({}))
    return jsonify(umi_ocr.answer(recognition, body.options, started))


@umi_api.errorhandler(umi_ocr.Refusal)
def _refuse_as_umi_ocr(refusal: umi_ocr.Refusal) -> Response:
    return jsonify(refusal.body)


def _fail_as_umi_ocr(error: OCRError) -> Response:
    status, body = umi_ocr.failure(error)
    return _answered(body, status, error)


@paddlex_api.post(
    "/ocr",
    **_described(
        paddlex.PaddleXBody,
        "file",
        paddlex.PaddleXAnswer,
        paddlex.PaddleXFailure,
        *(400, 401, 403, 413, 415, 422, 429, 500, 502, 503, 504),
    ),
)
def read_for_paddlex() -> Response:
    """As PaddleX's basic serving: an image or a PDF, in Base64 or by its URL."""
    services, owner = current_services(), current_owner()
    body = paddlex.parse(read_json(request))
    image = fetch(body.file) if body.is_url else _image(services, body.file, "file")
    recognition = _read_first_pages(services, owner, image)
    return jsonify(paddlex.answer(recognition, body.threshold))


def _read_first_pages(services: Services, owner: str, image: bytes) -> Recognition:
    """All of a document, or of a long one the first pages."""
    try:
        return read(services, owner, image, RecognizeOptions.model_validate({}))
    except ImageTooLargeError as too_large:
        first = RecognizeOptions.model_validate({"pages": f"1-{paddlex.MAX_PAGES}"})
        try:
            return read(services, owner, image, first)
        except InvalidRequestError:  # it has not so many pages: something else is too large
            raise too_large from None


def _fail_as_paddlex(error: OCRError) -> Response:
    return _answered(paddlex.failure(error), error.status, error)


def _image(services: Services, base64: str, field: str) -> bytes:
    image = decode_base64(base64, field)
    check_size(len(image), services.settings.max_image_bytes)
    return image


def _answered(body: dict[str, Any], status: int, error: OCRError) -> Response:
    response = jsonify(body)
    response.status_code = status
    response.headers.extend(error.headers)
    return response


problems.register(umi_api, _fail_as_umi_ocr)
problems.register(paddlex_api, _fail_as_paddlex)
