"""The real stack over HTTP: whole files, forms, raw bytes and WebSockets to the address in FUZZ_ADDRESS."""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.fuzz import structures
from tests.fuzz.documented import Document
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import IMAGES, FoundError, Target

ADDRESS, PROCESS = "FUZZ_ADDRESS", "FUZZ_PROCESS"
NAMES = ("http-image", "http-pdf", "http-batch", "http-form", "http-json", "http-raw", "http-stream")
SECONDS = 60.0
"""An answer takes at most."""
_FORM = "multipart/form-data; boundary=seed"


@cache
def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


@cache
def _document() -> Document:
    return Document(_session().get(f"{os.environ[ADDRESS]}/openapi.json", timeout=SECONDS).json())


def ask(method: str, path: str, **options: Any) -> None:
    """Raises FoundError; what is busy is asked again a little later."""
    for _ in range(30):
        started = time.monotonic()
        try:
            answer = _session().request(method, os.environ[ADDRESS] + path, timeout=2 * SECONDS, **options)
        except requests.RequestException as error:
            raise FoundError(f"{method} {path[:60]}: {type(error).__name__}") from error
        if (seconds := time.monotonic() - started) > SECONDS:
            raise FoundError(f"{method} {path[:60]} took {seconds:.0f} s")
        kind = answer.headers.get("Content-Type", "")
        _document().check(method, path.partition("?")[0], answer.status_code, kind, answer.content)
        if answer.status_code not in {429, 503}:
            return
        time.sleep(1)
    raise FoundError(f"{method} {path[:60]} stays {answer.status_code}")


def processes(name: str) -> list[int]:
    """Whose memory must not grow while this target is played: that of the stack, with all its parts."""
    return [int(os.environ[PROCESS])] if name in NAMES else []


def _post(path: str, media_type: str) -> Any:
    return lambda data: ask("POST", path, data=data, headers={"Content-Type": media_type})


def _post_json(body: dict[str, Any]) -> None:
    text = json.dumps(body).encode(errors="replace")
    ask("POST", "/recognize", data=text, headers={"Content-Type": "application/json"})


def _send(data: bytes) -> None:
    """Raw bytes on a connection of their own; the first answer."""
    parts = urlsplit(os.environ[ADDRESS])
    with socket.create_connection((parts.hostname or "", parts.port or 80), SECONDS) as client:
        with suppress(OSError):  # it may have hung up already, with an answer
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionResetError):
            while part := client.recv(65_536):
                answer += part
    if answer.startswith(b"HTTP/1.1 "):
        status = int(answer[9:12])
        head, _, body = answer.partition(b"\r\n\r\n")
        kinds = [line[14:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-type: ")]
        if status >= 500 and status not in {501, 503, 505}:
            raise FoundError(f"{status} {kinds}: {body[:200]!r}")


def _stream(data: bytes) -> None:
    """One message; the connection answers it or is closed, with a reason."""
    address = os.environ[ADDRESS].replace("http", "ws", 1) + "/stream"
    try:
        with connect(address, proxy=None, compression=None, close_timeout=5) as connection:
            connection.recv(SECONDS)
            connection.send(data)
            connection.recv(SECONDS)
    except TimeoutError:
        raise FoundError("no answer to a frame") from None
    except WebSocketException as error:
        code = getattr(getattr(error, "rcvd", None), "code", None)
        if code not in {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1013}:
            raise FoundError(f"closed with {code}: {error!r:.120}") from error


def targets() -> list[Target]:
    """For a stack that is there."""
    return [
        Target("http-image", _post("/recognize?async=false", "application/octet-stream"), seeds(*IMAGES)),
        Target("http-pdf", _post("/recognize?async=false&pdf_text=true", "application/pdf"), seeds("pdf")),
        Target("http-batch", _post("/recognize/batch", "application/zip"), seeds("zip", "pdf")),
        Target("http-form", _post("/picture", _FORM), seeds("multipart")),
        Target("http-json", _post_json, cases=structures.BODY),
        Target("http-raw", _send, seeds("request")),
        Target("http-stream", _stream, seeds("jpeg", "png")),
    ]
