"""The parts of a stream that need no recognizer: the newest frame, the pace, keys, and the socket's life."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from frontend.auth.access import offered_key
from frontend.errors import UnauthorizedError
from frontend.live import websocket
from frontend.live.stream import FRAMES_PER_SECOND, Newest, Pace
from frontend.live.websocket import CLOSE, ClosedError, WebSocket

HANDSHAKE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}


def test_the_newest_frame_waits_and_older_ones_are_counted() -> None:
    newest = Newest()
    newest.put(b"one")
    assert newest.take() == (1, b"one", 0)
    for jpeg in (b"two", b"three", b"four"):
        newest.put(jpeg)
    assert newest.take() == (4, b"four", 2)
    newest.close()
    assert newest.take() is None


def test_who_waits_for_a_frame_is_woken_at_the_end() -> None:
    newest = Newest()
    waiting = threading.Thread(target=newest.take)
    waiting.start()
    newest.close()
    waiting.join(5)
    assert not waiting.is_alive()


def test_the_pace_follows_the_time_that_frames_take() -> None:
    pace = Pace()
    assert pace.frames_per_second == FRAMES_PER_SECOND
    for _ in range(50):
        pace.took(0.5)
    assert pace.frames_per_second == pytest.approx(2, abs=0.1)
    for _ in range(50):
        pace.took(0.001)
    assert pace.frames_per_second == FRAMES_PER_SECOND


def test_a_key_among_the_subprotocols() -> None:
    assert offered_key("") is None
    assert offered_key("ocr") is None
    assert offered_key("ocr, ocr.key.dGhlIGtleQ") == "the key"
    with pytest.raises(UnauthorizedError, match="Base64"):
        offered_key("ocr, ocr.key.x")


def test_a_plain_request_is_told_to_upgrade(client: FlaskClient) -> None:
    answer = client.get("/stream")
    assert answer.status_code == 426
    assert answer.headers["Upgrade"] == "websocket"
    assert answer.json["type"] == "/problems/upgrade-required"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {"Origin": "https://elsewhere.example"}, 403),
        ("", {"Origin": "null"}, 403),
        ("", {"Host": "elsewhere.example"}, 400),
        ("?model=none", {}, 404),
        ("?color=red", {}, 422),
        ("?model=crnn_v2_lite", {}, 426),  # an alias
        ("", {"Origin": "http://localhost"}, 426),  # right so far, but the test client has no socket
    ],
)
def test_who_may_not_connect_is_told_before_the_handshake(
    client: FlaskClient, query: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(f"/stream{query}", base_url="ws://localhost", headers=HANDSHAKE | headers)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"


def test_a_key_is_needed_where_keys_are_set(make_app: Callable[..., Flask]) -> None:
    digest = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"  # of "key"
    client = make_app(api_keys={"anna": digest}).test_client()

    def status(**headers: str) -> int:
        given = HANDSHAKE | {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get("/stream", base_url="ws://localhost", headers=given).status_code

    assert status() == 401
    assert status(Sec_WebSocket_Protocol="ocr, ocr.key.bm9wZQ") == 401
    assert status(Sec_WebSocket_Protocol="ocr, ocr.key.a2V5") == 426  # accepted, but there is no socket
    assert status(X_API_Key="key") == 426


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
    """What comes next; ClosedError at the end."""
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
