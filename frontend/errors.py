"""Everything that can go wrong, as one family below OCRError. problems.py alone turns it into HTTP."""

from __future__ import annotations

import copyreg
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar


class OCRError(Exception):
    """Base of all. `detail` is a sentence that says what to do; `extensions` are further problem members.

    `retry_after_seconds` says when to come back, where that helps.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong on the server"
    advice: ClassVar[str] = "Try again; if it happens again, tell whoever runs this service the request id."
    retry_after_seconds: int | None = None

    def __init__(self, detail: str | None = None, **extensions: object) -> None:
        self.detail = detail or self.advice
        self.extensions: Mapping[str, object] = extensions
        super().__init__(self.detail)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled as it is, whatever its constructor takes."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that belong to this error."""
        return {} if self.retry_after_seconds is None else {"Retry-After": str(self.retry_after_seconds)}


class MalformedRequestError(OCRError):
    status = 400
    code = "malformed-request"
    title = "This is not valid HTTP"
    advice = (
        "Percent-encode all but printable ASCII in the address "
        "(总 is %E6%80%BB; curl does it with -G --data-urlencode), and check the headers."
    )


class InvalidRequestError(OCRError):
    """The request is understood but wrong; `errors` lists (field, message) pairs."""

    status = 422
    code = "invalid-request"
    title = "The request is not valid"
    advice = "Correct the fields listed in `errors` and send the request again."

    def __init__(self, errors: Iterable[tuple[str, str]]) -> None:
        self.errors = list(errors)
        sentences = " ".join(f"{field}: {message}" for field, message in self.errors)
        super().__init__(
            sentences, errors=[{"field": field, "message": message} for field, message in self.errors]
        )


class PrivateAddressError(InvalidRequestError):
    """`url` leads into a network that is not the public internet, and that OCR_URL_ALLOW does not name."""

    code = "private-address"
    title = "This address is not on the public internet"
    advice = "Send the image itself, or ask the operator to add its network to OCR_URL_ALLOW."

    def __init__(self) -> None:
        message = f"This address, or one that it redirects to, is not on the public internet. {self.advice}"
        super().__init__([("url", message)])


def invalid_cursor() -> InvalidRequestError:
    """For a `cursor` that no page of results has had as its `next_cursor`."""
    message = "This cursor is not valid. Use the `next_cursor` of the previous page, or leave it out."
    return InvalidRequestError([("cursor", message)])


class InvalidImageError(OCRError):
    status = 400
    code = "invalid-image"
    title = "The image cannot be read"
    advice = "Send a complete PNG, JPEG, BMP, GIF, WebP, TIFF, HEIC or AVIF image, or a PDF."


class ImageTooLargeError(OCRError):
    status = 413
    code = "image-too-large"
    title = "The image is too large"
    advice = "Send a smaller image: scale it down or compress it."


class UnsupportedImageTypeError(OCRError):
    status = 415
    code = "unsupported-image-type"
    title = "This type of image is not supported"
    advice = "Convert the image to PNG, JPEG, BMP, GIF, WebP, TIFF, HEIC or AVIF and send it again."


class UnsupportedBodyTypeError(OCRError):
    status = 415
    code = "unsupported-body-type"
    title = "This Content-Type is not supported"
    advice = (
        "Send JSON with a Base64 `image` (Content-Type: application/json), a form with a file part `image` "
        "(multipart/form-data), or the file itself (image/*, application/pdf or application/octet-stream)."
    )


class UnknownModelError(OCRError):
    """No such model; `models` are those there are."""

    status = 404
    code = "unknown-model"
    title = "There is no such model"
    advice = "Name one of the models that GET /models lists, or leave `model` out."

    def __init__(self, name: str, models: Iterable[str]) -> None:
        known = sorted(models)
        choice = ", ".join(known) or "none is loaded"
        super().__init__(f"There is no model {name[:80]!r}. Use one of: {choice}.", models=known)


class RecordNotFoundError(OCRError):
    status = 404
    code = "record-not-found"
    title = "There is no such record"
    advice = "It may have expired or been deleted, or it belongs to someone else; GET /history lists yours."


class ImageNotKeptError(OCRError):
    status = 404
    code = "image-not-kept"
    title = "The image of this record was not kept"
    advice = (
        "Images are kept from the moment that the operator sets OCR_HISTORY_IMAGES=true; send it again then."
    )


class LineNotKeptError(OCRError):
    status = 404
    code = "line-not-kept"
    title = "There is no such line"
    advice = (
        "It may have gone with its record, or it belongs to someone else; GET /feedback/queue lists yours."
    )


class TaskNotFoundError(OCRError):
    status = 404
    code = "task-not-found"
    title = "There is no such task"
    advice = "It ended over 24 hours ago, or it belongs to someone else; GET /tasks lists yours."


class NotFoundError(OCRError):
    status = 404
    code = "not-found"
    title = "There is nothing at this address"
    advice = "Look up the address in GET /docs."


class MethodNotAllowedError(OCRError):
    status = 405
    code = "method-not-allowed"
    title = "This address does not support this method"
    advice = "Use a method that the Allow header names; GET /docs shows what each does."


class AddressTooLongError(OCRError):
    status = 414
    code = "address-too-long"
    title = "The address is too long"
    advice = "Shorten the address: send options as fields of a form or of JSON."


class ExpectationFailedError(OCRError):
    status = 417
    code = "expectation-failed"
    title = "This expectation cannot be met"
    advice = "Send no Expect header but 100-continue."


class HeadersTooLargeError(OCRError):
    status = 431
    code = "headers-too-large"
    title = "The headers are too large"
    advice = "Send fewer or shorter headers."


