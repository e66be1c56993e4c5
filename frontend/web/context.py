"""Shared by the views: the services, the caller, and recurring parts of the OpenAPI document."""

from __future__ import annotations

import socket
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

from flask import current_app, g, request
from flask_openapi3.models.tag import Tag

from frontend.auth.access import Caller
from frontend.errors import (
    BusyError,
    DownloadFailedError,
    DownloadTimeoutError,
    ForeignOriginError,
    ImageTooLargeError,
    InsufficientScopeError,
    InvalidImageError,
    InvalidRequestError,
    KeysDownError,
    PrivateAddressError,
    RateLimitedError,
    ReadingTimeoutError,
    RecognizerDownError,
    RecognizerFailedError,
    UnauthorizedError,
    UnknownModelError,
    UnsupportedBodyTypeError,
    UnsupportedImageTypeError,
)
from frontend.services import Services

EXTENSION = "ocr"
KEYED: list[dict[str, list[Any]]] = [{"bearer": []}, {"apiKey": []}, {}]  # {}: no keys are configured
KEY_PROBLEMS = (UnauthorizedError, InsufficientScopeError, RateLimitedError, KeysDownError)
RECOGNITION = Tag(name="Recognition")
SERVICE = Tag(name="Service")
RECOGNIZE_PROBLEMS = (
    *KEY_PROBLEMS,
    InvalidImageError,
    ForeignOriginError,
    UnknownModelError,
    ImageTooLargeError,
    UnsupportedImageTypeError,
    UnsupportedBodyTypeError,
    InvalidRequestError,
    PrivateAddressError,
    RecognizerFailedError,
    DownloadFailedError,
    RecognizerDownError,
    ReadingTimeoutError,
    BusyError,
    DownloadTimeoutError,
)


def current_services() -> Services:
    """The services that create_app() made."""
    services: Services = current_app.extensions[EXTENSION]
    return services


def current_owner() -> str:
    """The owner whose request this is, as middleware.py identified it."""
    caller: Caller = g.caller
    return caller.owner


def client_watch() -> Callable[[], bool]:
    """Tells, to any thread, whether the client, or the proxy on its behalf, still waits.

    Only for a request that was read to its end. Always true where the server does not tell.
    """
    connection: socket.socket | None = request.environ.get("gunicorn.socket")

    def is_there() -> bool:
        if connection is None or not wait([connection], 0):
            return True
        try:
            return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    return is_there


def fetch(url: str) -> bytes:
    """The file at an address, for as long as the client waits. Raises as Downloader.fetch."""
    return current_services().downloader.fetch(url, client_watch())
