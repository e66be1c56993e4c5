"""Images from the web. Users name the addresses, so public_web.py guards our own network; here size, time and
type are bounded.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import NoReturn
from urllib.parse import urljoin, urlsplit

import requests

from frontend.errors import (
    BusyError,
    DownloadFailedError,
    DownloadTimeoutError,
    ImageTooLargeError,
    InvalidRequestError,
    PrivateAddressError,
    UnsupportedImageTypeError,
)
from frontend.files.public_web import ForbiddenPortError, InvalidIPAddress, Network, PublicWeb

MAX_REDIRECTS = 5
CONNECT_SECONDS = 5.0
_CHUNK_BYTES = 64 * 1024
_HEADERS = {
    "User-Agent": "crnn-ocr-service",
    "Accept": "image/*, application/pdf",
    "Accept-Encoding": "identity",
}
_TYPES = frozenset({"", "application/pdf", "application/octet-stream", "binary/octet-stream"})
_WRONG_PORT = "On the public internet, only ports 80 and 443 are allowed. Send the image itself."
_NO_URL = "Give an address such as https://example.com/receipt.png."
_CREDENTIALS = "Leave out the user name and password; if the image needs them, send the image itself."


class Downloader:
    """Fetches images, so many at once: each holds a thread of the front end, and up to `max_bytes`."""

    def __init__(
        self, allowed: Sequence[Network], max_bytes: int, timeout_seconds: float, max_at_once: int
    ) -> None:
        self._allowed = allowed
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        self._places = threading.BoundedSemaphore(max_at_once)

    def fetch(self, url: str) -> bytes:
        """The file at `url`.

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
                _Deadline(self._timeout_seconds) as deadline,
                PublicWeb(self._allowed, deadline.watch) as session,
            ):
                return self._follow(session, url, deadline)
        finally:
            self._places.release()

    def _follow(self, session: requests.Session, url: str, deadline: _Deadline) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            with _ask(session, url, deadline) as response, _translated(deadline):
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


def _ask(session: requests.Session, url: str, deadline: _Deadline) -> requests.Response:
    """The answer at `url`, its body unread."""
    with _translated(deadline):
        request = session.prepare_request(requests.Request("GET", url, headers=_HEADERS))
        _check_url(request.url or "")
        left = deadline.check()
        return session.send(request, stream=True, timeout=(min(CONNECT_SECONDS, left), left))


def _check_url(url: str) -> None:
    """Looks at the URL as it is going to be asked."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        _refuse(_NO_URL)
    if "@" in parts.netloc:
        _refuse(_CREDENTIALS)


def _check_type(content_type: str) -> None:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _TYPES and not kind.startswith("image/"):
        raise UnsupportedImageTypeError(
            f"At this address is {kind[:80]!r}, not an image or a PDF. Use the address of the image itself."
        )


def _refuse(message: str) -> NoReturn:
    raise InvalidRequestError([("url", message)])


@contextmanager
def _translated(deadline: _Deadline) -> Iterator[None]:
    """Errors of requests as ours. None tells what is at an address that is not to be asked."""
    try:
        yield
        deadline.check()  # without an announced length, a body that was cut off looks complete
    except InvalidIPAddress:
        raise PrivateAddressError from None
    except ForbiddenPortError:
        _refuse(_WRONG_PORT)
    except requests.exceptions.InvalidHeader as error:
        raise DownloadFailedError from error
    except ValueError:  # requests' InvalidURL, InvalidSchema…; a name that cannot be one
        _refuse(_NO_URL)
    except requests.RequestException as error:
        deadline.check()
        raise (
            DownloadTimeoutError if isinstance(error, requests.Timeout) else DownloadFailedError
        ) from error


class _Deadline:
    """Ends a download in time, whatever it waits for: between two bytes it may stay within all timeouts.

    It holds a second handle of each connection and shuts it down, which wakes who reads from the first.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        with self._lock:
            while self._connections:
                self._connections.pop().close()

    def check(self) -> float:
        """The seconds left. Raises DownloadTimeoutError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise DownloadTimeoutError
        return left

    def watch(self, connection: socket.socket) -> None:
        """Cut this connection, too. Once TLS has begun, the socket itself cannot be duplicated."""
        with self._lock:
            self._connections.append(socket.socket(fileno=os.dup(connection.fileno())))
        self.check()

    def _cut(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # it has ended by itself
                    connection.shutdown(socket.SHUT_RDWR)