class TransferCodingError(OCRError):
    status = 501
    code = "transfer-coding"
    title = "This transfer coding is not supported"
    advice = "Use no Transfer-Encoding but chunked."


class UnauthorizedError(OCRError):
    status = 401
    code = "unauthorized"
    title = "An API key is needed"
    advice = (
        "Send your API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`. "
        "Whoever runs this service makes one with `make key NAME=…`."
    )

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="ocr"'}


class UpgradeRequiredError(OCRError):
    status = 426
    code = "upgrade-required"
    title = "This address speaks WebSocket"
    advice = "Open it with a WebSocket client (ws://, version 13), and send frames as binary messages."

    @property
    def headers(self) -> dict[str, str]:
        return {"Upgrade": "websocket", "Connection": "Upgrade"}


class UntrustedHostError(OCRError):
    status = 400
    code = "untrusted-host"
    title = "This host name is not served here"
    advice = "Use a host name that the service knows; its operator lists them in OCR_TRUSTED_HOSTS."


class ForeignOriginError(OCRError):
    status = 403
    code = "foreign-origin"
    title = "Pages of other sites may not do this"
    advice = (
        "Call this service from its own page, or from a program that sends no Origin header. "
        "Its operator lists other sites that may call it in OCR_CORS_ORIGINS."
    )


class InsufficientScopeError(OCRError):
    """The key is right, but not for this; `scope` is what it lacks (RFC 6750)."""

    status = 403
    code = "insufficient-scope"
    title = "This API key lacks a scope"
    advice = "Use a key whose scopes include what is asked for: `read` for GET, `write` for POST and DELETE."

    def __init__(self, scope: str) -> None:
        self._scope = scope
        super().__init__(f"This key lacks the scope `{scope}`. Ask for one that has it.", scope=scope)

    @property
    def headers(self) -> dict[str, str]:
        challenge = f'Bearer realm="ocr", error="insufficient_scope", scope="{self._scope}"'
        return {"WWW-Authenticate": challenge}


class RateLimitedError(OCRError):
    """Too many requests of one key, or of one address; more are taken in `retry_after_seconds`."""

    status = 429
    code = "rate-limited"
    title = "Too many requests"
    advice = "Wait as long as the Retry-After header says; the RateLimit header says what is left."

    def __init__(self, limit: str, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"The limit is {limit}. Come back in {retry_after_seconds} s.")


class TooManyTasksError(OCRError):
    """The unfinished tasks of one owner are at their limit, in number or in bytes."""

    status = 429
    code = "too-many-tasks"
    title = "You have too many unfinished tasks"
    advice = "Wait until some of your tasks have ended, or cancel some; then send this again."
    retry_after_seconds = 10


class RecognizerFailedError(OCRError):
    status = 502
    code = "recognizer-failed"
    title = "The recognizer gave no usable answer"
    advice = "Try again; if the same image fails again, tell whoever runs this service the request id."


class DownloadFailedError(OCRError):
    status = 502
    code = "download-failed"
    title = "The image cannot be fetched"
    advice = "Check that the address can be reached from the internet, or send the image itself."


class DownloadTimeoutError(OCRError):
    status = 504
    code = "download-timeout"
    title = "Fetching the image takes too long"
    advice = "The server at this address is too slow. Try again later, or send the image itself."


class ReadingTimeoutError(OCRError):
    """Reading took longer than the recognizer gives one request, waiting not counted."""

    status = 503
    code = "reading-timeout"
    title = "Reading it takes too long"
    advice = "Cut the image into parts, or scale it down."


class ItemTimeoutError(OCRError):
    """Of an item of a task: the worker's process was busy with it for OCR_TASK_TIMEOUT_SECONDS."""

    status = 504
    code = "item-timeout"
    title = "Reading it took too long"
    advice = "Send the image again, or a smaller one."


class UnavailableError(OCRError):
    """A part that is needed is away for now."""

    status = 503
    code = "unavailable"
    title = "The service is not available right now"
    advice = "Wait as long as the Retry-After header says, then send the request again."
    retry_after_seconds: int = 5


class BusyError(UnavailableError):
    code = "busy"
    title = "The recognizer's queue is full"
    advice = "Too many images are waiting. Try again in a second."
    retry_after_seconds = 1


class RecognizerDownError(UnavailableError):
    code = "recognizer-unavailable"
    title = "The recognizer is not available right now"

    def __init__(self, detail: str | None = None, *, has_died: bool = False) -> None:
        """`has_died`: twice while it read this image, which may be why."""
        super().__init__(detail)
        self.has_died = has_died


class HistoryDownError(UnavailableError):
    code = "history-unavailable"
    title = "The history is not available right now"


class KeysDownError(UnavailableError):
    code = "keys-unavailable"
    title = "API keys cannot be checked right now"
    advice = "API keys are stored in MongoDB, which has not answered yet. Try again in a few seconds."


class TasksDownError(UnavailableError):
    code = "tasks-unavailable"
    title = "Tasks are not available right now"
    advice = "Waiting tasks are kept; new ones are not accepted. Try again in a few seconds."


class CacheDownError(UnavailableError):
    code = "cache-unavailable"
    title = "The cache is not available right now"


class DiskFullError(UnavailableError):
    code = "disk-full"
    title = "The disk is full"
    advice = "The disk of the service is full. Try again later, or send less at once."
    retry_after_seconds = 30


class NotReadyError(UnavailableError):
    code = "not-ready"
    title = "The service is not ready"
    advice = "Wait: `parts` says which part is missing."
    retry_after_seconds = 2


def error_types(root: type[OCRError] = OCRError) -> Iterator[type[OCRError]]:
    """`root` and every kind of error below it, in the order they are written here."""
    yield root
    for kind in root.__subclasses__():
        yield from error_types(kind)
