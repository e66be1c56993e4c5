"""The pods of the dev overlay: they start without databases, recover, and keep their promises."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.container import pods
from tests.container.client import GOLDEN, LABELS, load, new_line
from tests.container.engine import log_of
from tests.container.pods import Pods
from tests.e2e.service import wait_for

START_SECONDS = 180


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    """Front end, worker and TorchServe, and no database yet."""
    if not pods.works():
        pytest.skip("needs podman and kubectl")
    played = Pods(tmp_path_factory.mktemp("pods"))
    try:
        played.play("torchserve", "frontend", "worker")
        yield played
    finally:
        played.close()


@pytest.fixture
def all_there(started: Pods) -> Pods:
    wait_for(started.client.is_well, START_SECONDS)
    return started


def test_without_databases_pods_start_and_say_so(started: Pods) -> None:
    wait_for(lambda: started.client.says_down("mongodb", "redis"), START_SECONDS)
    answer = started.client.post((GOLDEN / "receipt.jpg").read_bytes())
    assert (answer.status_code, answer.json()["text"]) == (200, LABELS["receipt.jpg"])
    assert answer.json()["warnings"]
    assert started.client.batch(new_line()).status_code == 503
    for part in ("frontend", "worker"):
        container = started.container(part)
        assert container.facts["RestartCount"] == 0, log_of(container.name)


def test_they_recover_by_themselves(started: Pods) -> None:
    before = {part: started.container(part).pid for part in ("frontend", "worker")}
    started.play("mongo", "valkey")
    wait_for(started.client.is_well, 60)
    task = started.client.batch(new_line(), new_line()).json()["task_id"]
    wait_for(lambda: started.client.items_of(task) == ["success"] * 2, 120)
    assert {part: started.container(part).pid for part in before} == before


def test_users_and_read_only_roots_are_those_of_the_manifests(all_there: Pods) -> None:
    users = {"nginx": "101", "mongo": "999", "valkey": "999"}
    for container, manifest in all_there.containers():
        assert container.run("id", "-u").strip() == users.get(manifest["name"], "10001")
        status = container.run("cat", "/proc/1/status")
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert container.succeeds("touch", "/tmp/probe")
        for folder in ("/", "/opt", "/usr/local", "/app", "/etc"):
            assert not container.succeeds("touch", f"{folder}/probe"), (container, folder)


@pytest.mark.parametrize("kind", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_probes_say_yes(all_there: Pods, kind: str) -> None:
    for container, manifest in all_there.containers():
        wait_for(lambda: all_there.probe(container, manifest, kind), 60)  # noqa: B023 - called at once


@pytest.mark.parametrize("part", ["nginx", "frontend", "worker", "torchserve", "mongo", "valkey"])
def test_what_is_killed_under_load_comes_back(all_there: Pods, part: str) -> None:
    container = all_there.container("frontend" if part == "nginx" else part, part)
    before = container.pid
    with load(all_there.client) as seen:
        container.kill()
        wait_for(lambda: container.pid not in (0, before), 60)
        wait_for(all_there.client.is_well, START_SECONDS)
    seen.assert_honest(lost=10_000 if part == "nginx" else 0)


def test_a_pod_that_is_deleted_ends_in_time(all_there: Pods) -> None:
    """SIGTERM to the front end; the 10 s of its hook, in which nothing new comes, are the cluster's."""
    started = time.monotonic()
    seconds = all_there.container("frontend").stop(60)
    assert seconds < 30
    all_there.container("frontend").start()
    wait_for(all_there.client.is_well, START_SECONDS)
    assert time.monotonic() - started < 120
