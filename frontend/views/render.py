"""HTTP: answers made into files, and pages drawn for who shows them."""

from __future__ import annotations

import io
import re
import time
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import quote

from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.datastructures import FileStorage, MultiDict

from frontend.errors import (
    BusyError,
    ForeignOriginError,
    ImageTooLargeError,
    InvalidImageError,
    InvalidRequestError,
    UnsupportedBodyTypeError,
)
from frontend.files.page_images import draw
from frontend.files.pdfium import RESOLUTION
from frontend.formats.hocr import Hocr
from frontend.formats.searchable_pdf import SearchablePdf
from frontend.formats.text import Answer, Output, Table, Text
from frontend.web.context import KEY_PROBLEMS, KEYED, current_services
from frontend.web.openapi import PICTURE_HEADERS, file_responses, form_content, picture_responses
from frontend.web.render_schemas import AnswerGiven, NamedAnswer, PictureForm, RenderForm
from frontend.web.uploads import check_size, refuse_query, validate_fields

MEDIA_TYPES = {
    "txt": "text/plain",
    "tsv": "text/tab-separated-values",
    "hocr": "application/xhtml+xml",
    "pdf": "application/pdf",
}
MAX_ANSWERS_BYTES = 64 * 1024 * 1024
"""Of JSON; as objects it takes several times as much."""
MAX_SECONDS = 60.0
_FORM_ADVICE = (
    "Send a form (multipart/form-data), the files in it as file parts `image`; with curl: -F image=@a.png"
)
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
"""In names of files, on one system or another."""
_PROBLEMS = (
    *KEY_PROBLEMS,
    ForeignOriginError,
    InvalidRequestError,
    InvalidImageError,
    ImageTooLargeError,
    UnsupportedBodyTypeError,
    BusyError,
)
_FILES = Tag(name="Files")

render_api = APIBlueprint("render", __name__)


@render_api.post(
    "/render",
    tags=[_FILES],
    description="Send answers of /recognize and get them as one file: text, a table, hOCR, or a PDF that can "
    "be searched. For a PDF send the files that were read as well: pages of a PDF stay as they are, images "
    f"become pages of their size, at {RESOLUTION} dots per inch unless they say otherwise.",
    security=KEYED,
    responses=file_responses(MEDIA_TYPES.values(), *_PROBLEMS),
    openapi_extensions={"requestBody": form_content(RenderForm)},
)
def render() -> Response:
    """Make answers into a file."""
    services = current_services()
    limit = services.settings.max_batch_body_bytes
    request.max_content_length = request.max_form_memory_size = limit
    _check_form()
    with services.drawing.admit(request.content_length or limit, account=g.account, is_page=True):
        form = _render_form()
        content = _written(form, request.files.getlist("image"))
    response = Response(content, mimetype=MEDIA_TYPES[form.format])
    response.headers["Content-Disposition"] = _attachment(_stem(form.answers), form.format)
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
    form = validate_fields(PictureForm, request.form, request.files)
    data = _content(form.image, services.settings.max_image_bytes)
    with services.drawing.admit(len(data), account=g.account, is_page=True):
        drawn = draw(data, form.page, form.max_side)
    response = Response(drawn.content, mimetype=drawn.media_type)
    for name, number in zip(PICTURE_HEADERS, (drawn.pages, drawn.width, drawn.height), strict=True):
        response.headers[name] = str(number)
    return response


def _check_form() -> None:
    """Raises InvalidRequestError or UnsupportedBodyTypeError unless there is a form with files as files."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedBodyTypeError(_FORM_ADVICE)
    refuse_query(request)
    if "image" in request.form:
        raise InvalidRequestError([("image", "This must be a file part; with curl: -F image=@image.png")])


def _content(part: FileStorage, max_bytes: int) -> bytes:
    """Raises InvalidImageError or ImageTooLargeError."""
    part.stream.seek(0)
    data = part.stream.read(max_bytes + 1)
    check_size(data, max_bytes)
    return data


def _render_form() -> RenderForm:
    """Answers may come as a file part, too: so a browser sends what is long. Raises InvalidRequestError."""
    images = request.files.getlist("image")
    named: list[tuple[str, Any]] = [("image", images)] if images else []
    for name, part in request.files.items(multi=True):
        if name != "image":
            named.append((name, _text(part) if name == "answers" else part))
    texts = (*request.form.getlist("answers"), *(value for name, value in named if name == "answers"))
    if any(len(text) > MAX_ANSWERS_BYTES for text in texts):
        raise InvalidRequestError([("answers", "These are too long. Send fewer at once.")])
    form = validate_fields(RenderForm, request.form, MultiDict(named))
    if form.format == "pdf" and len(images) != len(form.answers):
        message = f"Send a file for each answer, in the same order: {len(form.answers)}, not {len(images)}."
        raise InvalidRequestError([("image", message)])
    return form


def _text(part: FileStorage) -> str:
    return part.stream.read(MAX_ANSWERS_BYTES + 1).decode(errors="replace")


def _written(form: RenderForm, images: list[FileStorage]) -> bytes:
    """The file. Raises OCRError."""
    file = io.BytesIO()
    if form.format == "pdf":
        _write_pdf(file, form.answers, images)
    else:
        text = io.TextIOWrapper(file, "utf-8", newline="\n")
        _write_text(_text_output(form.format, text, len(form.answers)), form.answers)
        text.detach()
    return file.getvalue()


def _text_output(form: str, text: io.TextIOWrapper, count: int) -> Output:
    if form == "tsv":
        return Table(text)
    return Hocr(text) if form == "hocr" else Text(text, headings=count > 1)


def _write_pdf(file: BinaryIO, answers: list[NamedAnswer], images: list[FileStorage]) -> None:
    max_bytes = current_services().settings.max_image_bytes
    files = {str(number): image for number, image in enumerate(images)}  # two may have the same name
    output = SearchablePdf(file, lambda number: _content(files[number], max_bytes))
    deadline = time.monotonic() + MAX_SECONDS
    for number, given in enumerate(answers):
        if time.monotonic() > deadline:
            raise ImageTooLargeError(f"It takes over {MAX_SECONDS:g} s. Send fewer images at once.")
        output.add(str(number), _as_answer(given.answer))
    output.end()


def _write_text(output: Output, answers: list[NamedAnswer]) -> None:
    for given in answers:
        output.add(given.name, _as_answer(given.answer))
    output.end()


def _as_answer(given: AnswerGiven) -> Answer:
    """As the client has it. A record of the history has no pages, but its lines say on which they are."""
    answer = given.model_dump(exclude_none=True)
    numbers = sorted({line["page"] for line in answer["lines"] if "page" in line})
    if numbers and not answer.get("pages"):
        answer["pages"] = [
            {
                "page": number,
                "width": given.width,
                "height": given.height,
                "lines": [line for line in answer["lines"] if line.get("page") == number],
            }
            for number in numbers
        ]
    return answer


def _attachment(stem: str, ending: str) -> str:
    """Content-Disposition (RFC 6266): with a plain name besides, where the name is not ASCII."""
    plain = f'attachment; filename="{stem if stem.isascii() else "text"}.{ending}"'
    return plain if stem.isascii() else f"{plain}; filename*=UTF-8''{quote(f'{stem}.{ending}', safe='')}"


def _stem(answers: list[NamedAnswer]) -> str:
    """As the file that was read, less its ending; of several as the first, and how many more there are."""
    stem = _UNFIT.sub(" ", PurePosixPath(answers[0].name.replace("\\", "/")).stem).strip(" .")[:100] or "text"
    return f"{stem} +{len(answers) - 1}" if len(answers) > 1 else stem
