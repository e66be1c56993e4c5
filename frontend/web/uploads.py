"""The three ways to send an image or its address, made one: JSON with Base64, a form, the file itself."""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO, Any, NamedTuple, TypeVar

import flask
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from frontend.errors import (
    ImageTooLargeError,
    InvalidImageError,
    InvalidRequestError,
    UnsupportedBodyTypeError,
)
from frontend.files.names import file_name, url_name
from frontend.settings import MAX_FILES
from frontend.tasks.items import File
from frontend.web.bodies import read_body, read_json, refuse_encoding
from frontend.web.request_schemas import (
    BatchForm,
    RecognizeBody,
    RecognizeForm,
    RecognizeOptions,
)
from frontend.web.validation import field_errors

T = TypeVar("T", bound=BaseModel)

_DATA_URI = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)
_TO_STANDARD = str.maketrans("-_", "+/", " \t\r\n")
_URLENCODED = "application/x-www-form-urlencoded"
_CURL_ADVICE = (
    "This Content-Type is what curl sends by default with -d. To send an image file, use "
    "`--data-binary @image.png -H 'Content-Type: image/png'` or `-F image=@image.png`; "
    "to send JSON, add `-H 'Content-Type: application/json'`."
)


_BATCH_ADVICE = (
    "Send a form with file parts `image` (multipart/form-data; with curl: -F image=@a.png -F image=@b.pdf), "
    "or one ZIP or PDF as the body itself (application/zip, application/pdf)."
)
_BATCH_TYPES = frozenset({"", "application/octet-stream", "application/pdf", "application/zip"})
_BATCH_TYPES |= {"application/x-zip-compressed"}
_FILE_TYPES = frozenset({"", "application/octet-stream", "application/pdf"})


class FrugalRequest(flask.Request):
    """Keeps an uploaded image in memory and off the disk; a batch, far larger, in files without a name."""

    def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
        large = (self.max_content_length or 0) > flask.current_app.config["MAX_CONTENT_LENGTH"]
        return tempfile.TemporaryFile() if large else BytesIO()


class Batch(NamedTuple):
    """Files as they were, and how to read the images in them."""

    files: list[File]
    options: RecognizeOptions


class Upload(NamedTuple):
    """An image as its file was, how to read it, and the file's name."""

    image: bytes
    options: RecognizeOptions
    name: str | None = None


def read_upload(request: Request, max_bytes: int, fetch: Callable[[str], bytes]) -> Upload:
    """The image of a request, at most `max_bytes` long; `fetch` gets the one at a URL. Raises OCRError."""
    kind = request.mimetype
    if kind == "application/json" or kind.endswith("+json"):
        upload = _from_json(request)
    elif kind == "multipart/form-data":
        upload = _from_form(request)
    elif kind in _FILE_TYPES or kind.startswith("image/"):
        upload = _from_body(request)
    else:
        raise UnsupportedBodyTypeError(_CURL_ADVICE if kind == _URLENCODED else None)
    if upload.options.url is not None:
        upload = upload._replace(image=fetch(upload.options.url))
    check_size(len(upload.image), max_bytes)
    return upload._replace(name=_name(upload))


def _name(upload: Upload) -> str | None:
    """As `name` says, else that of the file part or of the address."""
    given, url = upload.options.name, upload.options.url
    return file_name(given) or file_name(upload.name) or (url_name(url) if url else None)


def check_size(size_bytes: int, max_bytes: int) -> None:
    """Raises InvalidImageError or ImageTooLargeError unless there is an image, and not too much of it."""
    if not size_bytes:
        raise InvalidImageError("The image is empty (0 bytes). Send the bytes of an image file.")
    if size_bytes > max_bytes:
        raise ImageTooLargeError(f"The image is over {max_bytes / 1024**2:g} MB. Send a smaller one.")


def _from_body(request: Request) -> Upload:
    body, options = read_body(request), validate_fields(RecognizeOptions, filled(request.args))
    _check_source(body or options.url is None, options)
    return Upload(body, options)


def _check_source(is_sent: object, options: RecognizeOptions) -> None:
    """Raises InvalidRequestError unless there is either an image or its address."""
    if is_sent and options.url is not None:
        raise InvalidRequestError([("url", "Give this or send the image itself, not both.")])
    if not is_sent and options.url is None:
        raise InvalidRequestError([("image", "This field is required, unless `url` has its address.")])


