"""Images from the web, whose size and type are bounded here; web_requests.py has the requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import urljoin

import requests

from frontend.errors import BusyError, DownloadFailedError, ImageTooLargeError, UnsupportedImageTypeError
from frontend.files.public_web import Network, PublicWeb
from frontend.files.web_requests import Deadline, ask, translated

MAX_REDIRECTS = 5
_CHUNK_BYTES = 64 * 1024
_HEADERS = {
    "User-Agent": "crnn-ocr-service",
    "Accept": "image/*, application/pdf",
    "Accept-Encoding": "identity",
}
_TYPES = frozenset({"", "application/pdf", "application/octet-stream", "binary/octet-stream"})


class Downloader:
    """Fetches images, so many at once: each holds a thread of the front end, and up to `max_bytes`."""

    def __init__(
        self, allowed: Sequence[Network], max_bytes: int, timeout_seconds: float, max_at_once: int
    ) -> None:
        self._allowed = allowed
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        self._places = threading.BoundedSemaphore(max_at_once)

    def fetch(self, url: str, is_awaited: Callable[[], bool] = lambda: True) -> bytes:
        """The file at `url`, as long as it `is_awaited`.

        Raises:
            InvalidRequestError: this is no such URL, or it leads to where nobody should be sent.
            DownloadFailedError, DownloadTimeoutError: it could not be had, or not in time.
            ImageTooLargeError, UnsupportedImageTypeError: it is over `max_bytes`, or neither image nor PDF.
            BusyError: too many are being fetched.
        """
        if not self._places.acquire(blocking=False):
            raise BusyError("Too many images are being fetched from the web. Try again in a second.")
        try:
            with (
                Deadline(self._timeout_seconds, is_awaited) as deadline,
                PublicWeb(self._allowed, deadline.watch) as session,
            ):
                return self._follow(session, url, deadline)
        finally:
            self._places.release()

    def _follow(self, session: requests.Session, url: str, deadline: Deadline) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            request = requests.Request("GET", url, headers=_HEADERS)
            with ask(session, request, deadline) as response, translated(deadline):
                target = requests.Session.get_redirect_target(session, response)
                if target is None:
                    return self._read(response)
                url = urljoin(response.url, target)
        raise DownloadFailedError(f"The address redirects over {MAX_REDIRECTS} times. Use the final one.")

    def _read(self, response: requests.Response) -> bytes:
        """The body of the last answer, if it may be an image."""
        if response.status_code != HTTPStatus.OK:
            raise DownloadFailedError(
                f"The server answers {response.status_code} instead of an image. Check the address."
            )
        _check_type(response.headers.get("Content-Type", ""))
        announced = response.headers.get("Content-Length", "")
        self._check_size(int(announced) if announced.isdecimal() else 0)
        body = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            self._check_size(len(body))
        return bytes(body)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            limit = f"{self._max_bytes / 1024**2:g} MB"
            raise ImageTooLargeError(f"The file at this address is over {limit}. Choose a smaller one.")


def _check_type(content_type: str) -> None:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _TYPES and not kind.startswith("image/"):
        raise UnsupportedImageTypeError(
            f"At this address is {kind[:80]!r}, not an image or a PDF. Use the address of the image itself."
        )
