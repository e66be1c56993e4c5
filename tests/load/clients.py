"""Many clients at once, each with one connection that it keeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import requests

from tests.e2e import lines

_local = threading.local()


class Answer(NamedTuple):
    status: int
    body: dict[str, Any]
    seconds: float


def distinct_images(count: int, label: str) -> dict[str, bytes]:
    """Images that differ in text and so in bytes, by their text."""
    texts = [f"{label} {number:04d}" for number in range(count)]
    return {text: lines.png(text) for text in texts}


def post_all(address: str, images: Sequence[bytes], clients: int, **options: str) -> list[Answer]:
    """Post every image once, with these options; the answers in the order of the images."""
    with ThreadPoolExecutor(clients, initializer=_open, initargs=(opened := [],)) as pool:
        answers = list(pool.map(lambda image: _post(f"{address}/recognize", image, options), images))
    for session in opened:
        session.close()
    return answers


def _open(opened: list[requests.Session]) -> None:
    _local.session = requests.Session()
    _local.session.trust_env = False
    opened.append(_local.session)


def _post(url: str, image: bytes, options: Mapping[str, str]) -> Answer:
    started = time.perf_counter()
    response = _local.session.post(url, files={"image": image}, data=options, timeout=60)
    return Answer(response.status_code, response.json(), time.perf_counter() - started)
