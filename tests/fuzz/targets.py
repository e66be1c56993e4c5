"""What is played with in this process: a target takes an input, and raises where the service would fail."""

from __future__ import annotations

import io
import json
import logging
import socket
import time
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from frontend.client.file_types import ZIP
from frontend.errors import OCRError
from frontend.files import archives, page_images, thumbnails
from frontend.files.names import file_name, url_name
from frontend.live.websocket import ClosedError, WebSocket
from handler.document import Sheet
from handler.image import InvalidImageError
from handler.sandbox import Sandbox
from tests.fuzz import structures
from tests.fuzz.seeds import seeds

MB = 1024 * 1024
IMAGES = ("png", "jpeg", "gif", "webp", "tiff", "bmp", "heic", "avif")
_DOCUMENTED = {
    "invalid-image": 400,
    "image-too-large": 413,
    "unsupported-image-type": 415,
    "invalid-request": 422,
}

_HANDSHAKE = {
    "HTTP_HOST": "localhost",
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_SEC_WEBSOCKET_KEY": "AAAAAAAAAAAAAAAAAAAAAA==",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
}
_LONGEST, _SENT = 1000, 50_000
"""Bytes of a message, and of all that is sent, at most."""
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class FoundError(Exception):
    """An answer that is not documented."""


class HeldError(Exception):
    """What was broken was meant to break: a process of the sandbox, which was replaced."""


@dataclass(frozen=True)
class Target:
    """`check` gets mutations of `files`, or what `cases` draws."""

    name: str
    check: Callable[[Any], None]
    files: Sequence[bytes] = ()
    cases: st.SearchStrategy[Any] | None = None


class _Opening:
    """The process that opens files, as TorchServe's worker has it; whether it had to be replaced."""

    def __init__(self) -> None:
        self._sandbox: Sandbox | None = None
        self._ended: list[str] = []
        log = logging.getLogger("handler.sandbox")
        log.addFilter(lambda record: self._ended.append(record.getMessage()))  # type: ignore[arg-type]

    def open(self, data: bytes, pages: str | None = None, with_text: bool = False) -> Sequence[Sheet]:
        self._sandbox = self._sandbox or Sandbox()
        self._ended.clear()
        try:
            sheets, _ = self._sandbox.open(data, pages, with_text)
        except InvalidImageError as error:
            if _DOCUMENTED.get(error.code) != error.status:
                raise FoundError(f"{error.status} {error.code}") from error
            sheets = []
        else:
            if not all(sheet.image.size and sheet.image.dtype == "uint8" for sheet in sheets):
                raise FoundError("a sheet without pixels")
        if self._ended:
            raise HeldError(self._ended[0])
        return sheets


_opening = _Opening()


def _open(data: bytes) -> None:
    _opening.open(data)


def _open_text(data: bytes) -> None:
    from handler.pdf_text import known_lines, ticked_boxes  # they bring torch

    for sheet in _opening.open(data, with_text=True):
        known_lines(sheet)
        ticked_boxes(sheet)


def _open_pages(data: bytes) -> None:
    _opening.open(data, "1-2")


def _draw(data: bytes) -> None:
    with suppress(OCRError):
        drawn = page_images.draw(data, 1, 200)
        if not (drawn.content and drawn.width and drawn.height):
            raise FoundError("an empty picture")


def _thumbnail(data: bytes) -> None:
    made = thumbnails.thumbnail(data, 1)
    if made is not None and len(made) > thumbnails.MAX_BYTES:
        raise FoundError(f"a thumbnail of {len(made)} bytes")


def _unpack(data: bytes) -> None:
    with suppress(OCRError):
        entries = archives.list_entries(io.BytesIO(data), MB, 2 * MB)
        for entry in entries:
            if entry.error is None:
                _count(archives.read_entry(io.BytesIO(data), entry.number))


def _count(data: bytes) -> None:
    if len(data) > MB:
        raise FoundError(f"an entry of {len(data)} bytes")
    if not ZIP.matches(data):
        archives.count_pages(data)


def _parse_options(options: dict[str, Any]) -> None:
    _parse_text(json.dumps(options))


def _parse_text(header: str) -> None:
    from handler.options import Options  # it brings torch, which takes long to import

    with suppress(InvalidImageError):
        Options.parse(header)


def _match(case: tuple[str, str]) -> None:
    from handler.constraint import SECONDS, Constraint

    pattern, text = case
    started = time.process_time()
    with suppress(InvalidImageError):
        constraint = Constraint.of(pattern, None)
        for end in range(len(text) + 1):
            if constraint:
                constraint.allows(text[:end])
    if (seconds := time.process_time() - started) > 2 * SECONDS:
        raise FoundError(f"{seconds:.0f} s for a pattern")


def _name(text: str) -> None:
    for name in (file_name(text), url_name(text)):
        unseen = [char for char in name or "" if char in "/\\" or unicodedata.category(char) in _UNSEEN]
        if name is not None and (unseen or not name.strip(".")):
            raise FoundError(f"{name!r} for a name")


def _receive(data: bytes) -> None:
    """A client that sends this on an open connection, and goes."""
    ours, client = socket.socketpair()
    with ours, client:
        connection = WebSocket.accept(_HANDSHAKE | {"gunicorn.socket": ours}, _LONGEST, [])
        client.sendall(data[:_SENT])
        client.shutdown(socket.SHUT_WR)
        with suppress(ClosedError):
            for _ in range(_SENT):
                if any(len(message) > _LONGEST for message in connection.receive(0)):
                    raise FoundError("a message over the limit")
            raise FoundError("the connection never ends")


TARGETS = [
    Target("image", _open, seeds(*IMAGES)),
    Target("pdf", _open_text, seeds("pdf")),
    Target("tiff", _open_pages, seeds("tiff")),
    Target("picture", _draw, seeds(*(set(IMAGES) - {"heic", "avif"}), "pdf")),
    Target("thumbnail", _thumbnail, seeds(*(set(IMAGES) - {"heic", "avif"}), "pdf")),
    Target("zip", _unpack, seeds("zip")),
    Target("websocket", _receive, seeds("websocket")),
    Target("options", _parse_options, cases=structures.OPTIONS),
    Target("header", _parse_text, cases=st.text()),
    Target("pattern", _match, cases=structures.PATTERNS),
    Target("name", _name, cases=st.text()),
]
"""Those that need no server; front_end.py has more."""
