"""Compose with little room: what does not fit is refused, /readyz says so, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.container import engine
from tests.container.client import new_line
from tests.container.compose import Compose
from tests.container.engine import Container
from tests.e2e.service import wait_for

TMP, SMALL_TMP = '"/tmp:mode=1777"', '"/tmp:mode=1777,size=64m"'
VOLUME = "mongo:/data/db"
SMALL_DISK = "size=480m,uid=999,gid=999"
LARGE = bytes(1024 * 1024)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small one for MongoDB."""
    folder = tmp_path_factory.mktemp("disk")
    engine.call(["mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", folder])
    try:
        yield folder
    finally:
        engine.call(["umount", "--lazy", folder])


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, disk: Path) -> Iterator[Compose]:
    compose = Compose(tmp_path_factory.mktemp("small"))
    path = compose.folder / "compose.yaml"
    text = path.read_text()
    assert TMP in text
    assert VOLUME in text
    path.write_text(text.replace(TMP, SMALL_TMP).replace(VOLUME, f"{disk}:/data/db"))
    with compose.running():
        yield compose


@contextmanager
def full(*containers: Container) -> Iterator[None]:
    """Not a byte is free in /tmp of these."""
    for container in containers:
        container.succeeds("sh", "-c", "cat /dev/zero >/tmp/fill")
    try:
        yield
    finally:
        for container in containers:
            container.run("rm", "-f", "/tmp/fill")


def test_front_ends_without_room_refuse_batches_and_read_on(compose: Compose) -> None:
    fronts = compose.containers("frontend")
    with full(*fronts):
        wait_for(lambda: compose.client.says_down("disk"), 10)
        answer = compose.client.batch(LARGE, LARGE)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/disk-full")
        assert int(answer.headers["Retry-After"]) > 0
        for _ in range(8):
            assert compose.client.post(new_line()).status_code == 200
    wait_for(lambda: compose.client.says_down(), 10)
    assert compose.client.batch(new_line()).status_code == 202
    assert all(front.facts["RestartCount"] == 0 for front in fronts)
    assert not any("SIGBUS" in engine.log_of(front.name) for front in fronts), "metrics are kept there, too"


def test_nginx_without_room_says_503(compose: Compose) -> None:
    with full(compose.container("nginx")):
        answer = compose.client.post(LARGE)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert compose.client.post(new_line()).status_code == 200


def test_mongodb_without_room_loses_nothing(compose: Compose, disk: Path) -> None:
    kept = compose.client.post(new_line()).json()["history_id"]
    fill = disk / "fill"
    with suppress(OSError), fill.open("wb", buffering=0) as file:
        while file.write(LARGE):
            pass
    try:
        statuses = {compose.client.batch(new_line()).status_code for _ in range(20)}
        said = compose.client.parts()["mongodb"]
        assert compose.client.post(new_line()).status_code == 200
    finally:
        fill.unlink()
    assert statuses <= {202, 503}
    assert said["state"] == "down" or 503 not in statuses
    wait_for(compose.client.is_well, 120)
    assert compose.client.request("GET", f"/history/{kept}").status_code == 200
