"""Another default model: rolled out and back under load, kept over a restart; and broken ones, refused."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from frontend.stack.plan import TORCHSERVE, TORCHSERVE_2
from tests.e2e import archives, lines
from tests.e2e.load import Answer, clients, post
from tests.e2e.service import ROOT, Service, wait_for
from tests.e2e.test_tasks import accepted, ended, post_batch

CLIENTS = 6
ROLLBACK_SECONDS = 10
SHOP = "crnn_shop"


class Outcome(NamedTuple):
    """What became of a request, and when it was sent."""

    written: str
    sent_at: float
    answer: Answer

    @property
    def model(self) -> str:
        assert isinstance(self.answer, requests.Response)
        return str(self.answer.json()["model"])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archives.make_store(tmp_path_factory.mktemp("rollout") / "store")


def start(store: Path) -> Service:
    return Service(store.with_name("data"), OCR_MODEL_STORE=str(store))


@pytest.fixture(scope="module")
def stack(store: Path) -> Iterator[Service]:
    """It begins with what `make models` builds; SHOP comes while it runs."""
    with start(store) as service:
        archives.add_model(store, SHOP, archives.nearly_the_same)
        yield service


def popen(service: Service, *arguments: str) -> subprocess.Popen[str]:
    """The command of `make rollout` and `make rollback`."""
    environ = {**os.environ, "OCR_DATA_DIR": str(service.data_dir)}
    command = [sys.executable, "-m", "frontend.stack.rollout", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=pipe, stderr=pipe, text=True)


def run(service: Service, *arguments: str) -> tuple[int, str]:
    """Its exit status, and what it says is wrong."""
    with popen(service, *arguments) as command:
        _, errors = command.communicate(timeout=240)
    return command.returncode, errors


def torchserves(service: Service) -> list[int]:
    """The processes of both; 0 for one that does not run."""
    return [service.pid(part) for part in (TORCHSERVE, TORCHSERVE_2)]


def default_model(service: Service) -> str:
    (name,) = (model["name"] for model in service.get("/models").json()["models"] if model["default"])
    return str(name)


def read(service: Service, image: bytes, **fields: str) -> tuple[Any, ...]:
    """By which model, and whether from the cache."""
    answer = service.post(image, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["model"], answer.json()["cached"]


@contextmanager
def load(service: Service) -> Iterator[list[Outcome]]:
    """Clients that post lines one after the other, each of them new."""
    numbers = itertools.count(1000)

    def ask(session: requests.Session, _client: int) -> Outcome:
        text, sent_at = f"Order {next(numbers)}", time.monotonic()
        return Outcome(text, sent_at, post(session, service, lines.png(text)))

    with clients(CLIENTS, ask, at_first=5 * CLIENTS + 1) as outcomes:
        yield outcomes


def is_right(service: Service, outcome: Outcome) -> bool:
    """Whether it has the text; where it has another one, whether the same model reads that again in peace."""
    answer = outcome.answer
    if not isinstance(answer, requests.Response) or answer.status_code != 200:
        return False
    text = answer.json()["text"]
    if text == outcome.written:
        return True
    not_in_the_cache = lines.encode(lines.draw(outcome.written), "BMP")
    return bool(service.post(not_in_the_cache, model=outcome.model).json()["text"] == text)


def wait_for_more(outcomes: list[Outcome]) -> None:
    """Until each client has had answers to what it sent since."""
    enough = len(outcomes) + 5 * CLIENTS
    wait_for(lambda: len(outcomes) >= enough, 60)


def models_since(outcomes: list[Outcome], moment: float) -> set[str]:
    """Those that read what was sent since."""
    models = [outcome.model for outcome in outcomes if outcome.sent_at >= moment]
    assert len(models) > CLIENTS
    return set(models)


def copy_with(change: Callable[[str, bytes], bytes]) -> Callable[[Path, str], None]:
    return lambda store, name: archives.add_copy(store, name, store / f"{SHOP}.mar", change)


def with_shuffled_characters(store: Path, name: str) -> None:
    archives.add_model(store, name, archives.shuffle_characters)


@pytest.mark.parametrize(
    ("name", "add", "said"),
    [
        ("crnn_nan", copy_with(archives.with_nan), "no finite numbers"),
        ("crnn_half", copy_with(archives.with_half_a_graph), "cannot load crnn_half"),
        ("crnn_nonsense", with_shuffled_characters, "crnn_nonsense is broken: it reads"),
    ],
    ids=["not numbers", "not loadable", "not reading"],
)
def test_a_broken_model_is_refused_before_it_serves_anyone(
    stack: Service, store: Path, name: str, add: Callable[[Path, str], None], said: str
) -> None:
    before = torchserves(stack)
    add(store, name)
    status, errors = run(stack, "rollout", name)
    (store / f"{name}.mar").unlink()
    assert status == 1
    assert said in errors
    assert torchserves(stack) == before
    assert before[1] == 0
    assert default_model(stack) == "auto"
    assert read(stack, lines.png(f"Not read by {name}")) == ("auto", False)


def test_a_rollout_that_is_stopped_leaves_nothing_behind(stack: Service) -> None:
    before = torchserves(stack)
    with popen(stack, "rollout", SHOP) as rollout:
        wait_for(lambda: all(torchserves(stack)), 30)
        rollout.terminate()
        assert rollout.wait(30) == 1
    assert torchserves(stack) == before
    assert default_model(stack) == "auto"


def test_a_model_is_rolled_out_and_back_under_load(stack: Service) -> None:
    known = lines.png("Known before the rollout")
    read(stack, known)
    with load(stack) as outcomes:
        assert run(stack, "rollout", SHOP) == (0, "")
        rolled_out_at = time.monotonic()
        wait_for_more(outcomes)
        assert default_model(stack) == SHOP
        assert [read(stack, known) for _ in range(2)] == [(SHOP, False), (SHOP, True)]
        assert read(stack, lines.png("Named"), model="crnn_v3") == ("crnn_v3", False)
        assert models_since(outcomes, rolled_out_at) == {SHOP}
        assert torchserves(stack)[0] == 0

        started = time.monotonic()
        assert run(stack, "rollback") == (0, "")
        rolled_back_at = time.monotonic()
        assert rolled_back_at - started < ROLLBACK_SECONDS
        wait_for_more(outcomes)
        assert models_since(outcomes, rolled_back_at) == {"auto"}
        assert read(stack, known) == ("auto", True)
        assert read(stack, lines.png("Named"), model=SHOP) == (SHOP, False)
    assert [outcome for outcome in outcomes if not is_right(stack, outcome)] == []


def test_after_a_restart_it_still_serves(stack: Service, store: Path) -> None:
    """Also the second rollout of a run, back into the first TorchServe; and the worker of tasks follows."""
    before = torchserves(stack)
    assert run(stack, "rollout", SHOP) == (0, "")
    assert [bool(pid) for pid in torchserves(stack)] == [not pid for pid in before]
    address = accepted(post_batch(stack, lines.png("In a task"), detail="lines"))
    (item,) = ended(stack, address)["items"]
    assert item["result"]["model"] == SHOP
    stack.stop()
    with start(store) as restarted:
        assert default_model(restarted) == SHOP
        assert read(restarted, lines.png("Known after the restart")) == (SHOP, False)
        assert run(restarted, "rollback") == (0, "")
        assert read(restarted, lines.png("And back")) == ("auto", False)
