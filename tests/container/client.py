"""A client of the service in containers, and the promises it checks."""

from __future__ import annotations

import hashlib
import io
import itertools
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from tests.e2e import lines
from tests.e2e.service import request, wait_for

GOLDEN = Path(__file__).parents[1] / "golden"
LABELS = dict(row.split("\t") for row in (GOLDEN / "labels.tsv").read_text().splitlines() if row)
KEY = "a key of the tests, which opens nothing else"
KEYS = f"tester:{hashlib.sha256(KEY.encode()).hexdigest()}"
CLIENTS = 4
LOST: Mapping[str, int] = {"nginx": 10_000, "frontend": CLIENTS}
"""Answers that a kill of these parts may cost: without nginx nobody says 503; an answer may be cut off."""
_numbers = itertools.count()


class Client:
    """Requests to one address, with a key."""

    def __init__(self, address: str) -> None:
        self.address = address

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return request(method, self.address + path, headers={"X-API-Key": KEY}, **options)

    def post(self, image: bytes) -> requests.Response:
        return self.request("POST", "/recognize", files={"image": image})

    def batch(self, *images: bytes) -> requests.Response:
        files = [("image", (f"{number}.png", image)) for number, image in enumerate(images)]
        return self.request("POST", "/recognize/batch", files=files)

    def parts(self) -> dict[str, dict[str, str]]:
        """The state of each part by /readyz; nothing while nobody answers."""
        with suppress(requests.RequestException, ValueError):
            return self.request("GET", "/readyz").json().get("parts", {})
        return {}

    def says_down(self, *parts: str) -> bool:
        """Whether /readyz says that these are away, and no others."""
        said = self.parts()
        return bool(said) and {name for name, part in said.items() if part["state"] != "ok"} == set(parts)

    def is_well(self) -> bool:
        """Whether images are read, cached and remembered, each time of four."""
        with suppress(requests.RequestException, ValueError, KeyError), ThreadPoolExecutor(4) as pool:
            return all(pool.map(lambda _: self._reads_and_remembers(), range(4)))
        return False

    def _reads_and_remembers(self) -> bool:
        image = lines.encode(Image.effect_noise((40, 32), 80))
        first, second = self.post(image).json(), self.post(image).json()
        return bool(first["history_id"] and second["cached"])

    def items_of(self, task: str) -> list[str]:
        """The state of each image of a task; nothing until all have ended."""
        with suppress(requests.RequestException, ValueError, KeyError):
            answer = self.request("GET", f"/tasks/{task}").json()
            if answer["ended_at"]:
                return [item["state"] for item in answer["items"]]
        return []


def new_line() -> bytes:
    """An image that nobody has read yet."""
    return lines.png(f"number {next(_numbers)} {time.monotonic_ns() % 1_000_000}")


def new_page() -> bytes:
    """A page that nobody has read yet."""
    with Image.open(GOLDEN / "page.jpg") as page:
        page.paste(Image.effect_noise((8, 8), 80), (0, 0))
        buffer = io.BytesIO()
        page.save(buffer, "PNG")
    return buffer.getvalue()


class Load:
    """Answers to clients that post one image after the other, until they are told to stop."""

    def __init__(self) -> None:
        self.answers: list[requests.Response] = []
        self.lost: list[requests.RequestException] = []

    def assert_honest(self, *, lost: int = 0) -> None:
        """Each image was read, or refused with 503 and a time to come back."""
        assert len(self.lost) <= lost, self.lost
        assert any(answer.status_code == 200 for answer in self.answers)
        for answer in self.answers:
            if answer.status_code != 200:
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["Retry-After"]) > 0
                assert answer.headers["Content-Type"] == "application/problem+json"


class KeptLoad:
    """The outcome of requests over connections that are kept: how many were read, and all else."""

    def __init__(self) -> None:
        self.read = 0
        self.failed: list[object] = []


@contextmanager
def kept_load(ports: Sequence[int], clients: int) -> Iterator[KeptLoad]:
    """Meanwhile so many clients post images, each to one of `ports` by a connection until that closes."""
    seen, stop = KeptLoad(), threading.Event()

    def post() -> None:
        connection: HTTPConnection | None = None
        while not stop.is_set():
            connection = connection or HTTPConnection("127.0.0.1", random.choice(tuple(ports)), timeout=60)
            try:
                headers = {"X-API-Key": KEY, "Content-Type": "image/png"}
                connection.request("POST", "/recognize", new_line(), headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, HTTPException) as error:
                seen.failed.append(error)
                connection.close()
                connection = None
                continue
            if answer.status == HTTPStatus.OK:
                seen.read += 1
            else:
                seen.failed.append((answer.status, body))
            connection = connection if connection.sock else None  # the answer may have closed it
        if connection:
            connection.close()

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(post) for _ in range(clients)]
        try:
            wait_for(lambda: seen.read > clients, 60)
            yield seen
        finally:
            stop.set()
    for each in running:
        each.result()


@contextmanager
def load(client: Client, clients: int = CLIENTS) -> Iterator[Load]:
    """Meanwhile so many clients post images."""
    seen, stop = Load(), threading.Event()

    def post() -> None:
        while not stop.is_set():
            try:
                seen.answers.append(client.post(new_line()))
            except requests.RequestException as error:
                seen.lost.append(error)
                time.sleep(0.2)

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(post) for _ in range(clients)]
        try:
            time.sleep(1)
            yield seen
        finally:
            stop.set()
    for each in running:
        each.result()
