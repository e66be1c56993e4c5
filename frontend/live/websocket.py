"""The only module that knows the WebSocket library: messages over a socket that HTTP is done with."""

from __future__ import annotations

import json
import logging
import selectors
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from werkzeug.wrappers import Response

from frontend.errors import UpgradeRequiredError

PING_SECONDS = 20.0
"""A client that is silent so long is sent a ping, and is given up after as long again."""
SEND_SECONDS = 10.0
"""A client that reads nothing for so long is given up."""
CLOSE_SECONDS = 3.0
"""After closing, a client is read from for so long, so that it sees why the connection was closed."""
_CHUNK_BYTES = 65_536
_REASON_BYTES = 123
_HANDSHAKE = (
    "HOST",
    "UPGRADE",
    "CONNECTION",
    *(f"SEC_WEBSOCKET_{n}" for n in ("KEY", "VERSION", "PROTOCOL")),
)

Message = bytes | str
CLOSE = CloseCode


class ClosedError(Exception):
    """The connection is closed, or is about to be: nothing comes or goes any more."""


class WebSocket:
    """The server's end. One thread receives; any may send and close."""

    def __init__(self, connection: socket.socket, max_message_bytes: int, protocols: Iterable[str]) -> None:
        self._socket = connection
        self._protocol = ServerProtocol(
            subprotocols=[Subprotocol(name) for name in protocols],
            select_subprotocol=_offered,
            max_size=max_message_bytes,
            logger=_silent(),
        )
        self._lock = threading.RLock()
        self._parts: list[bytes] = []
        self._is_text = False
        self._heard_at = time.monotonic()
        self._pinged = False

    @classmethod
    def accept(
        cls, environ: Mapping[str, Any], max_message_bytes: int, protocols: Iterable[str]
    ) -> WebSocket:
        """Answer the handshake in a WSGI environment; a client may offer `protocols`, and need not.

        Raises:
            UpgradeRequiredError: it is none; nothing was sent.
            ClosedError: the client has gone.
        """
        if "gunicorn.socket" not in environ:
            raise UpgradeRequiredError
        websocket = cls(environ["gunicorn.socket"], max_message_bytes, protocols)
        websocket._shake_hands(environ)
        return websocket

    def _shake_hands(self, environ: Mapping[str, Any]) -> None:
        headers = ((name, environ.get(f"HTTP_{name}")) for name in _HANDSHAKE)
        given = [f"{name.replace('_', '-')}: {value}" for name, value in headers if value is not None]
        self._protocol.receive_data("\r\n".join(["GET / HTTP/1.1", *given, "", ""]).encode("latin-1"))
        requests = [event for event in self._protocol.events_received() if isinstance(event, Request)]
        response = self._protocol.accept(requests[0]) if requests else None
        if response is None or response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            raise UpgradeRequiredError
        self._socket.settimeout(SEND_SECONDS)
        self._protocol.send_response(response)
        self._flush()

    def receive(self, seconds: float) -> list[Message]:
        """The messages that come within this time; none is possible. Raises ClosedError."""
        if self._protocol.state is not State.OPEN:
            raise ClosedError
        if self._is_readable(seconds):
            return self._messages(self._pump())
        self._keep_alive()
        return []

    def send(self, message: Mapping[str, Any]) -> None:
        """Send JSON. Raises ClosedError."""
        data = json.dumps(message, ensure_ascii=False).encode()
        with self._lock:
            try:
                self._protocol.send_text(data)
            except InvalidState as error:
                raise ClosedError from error
            self._flush()

    def close(self, code: CloseCode, reason: str) -> None:
        """Say why, unless that was done, and read on until the client closes its side. Raises ClosedError."""
        with self._lock:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
                self._flush()
        deadline = time.monotonic() + CLOSE_SECONDS
        while self._protocol.state is not State.CLOSED and self._is_readable(deadline - time.monotonic()):
            self._pump()

    @property
    def outcome(self) -> int | None:
        """The code with which this end closed the connection, or answered the other end's closing."""
        sent = self._protocol.close_sent
        return int(sent.code) if sent else None

    def _pump(self) -> list[object]:
        """The messages in the bytes received; replies of the protocol, such as pongs, are sent."""
        try:
            data = self._socket.recv(_CHUNK_BYTES)
        except OSError as error:
            raise ClosedError from error
        with self._lock:
            self._heard_at, self._pinged = time.monotonic(), False
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            events: list[object] = list(self._protocol.events_received())
            self._flush()
        return events

    def _is_readable(self, seconds: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            return bool(selector.select(max(seconds, 0)))

    def _messages(self, frames: Iterable[object]) -> list[Message]:
        """Whole messages; the protocol has bounded them and checked the order of their frames."""
        messages: list[Message] = []
        for frame in frames:
            if not isinstance(frame, Frame) or frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                continue
            if frame.opcode is not Opcode.CONT:
                self._is_text = frame.opcode is Opcode.TEXT
            self._parts.append(bytes(frame.data))
            if frame.fin:
                data, self._parts = b"".join(self._parts), []
                messages.append(data.decode(errors="replace") if self._is_text else data)
        return messages

    def _keep_alive(self) -> None:
        silent = time.monotonic() - self._heard_at
        if silent >= 2 * PING_SECONDS:
            raise ClosedError
        if silent >= PING_SECONDS and not self._pinged:
            self._pinged = True
            with self._lock:
                self._protocol.send_ping(b"")
                self._flush()

    def _flush(self) -> None:
        try:
            for data in self._protocol.data_to_send():
                if data is SEND_EOF:
                    self._socket.shutdown(socket.SHUT_WR)
                else:
                    self._socket.sendall(data)
        except OSError as error:
            raise ClosedError from error


class Switched(Response):
    """Ends a request whose socket has become a WebSocket: gunicorn writes nothing more, and closes it."""

    def __call__(self, *_args: Any, **_options: Any) -> Iterable[bytes]:
        raise StopIteration


def _offered(protocol: ServerProtocol, offered: Iterable[Subprotocol]) -> Subprotocol | None:
    """The first of ours that the client offers; a client need not offer any."""
    return next((name for name in protocol.available_subprotocols or () if name in offered), None)


def _silent() -> logging.Logger:
    """The library logs each connection; the application does that itself."""
    logger = logging.getLogger("frontend.live.websocket.library")
    logger.setLevel(logging.WARNING)
    return logger
