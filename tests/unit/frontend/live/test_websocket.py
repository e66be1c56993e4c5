"""A WebSocket's life: messages in pieces, limits, pings."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from frontend.live import websocket
from frontend.live.websocket import CLOSE, ClosedError, WebSocket

HANDSHAKE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def ends(pair: tuple[socket.socket, socket.socket]) -> Iterator[tuple[WebSocket, ClientConnection]]:
    """Our end and a client's, joined; messages have at most 100 bytes."""
    with ThreadPoolExecutor(1) as pool:
        accepting = pool.submit(accept, pair[0])
        with connect("ws://localhost/stream", sock=pair[1], proxy=None, compression=None) as client:
            yield accepting.result(), client
            pair[0].close()


def accept(connection: socket.socket) -> WebSocket:
    """Read the request, as gunicorn does, and answer it, as the application does."""
    request = connection.recv(65_536).decode()
    headers = (line.split(": ", 1) for line in request.splitlines()[1:] if line)
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers}
    return WebSocket.accept(environ | {"gunicorn.socket": connection}, 100, ["ocr"])


def receive(connection: WebSocket) -> list[bytes | str]:
    """The next message; ClosedError at the end."""
    while not (messages := connection.receive(0.05)):
        pass
    return messages


def test_messages_in_pieces_are_put_together(ends: tuple[WebSocket, ClientConnection]) -> None:
    ours, client = ends
    client.send([b"one ", b"frame"])
    assert receive(ours) == [b"one frame"]
    ours.send({"text": "总"})
    assert client.recv(5) == '{"text": "总"}'


def test_a_message_over_the_limit_closes_with_1009(ends: tuple[WebSocket, ClientConnection]) -> None:
    ours, client = ends
    client.send([b"x" * 60, b"x" * 60])
    with pytest.raises(ClosedError):
        receive(ours)
    ours.close(CLOSE.NORMAL_CLOSURE, "")
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(5)
    assert closed.value.rcvd.code == ours.outcome == 1009


def test_a_client_that_answers_pings_is_kept(
    ends: tuple[WebSocket, ClientConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "PING_SECONDS", 0.2)
    ours, _ = ends
    for _ in range(20):
        assert ours.receive(0.05) == []


def test_a_client_that_does_not_is_given_up(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "PING_SECONDS", 0.2)
    ours, theirs = pair
    given = HANDSHAKE | {"Host": "localhost", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    theirs.sendall(f"GET /stream HTTP/1.1\r\n{head}\r\n".encode())
    connection = accept(ours)
    with pytest.raises(ClosedError):
        receive(connection)
    answer, _, frames = theirs.recv(65_536).partition(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert frames == b"\x89\x00"  # one ping
