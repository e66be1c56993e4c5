"""One real stack for the whole run, on free ports, with data of its own, for end-to-end and browser tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.service import Service, wait_for
from tests.unit.frontend.fake_web import OUTSIDE


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
