"""The pods of the dev overlay: they start without databases, recover, and keep their promises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.container import pods
from tests.container.client import GOLDEN, LABELS, LOST, kept_load, load, new_line, new_page
from tests.container.engine import log_of
from tests.container.pods import Pods
from tests.e2e.service import wait_for

START_SECONDS = 180
CLIENTS = 8
NOTICED_SECONDS = 3
"""Until every proxy knows that a pod is to end."""
PAGES = 24


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
    seen.assert_honest(lost=LOST.get(part, 0))


@pytest.fixture
def updated(all_there: Pods) -> Iterator[Pods]:
    """The pods, some of which are replaced by a second one during the test."""
    yield all_there
    all_there.restore()


def test_an_update_of_the_front_ends_costs_no_request(updated: Pods) -> None:
    """The new pod is ready before the old one is to end, to which new connections go for a moment longer."""
    ports = [updated.ports["frontend"]]
    with kept_load(ports, CLIENTS) as seen, ThreadPoolExecutor(1) as pool:
        play_until_ready(updated, "frontend-2")
        ports.append(updated.ports["frontend-2"])
        ending = pool.submit(updated.end, "frontend")
        time.sleep(NOTICED_SECONDS)
        ports.pop(0)
        ending.result()
    assert seen.failed == []


def test_an_update_of_torchserve_costs_no_request(updated: Pods) -> None:
    """Its name keeps the address of the old pod to the end, where a cluster takes it away at once."""
    with kept_load([updated.ports["frontend"]], CLIENTS) as seen:
        play_until_ready(updated, "torchserve-2")
        updated.end("torchserve")
    assert seen.failed == []


def play_until_ready(pods: Pods, pod: str) -> None:
    pods.play(pod)
    wait_for(lambda: pods.is_ready(pod), START_SECONDS)


def test_of_a_batch_whose_worker_is_evicted_nothing_is_lost_or_done_twice(updated: Pods) -> None:
    """The next worker starts beside the one that is to go, which finishes what it is reading."""
    before = updated.inferences()
    task = updated.client.batch(*[new_page() for _ in range(PAGES)]).json()["task_id"]
    wait_for(lambda: updated.inferences() > before, 60)
    play_until_ready(updated, "worker-2")
    updated.end("worker")
    wait_for(lambda: updated.client.items_of(task) == ["success"] * PAGES, 120)
    assert updated.inferences() == before + PAGES
    items = updated.client.request("GET", f"/tasks/{task}").json()["items"]
    kept = updated.client.request("GET", f"/history?limit={PAGES}").json()["items"]
    assert {item["result"]["history_id"] for item in items} == {record["id"] for record in kept}


def test_a_pod_that_is_deleted_ends_in_time(all_there: Pods) -> None:
    """SIGTERM to the front end; the 10 s of its hook, in which nothing new comes, are the cluster's."""
    started = time.monotonic()
    seconds = all_there.container("frontend").stop(60)
    assert seconds < 30
    all_there.container("frontend").start()
    wait_for(all_there.client.is_well, START_SECONDS)
    assert time.monotonic() - started < 120
