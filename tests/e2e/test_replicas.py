"""Three TorchServes behind one stack: each gets its share, one may go, and come back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import requests

from tests.e2e import lines
from tests.e2e.load import clients, post
from tests.e2e.service import Service, wait_for
from tests.e2e.test_tasks import accepted, ended, post_batch
from tests.e2e.torchserves import TorchServe, addresses, torchserves
from tests.load.clients import distinct_images, post_all

REQUESTS = 600
CLIENTS = 8
FEW, PAUSE_SECONDS = 3, 0.1
"""Clients that leave a TorchServe time to start beside them."""
WITHIN = 0.10
"""How far from a third the share of each may be."""
SHARE_SECONDS = 30
WINDOW = 60
"""Requests over which shares are told."""
OPTIONS = {"model": "crnn_v3_lite", "mode": "line"}

Outcome = int | requests.RequestException


@pytest.fixture(scope="module")
def replicas() -> Iterator[list[TorchServe]]:
    with torchserves(3) as started:
        yield started


@pytest.fixture(scope="module")
def stack(replicas: list[TorchServe], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("replicas") / "data"
    with Service(folder, OCR_TASK_TIMEOUT_SECONDS="60", **addresses(replicas)) as service:
        yield service


class Counted:
    """Requests sent to each TorchServe since this was made. A restarted one counts from 0 again."""

    def __init__(self, replicas: Sequence[TorchServe]) -> None:
        self._replicas = replicas
        self._before = [each.inferences() for each in replicas]

    def shares(self) -> list[float]:
        """Of all that were sent; none before there are enough to tell."""
        sent = [each.inferences() - before for each, before in zip(self._replicas, self._before, strict=True)]
        return [count / sum(sent) for count in sent] if sum(sent) >= WINDOW else []

    def are_even(self) -> bool:
        shares = self.shares()
        return bool(shares) and all(abs(share - 1 / len(shares)) <= WITHIN for share in shares)


@contextmanager
def load(service: Service, count: int, pause_seconds: float = 0) -> Iterator[list[Outcome]]:
    """Clients that post lines, no two the same, until the end; their answers' statuses."""
    numbers, label = itertools.count(), f"passing {count}"

    def ask(session: requests.Session, _client: int) -> Outcome:
        answer = post(session, service, lines.png(f"{label} {next(numbers)}"), **OPTIONS)
        return answer.status_code if isinstance(answer, requests.Response) else answer

    with clients(count, ask, WINDOW, pause_seconds) as outcomes:
        yield outcomes


def test_each_gets_a_third(stack: Service, replicas: list[TorchServe]) -> None:
    images = list(distinct_images(REQUESTS, "third").values())
    counted = Counted(replicas)
    answers = post_all(stack.address, images, CLIENTS, **OPTIONS)
    assert {answer.status for answer in answers} == {200}
    assert counted.are_even(), counted.shares()


def test_one_that_goes_costs_nothing_and_gets_its_share_when_it_is_back(
    stack: Service, replicas: list[TorchServe]
) -> None:
    with load(stack, CLIENTS) as outcomes:
        replicas[0].kill()
        since = len(outcomes)
        wait_for(lambda: len(outcomes) > since + WINDOW, 60)
    assert set(outcomes) == {200}
    with load(stack, FEW, PAUSE_SECONDS) as outcomes:
        replicas[0].start()
        replicas[0].wait_until_ready()
        wait_for_shares(replicas)
    assert set(outcomes) == {200}


def wait_for_shares(replicas: Sequence[TorchServe]) -> None:
    """Return once so many requests in a row are shared evenly, within SHARE_SECONDS."""
    window = Counted(replicas)

    def shared() -> bool:
        nonlocal window
        if not window.shares():
            return False
        even, window = window.are_even(), Counted(replicas)
        return even

    wait_for(shared, SHARE_SECONDS)


def test_tasks_are_shared_as_well(stack: Service, replicas: list[TorchServe]) -> None:
    images = list(distinct_images(WINDOW, "task").values())
    counted = Counted(replicas)
    task = ended(stack, accepted(post_batch(stack, *images, **OPTIONS)))
    assert (task["state"], task["progress"]["done"]) == ("success", WINDOW)
    assert counted.are_even(), counted.shares()
