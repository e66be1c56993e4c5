"""One real stack for the whole run, on free ports, with data of its own, for end-to-end and browser tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.service import Service, wait_for
from tests.unit.frontend.fake_web import OUTSIDE

LONGEST_FIRST = ("tests/contract/test_kinds.py", "tests/contract/", "tests/unit/training/")
"""Files that take longest: begun first, none of them keeps one core busy when all others have ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: [not item.nodeid.startswith(start) for start in LONGEST_FIRST])


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("stack") / "data"
    with Service(folder, OCR_URL_ALLOW=OUTSIDE, OCR_HISTORY_IMAGES="true") as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    """The stack with every part well, whatever the test before did."""
    wait_for(running.is_well, 60)
    return running