@contextmanager
def read_batch(request: Request) -> Iterator[Batch]:
    """The files of a request, none of them held in memory. Raises the OCRError that fits."""
    kind = request.mimetype
    with tempfile.TemporaryFile() as body:
        if kind == "multipart/form-data":
            batch = _batch_from_form(request)
        elif kind in _BATCH_TYPES or kind.startswith("image/"):
            refuse_encoding(request)
            options = validate_fields(RecognizeOptions, filled(request.args))
            batch = Batch([File(file_name(options.name) or "", body)], options)
            _spool(request, body)
        else:
            raise UnsupportedBodyTypeError(_BATCH_ADVICE)
        if batch.options.url is not None:
            raise InvalidRequestError([("url", "Send the files of a batch themselves.")])
        if (count := len(batch.files)) > MAX_FILES:
            raise InvalidRequestError([("image", f"Send at most {MAX_FILES} files at once, not {count}.")])
        yield batch


def _batch_from_form(request: Request) -> Batch:
    form, files = _form(request, "These must be file parts; with curl: -F image=@a.png")
    parts = files.getlist("image")
    named = [(name, parts if name == "image" else part) for name, part in files.items()]
    options = validate_fields(BatchForm, filled(form), MultiDict(named))
    if options.name is not None:
        raise InvalidRequestError([("name", "Name the file parts themselves.")])
    return Batch([File((part.filename or "")[:200], part.stream) for part in parts], options)


def _spool(request: Request, file: IO[bytes]) -> None:
    """All of the body into `file`."""
    shutil.copyfileobj(request.stream, file)
    size = file.tell()
    if request.content_length is None and size >= (request.max_content_length or sys.maxsize):
        raise RequestEntityTooLarge  # one of unannounced length ends at the limit in silence
    if not size:
        raise InvalidImageError(f"The body is empty (0 bytes). {_BATCH_ADVICE}")


def _from_json(request: Request) -> Upload:
    refuse_query(request)
    try:
        body = RecognizeBody.model_validate_json(read_json(request), strict=True)
    except ValidationError as error:
        raise field_errors(error) from error
    _check_source(body.image is not None, body)
    text, body.image = body.image, None  # options live as long as the request, the Base64 need not
    return Upload(decode_base64(text or "", "image"), body)


def _from_form(request: Request) -> Upload:
    form, files = _form(request, "This must be a file part; with curl: -F image=@image.png")
    options = validate_fields(RecognizeForm, filled(form), files)
    _check_source("image" in files, options)
    if options.url is not None:
        return Upload(b"", options)
    part = files["image"]
    with part.stream as file:
        return Upload(file.read(), options, part.filename)


def _form(request: Request, advice: str) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """The fields and the file parts of a form; one named `file`, as many clients do, is an `image`."""
    refuse_query(request)
    refuse_encoding(request)
    if wrong := next((name for name in ("image", "file") if name in request.form), None):
        raise InvalidRequestError([(wrong, advice)])
    parts = request.files.items(multi=True)
    return request.form, MultiDict(("image" if name == "file" else name, part) for name, part in parts)


def filled(fields: MultiDict[str, str]) -> MultiDict[str, str]:
    """Without those left empty, as HTML forms send them: they have their defaults."""
    return MultiDict((name, text) for name, text in fields.items(multi=True) if text)


def refuse_query(request: Request) -> None:
    """Options beside a JSON body or a form would be read by nobody."""
    if request.args:
        message = "Put this into the body; the query string is only for an image sent as the body itself."
        raise InvalidRequestError([(name, message) for name in request.args])


def refuse_repeated(*sources: MultiDict[str, Any]) -> None:
    """Raises InvalidRequestError: of a name given twice, one value would count by chance."""
    counts = Counter(name for source in sources for name, _ in source.items(multi=True))
    if repeated := sorted(name for name, count in counts.items() if count > 1):
        raise InvalidRequestError([(name, "Give this only once.") for name in repeated])


def validate_fields(schema: type[T], *sources: MultiDict[str, Any]) -> T:
    """Fields of a request as `schema` has them, none of them given twice. Raises InvalidRequestError."""
    refuse_repeated(*sources)
    values = [(name, value) for source in sources for name, value in source.items()]
    try:
        return schema.model_validate(dict(values))
    except ValidationError as error:
        raise field_errors(error) from error


def decode_base64(text: str, field: str) -> bytes:
    """Base64 (RFC 4648, either alphabet, padded or not) with or without a data: prefix and white space."""
    prefix = _DATA_URI.match(text)
    digits = text[prefix.end() if prefix else 0 :].translate(_TO_STANDARD)
    if "=" not in digits:
        digits += "=" * (-len(digits) % 4)
    try:
        return base64.b64decode(digits, validate=True)
    except (binascii.Error, ValueError) as error:
        message = "This is not valid Base64. Encode the image file, for example with `base64 -w0`."
        raise InvalidRequestError([(field, message)]) from error
