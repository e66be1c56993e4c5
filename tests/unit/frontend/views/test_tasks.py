"""What one owner may leave to tasks: so many at once, so many bytes, and nobody else has less for it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

KEYS = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("alice", "bob")}
ALICE, BOB = ({"X-API-Key": name} for name in KEYS)


def post(client: FlaskClient, size: int = 100, headers: dict[str, str] = ALICE) -> TestResponse:
    parts = {"image": [(io.BytesIO(bytes(size)), "a.png")]}
    return client.post("/recognize/batch", data=parts, headers=headers)


@pytest.mark.parametrize("limit", [{"owner_tasks": 2}, {"owner_tasks_mb": 250 / 1024**2}])
def test_an_owner_has_so_many_unfinished_tasks(
    make_app: Callable[..., Flask], limit: dict[str, float]
) -> None:
    client = make_app(api_keys=KEYS, **limit).test_client()
    (first, _) = accepted = [post(client) for _ in range(2)]
    assert [answer.status_code for answer in accepted] == [202, 202]
    refused = post(client)
    assert (refused.status_code, refused.json["type"]) == (429, "/problems/too-many-tasks")
    assert "You have 2 unfinished tasks" in refused.json["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    large = {"async": "true"}
    single = client.post(
        "/recognize", data=b"image", query_string=large, headers=ALICE | {"Content-Type": "image/png"}
    )
    assert single.status_code == (429 if "owner_tasks" in limit else 202)
    assert post(client, headers=BOB).status_code == 202
    assert len(client.get("/tasks", headers=ALICE).json["items"]) == 2 + (single.status_code == 202)
    assert client.delete(first.json["status_url"], headers=ALICE).status_code == 204
    assert post(client).status_code == 202


def test_a_task_alone_fits_whatever_its_size(make_app: Callable[..., Flask]) -> None:
    client = make_app(api_keys=KEYS, owner_tasks_mb=0.001).test_client()
    assert post(client, 100_000).status_code == 202
    assert post(client, 1).status_code == 429


def test_of_several_at_once_none_gets_in_unseen(make_app: Callable[..., Flask]) -> None:
    app = make_app(api_keys=KEYS, owner_tasks=3)
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda _: post(app.test_client()), range(16))]
    assert set(statuses) <= {202, 429, 503}
    assert len(app.test_client().get("/tasks", headers=ALICE).json["items"]) == statuses.count(202) <= 3


def test_what_is_taken_in_at_once_is_bounded(make_app: Callable[..., Flask]) -> None:
    """Batches lie on the disk until they are accepted."""
    app = make_app(api_keys=KEYS, max_batch_mb=0.01)
    client, uploading = app.test_client(), app.extensions["ocr"].uploading
    room = app.extensions["ocr"].settings.max_upload_bytes
    with uploading.admit(room, account="somebody", is_page=False):
        busy = post(client)
        assert (busy.status_code, busy.json["type"]) == (503, "/problems/busy")
        assert busy.headers["Retry-After"]
    assert post(client).status_code == 202
