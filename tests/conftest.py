"""Two real stacks for the whole run, on free ports, with data of their own: one as it comes, one strict."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

import pytest

from tests.e2e.service import Service, wait_for
from tests.unit.frontend.fake_web import OUTSIDE

KEY = "live-key-0123456789"
"""The key that `strict` asks for."""

WEBHOOK_SECRET = f"whsec_{b64encode(bytes(range(32))).decode()}"
"""With which `running` signs what it tells."""

STREAM_SECONDS = 10
"""How long a stream of `strict` may last."""

LONGEST_FIRST = ("tests/contract/test_kinds.py", "tests/contract/", "tests/unit/training/")
"""Files that take longest: begun first, none of them keeps one core busy when all others have ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: [not item.nodeid.startswith(start) for start in LONGEST_FIRST])


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("stack") / "data"
    settings = {
        "OCR_URL_ALLOW": OUTSIDE,
        "OCR_HISTORY_IMAGES": "true",
        "OCR_FEEDBACK": "true",
        "OCR_RECOGNIZERS": "1",  # what a test pauses or kills is all there is
        "OCR_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    with Service(folder, **settings) as service:
        yield service


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A stack that asks for KEY, has one place for a stream, and closes it soon."""
    limits = {
        "OCR_WORKERS": "1",
        "OCR_TASK_WORKERS": "1",
        "OCR_STREAMS": "1",
        "OCR_STREAM_IDLE_SECONDS": "1.5",
        "OCR_STREAM_MAX_SECONDS": str(STREAM_SECONDS),
        "OCR_API_KEYS": f"reader:{sha256(KEY.encode()).hexdigest()}",
    }
    with Service(tmp_path_factory.mktemp("strict") / "data", **limits) as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    """The stack with every part well, whatever the test before did."""
    wait_for(running.is_well, 60)
    return running
