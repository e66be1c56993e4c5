"""Clients that ask the stack again and again while a test does something to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import requests

from tests.e2e.service import ANSWER_SECONDS, Service, wait_for

T = TypeVar("T")

Answer = requests.Response | requests.RequestException
"""What became of a request."""
_BEGIN_SECONDS = 60


@contextmanager
def clients(
    count: int, ask: Callable[[requests.Session, int], T], at_first: int, pause_seconds: float = 0
) -> Iterator[list[T]]:
    """So many, each of which asks with its session and number until the end; what became of it.

    It begins when there are `at_first` outcomes.
    """
    outcomes: list[T] = []
    ended = threading.Event()

    def repeat(client: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not ended.wait(pause_seconds):
                outcomes.append(ask(session, client))

    with ThreadPoolExecutor(count) as pool:
        asking = pool.map(repeat, range(count))
        try:
            wait_for(lambda: len(outcomes) >= at_first, _BEGIN_SECONDS)
            yield outcomes
        finally:
            ended.set()
    list(asking)  # raises what a client raised


def post(session: requests.Session, service: Service, image: bytes, **options: str) -> Answer:
    """POST /recognize over a session that is kept."""
    try:
        url, files = f"{service.address}/recognize", {"image": image}
        return session.post(url, files=files, data=options, timeout=ANSWER_SECONDS)
    except requests.RequestException as error:
        return error
