"""Requests to addresses that users name: public_web.py guards our own network; here are the form of the
address, the time, and a log of refusals.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn
from urllib.parse import urlsplit

import requests

from frontend.errors import (
    DownloadFailedError,
    DownloadTimeoutError,
    InvalidRequestError,
    PrivateAddressError,
)
from frontend.files.public_web import ForbiddenPortError, InvalidIPAddress, PublicWeb

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
_LOOK_SECONDS = 0.25
"""How often is looked whether the answer is still awaited."""
_WRONG_PORT = "On the public internet, only ports 80 and 443 are allowed. Send the image itself."
_NO_PORT = "There is no port 0. Give the port at which the server listens."
_NO_URL = "Give an address such as https://example.com/receipt.png."
_CREDENTIALS = "Leave out the user name and password; if the image needs them, send the image itself."


def ask(session: requests.Session, request: requests.Request, deadline: Deadline) -> requests.Response:
    """The answer, its body unread.

    Raises InvalidRequestError, DownloadFailedError or DownloadTimeoutError.
    """
    with translated(deadline), _refusals_logged(request.url):
        prepared = _prepared(session, request)
        left = deadline.check()
        return session.send(prepared, stream=True, timeout=(min(CONNECT_SECONDS, left), left))


def check(web: PublicWeb, request: requests.Request, deadline: Deadline) -> None:
    """Looks the address up and asks nothing. Raises as ask()."""
    with translated(deadline), _refusals_logged(request.url):
        web.look_up(_prepared(web, request))


def _prepared(session: requests.Session, request: requests.Request) -> requests.PreparedRequest:
    if urlsplit(request.url).port == 0:  # requests would leave it out and ask the scheme's own port
        _refuse(_NO_PORT)
    prepared = session.prepare_request(request)
    _check_url(prepared.url or "")
    return prepared


def _check_url(url: str) -> None:
    """Looks at the URL as it is going to be asked."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        _refuse(_NO_URL)
    if "@" in parts.netloc:
        _refuse(_CREDENTIALS)


@contextmanager
def _refusals_logged(url: str) -> Iterator[None]:
    """Tells the operator what is not to be asked and why: host and port alone, for the rest may be secret."""
    try:
        yield
    except (InvalidIPAddress, ForbiddenPortError, InvalidRequestError) as refusal:
        facts = {"address": urlsplit(url).netloc.rpartition("@")[2][:300], "reason": _reason(refusal)}
        log.warning("address refused", extra={"facts": facts})
        raise


def _reason(refusal: Exception) -> str:
    if isinstance(refusal, InvalidRequestError):
        return refusal.errors[0][1]
    if isinstance(refusal, InvalidIPAddress):
        return f"It leads to {refusal.args[0]}, which is not on the public internet."
    return _WRONG_PORT


def _refuse(message: str) -> NoReturn:
    raise InvalidRequestError([("url", message)])


@contextmanager
def translated(deadline: Deadline) -> Iterator[None]:
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


class Deadline:
    """Ends a request in time, whatever it waits for: between two bytes it may stay within all timeouts.

    Time is also over when its answer is not awaited any more. It holds a second handle of each connection
    and shuts it down, which wakes who reads from the first.
    """

    def __init__(self, seconds: float, is_awaited: Callable[[], bool] = lambda: True) -> None:
        self._end = time.monotonic() + seconds
        self._is_awaited = is_awaited
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Deadline:
        threading.Thread(target=self._wait, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
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

    def _wait(self) -> None:
        while (left := self._end - time.monotonic()) > 0 and self._is_awaited():
            if self._is_over.wait(min(left, _LOOK_SECONDS)):
                return
        self._end = -math.inf
        self._cut()

    def _cut(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # it has ended by itself
                    connection.shutdown(socket.SHUT_RDWR)
