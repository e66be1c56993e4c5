"""Shared by the views: the services, the caller, and recurring parts of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from flask import current_app, g
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
