"""Compose with little room: what does not fit is refused, /readyz says so, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.container.client import new_line
from tests.container.compose import Compose
from tests.container.conftest import START_SECONDS
from tests.container.engine import Container
from tests.e2e.service import wait_for

SMALL = {
    '"/tmp:mode=1777"': '"/tmp:mode=1777,size=64m"',
    "    volumes: [mongo:/data/db]\n    tmpfs: [": '    tmpfs: ["/data/db:mode=1777,size=480m", ',
}
LARGE = bytes(1024 * 1024)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    compose = Compose(tmp_path_factory.mktemp("small"))
    path = compose.folder / "compose.yaml"
    text = path.read_text()
    for old, new in SMALL.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    compose.down()
    try:
        compose.up()
        wait_for(compose.client.is_well, START_SECONDS)
        yield compose
    finally:
        compose.down()


@contextmanager
def full(folder: str, *containers: Container) -> Iterator[None]:
    """Not a byte is free there."""
    for container in containers:
        container.succeeds("sh", "-c", f"cat /dev/zero >{folder}/fill")
    try:
        yield
    finally:
        for container in containers:
            container.run("rm", "-f", f"{folder}/fill")


def test_front_ends_without_room_refuse_batches_and_read_on(compose: Compose) -> None:
    fronts = compose.containers("frontend")
    with full("/tmp", *fronts):
        wait_for(lambda: compose.client.says_down("disk"), 10)
        answer = compose.client.batch(LARGE, LARGE)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/disk-full")
        assert int(answer.headers["Retry-After"]) > 0
        for _ in range(8):
            assert compose.client.post(new_line()).status_code == 200
    wait_for(lambda: compose.client.says_down(), 10)
    assert compose.client.batch(new_line()).status_code == 202
    assert all(front.facts["RestartCount"] == 0 for front in fronts)


def test_nginx_without_room_says_503(compose: Compose) -> None:
    with full("/tmp", compose.container("nginx")):
        answer = compose.client.post(LARGE)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert compose.client.post(new_line()).status_code == 200


def test_mongodb_without_room_loses_nothing(compose: Compose) -> None:
    mongo = compose.container("mongo")
    kept = compose.client.post(new_line()).json()["history_id"]
    with full("/data/db", mongo):
        statuses = {compose.client.batch(new_line()).status_code for _ in range(20)}
        answer = compose.client.post(new_line())
        assert answer.status_code == 200
        assert statuses <= {202, 503}
        said = compose.client.parts()["mongodb"]
        assert said["state"] == "down" or statuses == {202}, said
    wait_for(compose.client.is_well, 120)
    assert compose.client.request("GET", f"/history/{kept}").status_code == 200
