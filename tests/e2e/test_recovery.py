"""Recognizers that are killed under load: what is lost (nothing), and how long nobody is answered."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psutil
import pytest
import requests

from frontend.stack.plan import TORCHSERVE
from tests.e2e import lines
from tests.e2e.load import Answer, clients, post
from tests.e2e.service import Service, wait_for
from tests.e2e.test_lifecycle import gone

log = logging.getLogger(__name__)

CLIENTS = 8
BACK_SECONDS = 8.0
"""Within which a killed recognizer is back, where nothing else wants the cores."""
GAP_SECONDS = 2.0
"""That no answer may come while one of two recognizers is away, likewise."""


class Reading(NamedTuple):
    at: float
    answer: Answer
    is_right: bool


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("double") / "data", OCR_RECOGNIZERS="2") as service:
        yield service


@contextmanager
def load(service: Service, **options: str) -> Iterator[list[Reading]]:
    """Clients that read lines, no two the same; what they got."""
    numbers = itertools.count()

    def ask(session: requests.Session, _client: int) -> Reading:
        text = f"recovered {next(numbers)}"
        answer = post(session, service, lines.png(text), **options)
        is_answer = isinstance(answer, requests.Response) and answer.status_code == 200
        return Reading(time.monotonic(), answer, is_answer and answer.json()["text"] == text)

    with clients(CLIENTS, ask, at_first=3 * CLIENTS + 1) as readings:
        yield readings
        since = len(readings)
        wait_for(lambda: len(readings) > since + 5 * CLIENTS, 60)


def longest_gap(answers: list[Reading]) -> float:
    """Seconds in which no right answer came."""
    times = sorted(answer.at for answer in answers if answer.is_right)
    return max(after - before for before, after in itertools.pairwise(times))


def busy() -> float:
    """How many programs want a core, if more than one does."""
    return max(1.0, psutil.getloadavg()[0] / (psutil.cpu_count() or 1))


@pytest.mark.parametrize(("queue", "mode"), [("auto-lines", "line"), ("auto", "page")])
def test_one_of_two_recognizers_killed_costs_nothing(double: Service, queue: str, mode: str) -> None:
    wait_for(lambda: double.recognizers(queue) == 2, 60)
    with load(double, mode=mode) as answers:
        double.reader(queue).kill()
    gap = longest_gap(answers)
    log.info("%s: %d answers, longest gap %.2f s, %.1f busy", queue, len(answers), gap, busy())
    assert [answer for answer in answers if not answer.is_right] == []
    assert gap < GAP_SECONDS * busy()


@pytest.mark.parametrize("whole", [False, True], ids=["its worker", "all of it"])
def test_a_killed_recognizer_is_soon_back(service: Service, whole: bool) -> None:
    killed = time.monotonic()
    (service.part(TORCHSERVE) if whole else service.reader()).kill()
    wait_for(lambda: _reads(service, f"back {time.monotonic()}"), 90)
    seconds = time.monotonic() - killed
    log.info("back after %.2f s, %.1f busy", seconds, busy())
    assert seconds < BACK_SECONDS * busy()


def _reads(service: Service, text: str) -> bool:
    try:
        answer = service.post(lines.png(text))
    except requests.RequestException:
        return False
    return answer.status_code == 200 and answer.json()["text"] == text


def test_a_frozen_worker_does_not_outlive_its_torchserve(service: Service) -> None:
    frozen = service.reader()
    frozen.suspend()
    try:
        service.part(TORCHSERVE).kill()
        wait_for(lambda: gone([frozen]), 30)
    finally:
        with suppress(psutil.NoSuchProcess):
            frozen.resume()
