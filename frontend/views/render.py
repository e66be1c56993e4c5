"""HTTP: answers made into files, and pages drawn for who shows them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any
from urllib.parse import quote

from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.datastructures import FileStorage, MultiDict

from frontend.client.file_types import ZIP
from frontend.errors import (
    BusyError,
    ForeignOriginError,
    ImageTooLargeError,
    InvalidImageError,
    InvalidRequestError,
    UnavailableError,
    UnsupportedBodyTypeError,
)
from frontend.files.page_images import draw
from frontend.files.pdfium import RESOLUTION
from frontend.files.sandbox import DRAWING
from frontend.formats.answer_files import MEDIA_TYPES
from frontend.web import rendering
from frontend.web.context import KEY_PROBLEMS, KEYED, client_watch, current_services
from frontend.web.openapi import (
    PICTURE_HEADERS,
    file_responses,
    form_content,
    operation_id,
    picture_responses,
)
from frontend.web.render_schemas import PictureForm, RenderForm
from frontend.web.rendering import Rendered
from frontend.web.uploads import check_size, filled, refuse_query, refuse_repeated, validate_fields

MAX_ANSWERS_BYTES = 64 * 1024 * 1024
"""Of JSON; as objects it takes several times as much."""
MAX_SECONDS = 60.0
_FORM_ADVICE = (
    "Send a form (multipart/form-data), the files in it as file parts `image`; with curl: -F image=@a.png"
)
_PROBLEMS = (
    *KEY_PROBLEMS,
    ForeignOriginError,
    InvalidRequestError,
    InvalidImageError,
    ImageTooLargeError,
    UnsupportedBodyTypeError,
    UnavailableError,
    BusyError,
)
_FILES = Tag(name="Files")


render_api = APIBlueprint("render", __name__, operation_id_callback=operation_id)


@render_api.post(
    "/render",
    tags=[_FILES],
    description="Send answers of /recognize and get them as a file: text, Markdown, CSV, a workbook, a table "
    "of lines, hOCR, or a PDF that can be searched; with `separate`, one for each. For a PDF send the files "
    "that were read as well: pages of a PDF stay as they are, images become pages of their size, at "
    f"{RESOLUTION} dots per inch unless they say otherwise.",
    security=KEYED,
    responses=file_responses([*dict.fromkeys(MEDIA_TYPES.values()), ZIP.media_type], *_PROBLEMS),
    openapi_extensions={"requestBody": form_content(RenderForm)},
)
def render() -> Response:
    """Make answers into a file."""
    services = current_services()
    limit = services.settings.max_batch_body_bytes
    request.max_content_length = request.max_form_memory_size = limit
    _check_form()
    with services.drawing.admit(request.content_length or limit, account=g.account, is_page=True):
        made, content = _rendered()
    response = Response(content, mimetype=made.media_type)
    response.headers["Content-Disposition"] = _attachment(made.stem, made.ending)
    return response


@render_api.post(
    "/picture",
    tags=[_FILES],
    description="Send an image or a PDF and get one of its pages as the recognizer sees it, but in colour: "
    f"upright by its EXIF orientation, a PDF drawn at {RESOLUTION} dots per inch. Boxes in the answer of "
    "/recognize are pixels of a picture `X-Width` wide and `X-Height` high.",
    security=KEYED,
    responses=picture_responses(*_PROBLEMS),
    openapi_extensions={"requestBody": form_content(PictureForm)},
)
def picture() -> Response:
    """Draw a page."""
    services = current_services()
    _check_form()
    form = validate_fields(PictureForm, filled(request.form), request.files)
    data = _content(form.image, services.settings.max_image_bytes)
    with services.drawing.admit(len(data), account=g.account, is_page=True):
        drawn = DRAWING.run(draw, data, form.page, form.max_side, is_awaited=client_watch())
    response = Response(drawn.content, mimetype=drawn.media_type)
    for name, number in zip(PICTURE_HEADERS, (drawn.pages, drawn.width, drawn.height), strict=True):
        response.headers[name] = str(number)
    return response


def _check_form() -> None:
    """Raises InvalidRequestError or UnsupportedBodyTypeError unless there is a form with files as files."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedBodyTypeError(_FORM_ADVICE)
    refuse_query(request)
    empty = request.form.getlist("image")  # Swagger UI and HTML forms send one where no file is chosen
    if len(empty) > 1 or any(empty):
        raise InvalidRequestError([("image", "This must be a file part; with curl: -F image=@image.png")])


def _content(part: FileStorage, max_bytes: int) -> bytes:
    """Raises InvalidImageError or ImageTooLargeError."""
    part.stream.seek(0)
    data = part.stream.read(max_bytes + 1)
    check_size(len(data), max_bytes)
    return data


def _fields() -> dict[str, Any]:
    """Of the form, for render(): a number for each `image`. Raises InvalidRequestError.

    Answers may come as a file part, too: so a browser sends what is long.
    """
    fields, files = filled(request.form), request.files
    refuse_repeated(fields, MultiDict((name, part) for name, part in files.items(True) if name != "image"))
    values: dict[str, Any] = fields.to_dict() | dict.fromkeys(files, "")
    if answers := files.get("answers"):
        values["answers"] = _text(answers)
    if len(values.get("answers", "")) > MAX_ANSWERS_BYTES:
        raise InvalidRequestError([("answers", "These are too long. Send fewer at once.")])
    return values | {"image": list(range(len(files.getlist("image"))))}


def _text(part: FileStorage) -> str:
    return part.stream.read(MAX_ANSWERS_BYTES + 1).decode(errors="replace")


def _rendered() -> tuple[Rendered, bytes]:
    """What is asked for, and its content. Raises OCRError."""
    max_bytes = current_services().settings.max_image_bytes
    fields, images = _fields(), request.files.getlist("image")
    with ExitStack() as opened:
        file = opened.enter_context(tempfile.TemporaryFile())
        files: list[IO[bytes]] = [file]
        if fields.get("format") == "pdf":
            files += [opened.enter_context(_on_disk(part, max_bytes)) for part in images]
        made = DRAWING.run(
            rendering.render, fields, files=files, seconds=MAX_SECONDS, is_awaited=client_watch()
        )
        file.seek(0)
        return made, file.read()


@contextmanager
def _on_disk(part: FileStorage, max_bytes: int) -> Iterator[IO[bytes]]:
    """A file part as a file without a name. Raises InvalidImageError or ImageTooLargeError."""
    part.stream.seek(0)
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(part.stream, file)
        check_size(file.tell(), max_bytes)
        file.flush()
        yield file


def _attachment(stem: str, ending: str) -> str:
    """Content-Disposition (RFC 6266): with a plain name besides, where the name is not ASCII."""
    plain = f'attachment; filename="{stem if stem.isascii() else "text"}.{ending}"'
    return plain if stem.isascii() else f"{plain}; filename*=UTF-8''{quote(f'{stem}.{ending}', safe='')}"
