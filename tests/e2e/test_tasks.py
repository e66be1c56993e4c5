"""Batches through the real stack: whatever is killed meanwhile, they end, and nothing is lost or doubled."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import redis
import requests
from PIL import Image

from tests.e2e import lines, pages
from tests.e2e.service import Service, request, wait_for
from tests.e2e.test_bad_input import assert_problem
from tests.unit.frontend.fake_web import serving

ENDED = {"success", "failure", "cancelled"}
KILL_SECONDS = 60
"""Within so many seconds of the kill of a worker its batch ends."""


def post_batch(service: Service, *images: bytes, **options: str) -> requests.Response:
    files = [("image", (f"{number}.png", image)) for number, image in enumerate(images)]
    return request("POST", f"{service.address}/recognize/batch", files=files, data=options)


def accepted(answer: requests.Response) -> str:
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == answer.json()["status_url"]
    return answer.headers["Location"]


def look(service: Service, address: str) -> dict[str, Any]:
    return service.get(address).json()


def ended(service: Service, address: str, seconds: float = KILL_SECONDS) -> dict[str, Any]:
    wait_for(lambda: look(service, address)["state"] in ENDED, seconds)
    return look(service, address)


def texts_of(count: int) -> list[str]:
    """Texts for images that no other test has."""
    run = 1000 + uuid.uuid4().int % 9000
    return [f"Voucher {run} {number}" for number in range(100, 100 + count)]


def encode(text: str) -> bytes:
    """A page that takes a while, with one line of text."""
    page = Image.new("L", (1400, 1000), 255)
    page.paste(lines.draw(text, 40).convert("L"), (200, 300))
    return lines.encode(page)


def in_history(service: Service, text: str) -> int:
    return len(request("GET", f"{service.address}/history", params={"q": text}).json()["items"])


def assert_all_read_once(service: Service, task: dict[str, Any], texts: list[str]) -> None:
    assert (task["state"], task["progress"]["done"]) == ("success", len(texts))
    assert [item["result"]["text"] for item in task["items"]] == texts
    assert [in_history(service, text) for text in texts] == [1] * len(texts)


@pytest.mark.parametrize("victim", ["worker", "its children", "broker", "database"])
def test_a_batch_survives_a_kill(service: Service, victim: str) -> None:
    texts = texts_of(9)
    address = accepted(post_batch(service, *map(encode, texts)))
    wait_for(lambda: look(service, address)["progress"]["done"] >= 2, 30)
    worker = service.part("worker")
    victims = {
        "worker": [worker],
        "its children": worker.children(),
        "broker": [service.part("databases:valkey")],
        "database": [service.part("databases:mongod")],
    }
    for process in victims[victim]:
        process.kill()
    wait_for(lambda: service.get(address).status_code == 200, 30)
    assert look(service, address)["progress"]["done"] < len(texts)
    task = ended(service, address)
    assert_all_read_once(service, task, texts)


def test_what_waits_is_never_evicted(service: Service) -> None:
    texts = texts_of(4)
    with redis.Redis(port=service.facts["ports"]["valkey"]) as broker:
        with service.without("worker"):
            address = accepted(post_batch(service, *map(encode, texts)))
            assert look(service, address)["state"] == "pending"
            assert broker.llen("ocr:items") == len(texts)
            assert broker.config_get("maxmemory-policy")["maxmemory-policy"] == "volatile-ttl"
            assert broker.config_get("appendonly")["appendonly"] == "yes"
            lifetimes = {key: broker.ttl(key) for key in broker.scan_iter()}
        cached = {key for key in lifetimes if key.startswith(b"ocr:2:")}
        assert cached
        assert {lifetimes[key] > 0 for key in cached} == {True}
        assert {lifetimes[key] for key in lifetimes.keys() - cached} == {-1}
    assert_all_read_once(service, ended(service, address), texts)


def test_long_documents_are_read_by_tasks(service: Service) -> None:
    document = pages.pdf(*[Image.new("L", (80, 80), 255)] * 10, pages.draw(3), pages.draw(4))
    assert_problem(service.post(document), 413, "image-too-large")
    task = ended(service, accepted(service.post(document, **{"async": "true"})))
    assert [item["page"] for item in task["items"]] == list(range(1, 13))
    results = [item["result"] for item in task["items"][10:]]
    assert [result["text"] for result in results] == [pages.text(3), pages.text(4)]
    assert [[page["page"] for page in result["pages"]] for result in results] == [[11], [12]]


def test_a_batch_is_cancelled(service: Service) -> None:
    texts = texts_of(8)
    address = accepted(post_batch(service, *map(encode, texts)))
    wait_for(lambda: look(service, address)["progress"]["done"] >= 1, 30)
    assert service.delete(address).status_code == 204
    task = look(service, address)
    assert task["state"] == "cancelled"
    states = [item["state"] for item in task["items"]]
    assert "cancelled" in states
    assert set(states) <= {"success", "cancelled"}
    assert look(service, address)["items"] == task["items"]


def test_a_webhook_is_called_until_it_is_taken(service: Service) -> None:
    (text,) = texts_of(1)
    with serving() as receiver:
        receiver.statuses = [500, 500, 200]
        hook = receiver.address("/hook?token=secret")
        address = accepted(service.post(encode(text), webhook=hook))
        wait_for(lambda: look(service, address)["webhook"]["state"] == "delivered", KILL_SECONDS)
        told = look(service, address)["webhook"]
        bodies = {body for _, body in receiver.posted}
    assert told == {"state": "delivered", "attempts": 3, "last_error": "The server answered 500."}
    assert len(receiver.posted) == 3
    (body,) = bodies
    assert json.loads(body)["data"]["status_url"] == address
    assert "secret" not in service.output.read_text()
