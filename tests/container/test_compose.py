"""The whole service by compose.yaml: it reads, keeps its promises, and outlives its parts."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import pytest

from tests.container.client import GOLDEN, LABELS, LOST, load, new_line
from tests.container.compose import SERVICES, Compose
from tests.e2e.service import wait_for

USERS = {"nginx": "101", "mongo": "999", "valkey": "999"}
DRAIN_SECONDS = 30
WRITABLE = {"mongo": ("/data/db",), "valkey": ("/data",)}


def test_a_real_image_is_read_through_nginx(compose: Compose) -> None:
    answer = compose.client.post((GOLDEN / "receipt.jpg").read_bytes())
    assert answer.status_code == 200
    assert answer.json()["text"] == LABELS["receipt.jpg"]


def test_tasks_are_read_by_the_worker(compose: Compose) -> None:
    task = compose.client.batch(new_line(), new_line()).json()["task_id"]
    wait_for(lambda: compose.client.items_of(task) == ["success"] * 2, 60)


def test_a_key_can_be_made_and_used(compose: Compose) -> None:
    made = compose.container("frontend").run(
        "python", "-m", "frontend.stack.key_command", "make", f"alice-{time.time_ns()}"
    )
    assert made.startswith("ocr_")


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_is_root_and_only_tmp_is_writable(compose: Compose, service: str) -> None:
    for container in compose.containers(service):
        assert container.run("id", "-u").strip() == USERS.get(service, "10001")
        status = container.run("cat", "/proc/1/status")
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert container.facts["HostConfig"]["ReadonlyRootfs"]
        for folder in ("/tmp", *WRITABLE.get(service, ())):
            assert container.succeeds("sh", "-c", f"touch {folder}/probe && rm {folder}/probe"), folder
        for folder in ("/", "/opt", "/usr/local", "/app", "/home", "/etc"):
            assert not container.succeeds("touch", f"{folder}/probe"), folder


@pytest.mark.parametrize("service", SERVICES)
def test_health_checks_say_yes(compose: Compose, service: str) -> None:
    for container in compose.containers(service):
        wait_for(container.is_healthy, 60)


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_killed_under_load_comes_back(compose: Compose, service: str) -> None:
    container = compose.container(service)
    before = container.pid
    with load(compose.client) as seen:
        container.kill()
        wait_for(lambda: container.pid not in (0, before), 60)
        wait_for(compose.client.is_well, 120)
    seen.assert_honest(lost=LOST.get(service, 0))
    wait_for(container.is_healthy, 60)


def test_a_front_end_that_is_stopped_finishes_what_it_reads(compose: Compose) -> None:
    container = compose.container("frontend")
    try:
        with load(compose.client, clients=8) as seen:
            seconds = container.stop(DRAIN_SECONDS + 5)
    finally:
        container.start()
    assert seconds < DRAIN_SECONDS
    assert container.facts["State"]["ExitCode"] == 0
    assert not seen.lost
    assert not [answer.text for answer in seen.answers if answer.status_code != HTTPStatus.OK]


def test_nginx_answers_what_it_has_taken_in_before_it_ends(compose: Compose) -> None:
    nginx = compose.container("nginx")
    image = (GOLDEN / "page.jpg").read_bytes()
    seconds: list[float] = []
    try:
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(compose.client.post, image) for _ in range(4)]
            time.sleep(0.3)
            stopping = threading.Thread(target=lambda: seconds.append(nginx.stop(DRAIN_SECONDS + 5)))
            stopping.start()
            statuses = {answer.result(timeout=60).status_code for answer in answers}
        stopping.join()
    finally:
        nginx.start()
    assert statuses == {200}
    assert seconds[0] < DRAIN_SECONDS + 5


def test_a_task_outlives_a_worker_that_is_stopped(compose: Compose) -> None:
    worker = compose.container("worker")
    task = compose.client.batch(*[new_line() for _ in range(20)]).json()["task_id"]
    try:
        assert worker.stop(60) < 60
    finally:
        worker.start()
    wait_for(lambda: compose.client.items_of(task) == ["success"] * 20, 120)
