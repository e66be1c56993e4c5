"""The handshake of /stream."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.unit.frontend.live.test_websocket import HANDSHAKE


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
