"""HTTP: the file at an address, for pages that show what they have read."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from frontend.client.file_types import media_type
from frontend.errors import (
    BusyError,
    DownloadFailedError,
    DownloadTimeoutError,
    ForeignOriginError,
    ImageTooLargeError,
    InvalidRequestError,
    PrivateAddressError,
    UnsupportedImageTypeError,
)
from frontend.web.context import KEY_PROBLEMS, KEYED, RECOGNITION, fetch
from frontend.web.openapi import file_responses, operation_id
from frontend.web.request_schemas import ImportBody

_NEITHER = (
    "There is no image at this address, nor a PDF. Give the address of the image itself, not of a page."
)


import_api = APIBlueprint("imports", __name__, operation_id_callback=operation_id)


@import_api.post(
    "/import",
    tags=[RECOGNITION],
    description="For pages that show the image beside its text: browsers do not let them fetch from "
    "other sites. `url` of /recognize reads an image without this.",
    security=KEYED,
    responses=file_responses(
        ["image/*", "application/pdf"],
        *KEY_PROBLEMS,
        ForeignOriginError,
        ImageTooLargeError,
        UnsupportedImageTypeError,
        InvalidRequestError,
        PrivateAddressError,
        DownloadFailedError,
        DownloadTimeoutError,
        BusyError,
    ),
)
def import_file(body: ImportBody) -> Response:
    """The image or PDF at an address, byte for byte."""
    content = fetch(body.url)
    kind = media_type(content)
    if kind == "application/octet-stream":
        raise UnsupportedImageTypeError(_NEITHER)
    response = Response(content, mimetype=kind)
    response.headers["Content-Disposition"] = "attachment"
    return response
