"""The service in containers, once for all tests of a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.container import engine
from tests.container.compose import START_SECONDS, Compose
from tests.e2e.service import wait_for


@pytest.fixture(scope="session", autouse=True)
def images() -> None:
    """The engine works, for root, and `make images` has been there."""
    if os.geteuid() or not shutil.which(engine.PROGRAM):
        pytest.skip(f"needs root and {engine.PROGRAM}: make container-test")
    for name in (engine.FRONTEND, engine.TORCHSERVE):
        done = subprocess.run([engine.PROGRAM, "image", "inspect", name], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"there is no {name}: make images")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    with Compose(tmp_path_factory.mktemp("compose")).running() as compose:
        yield compose


@pytest.fixture
def compose(started: Compose) -> Compose:
    """The project with every part well, whatever the test before did."""
    wait_for(started.client.is_well, START_SECONDS)
    return started
