"""Short rounds of `make fuzz`, and that it would find what there is to be found."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.fuzz import command, rounds, seeds
from tests.fuzz.documented import Document
from tests.fuzz.mutation import LONGEST, mutate
from tests.fuzz.targets import TARGETS, FoundError, Target

OPENAPI = {"paths": {"/tasks/{task_id}": {"get": {"responses": {"200": {}, "404": {}}}}}}
PROBLEM = "application/problem+json"


def test_seeds_are_few_and_of_every_kind_that_targets_use() -> None:
    assert sum(map(len, seeds.seeds())) < seeds.LIMIT_BYTES
    assert all(target.files or target.cases is not None for target in TARGETS)


def test_mutations_are_many_and_the_same_for_the_same_number() -> None:
    files = seeds.seeds("png", "zip", "pdf")
    made, again = ([mutate(random, files) for _ in range(500)] for random in (Random(1), Random(1)))
    assert made == again
    assert len(set(made)) > 400
    assert max(map(len, made)) <= LONGEST


@pytest.mark.parametrize(
    ("status", "kind", "body", "is_found"),
    [
        (200, "application/json", b"{}", False),
        (404, PROBLEM, b'{"type": "/problems/task-not-found", "status": 404, "detail": "x."}', False),
        (201, "application/json", b"{}", True),
        (500, PROBLEM, b'{"type": "/problems/internal-error", "status": 500, "detail": "x."}', True),
        (409, PROBLEM, b'{"type": "/problems/task-not-found", "status": 409, "detail": "x."}', True),
        (422, PROBLEM, b'{"type": "/problems/invalid-request", "status": 422, "detail": "x."}', True),
        (404, "text/html", b"<h1>", True),
        (404, PROBLEM, b"<h1>", True),
    ],
)
def test_what_is_not_documented_is_found(status: int, kind: str, body: bytes, is_found: bool) -> None:
    def check() -> None:
        Document(OPENAPI).check("GET", "/tasks/1", status, kind, body)

    if is_found:
        with pytest.raises(FoundError):
            check()
    else:
        check()


def _fail(data: bytes) -> None:
    if len(data) % 7 == 0:
        raise IndexError("of seven")


def _die(data: bytes) -> None:
    if len(data) % 7 == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def _hang(data: bytes) -> None:
    while len(data) % 7 == 0:
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "what"), [(_fail, "IndexError: of seven"), (_die, "ends with -9"), (_hang, "hangs for 1 s")]
)
def test_what_fails_dies_or_hangs_is_found_with_its_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, check: Callable[[Any], None], what: str
) -> None:
    monkeypatch.setattr(rounds, "HANGS_SECONDS", 1.0)
    monkeypatch.setattr(rounds, "TARGETS", [Target("broken", check, seeds.seeds("json"))])
    monkeypatch.setattr(rounds, "CONTEXT", "fork")  # so that it has the target of this test
    played = rounds.play("broken", 1, 3.0, tmp_path)
    assert played.inputs > 0
    finding = next(iter(played.findings))
    assert finding.what.startswith(what)
    assert len(finding.file.read_bytes()) % 7 == 0
    assert what in finding.file.with_suffix(".txt").read_text()


def test_only_what_grows_far_is_said_to_grow() -> None:
    mb = 1024 * 1024
    assert not rounds.grows([100 * mb] * 100)
    assert not rounds.grows([100 * mb + 200 * mb * (n < 10) for n in range(100)])
    assert not rounds.grows([n * mb for n in range(10)])
    assert rounds.grows([100 * mb + 2 * mb * n for n in range(100)])


@pytest.mark.slow
def test_a_short_round_finds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = "image,zip,websocket,options"
    status = command.main(["--minutes", "0.2", "--in-process", "--targets", names, "--out", str(tmp_path)])
    assert status == 0, capsys.readouterr().out
