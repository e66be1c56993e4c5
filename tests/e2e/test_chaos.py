"""A short round of `make chaos`: three of its faults, each once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.chaos.__main__ import suffer
from tests.chaos.crowd import Crowd, audit
from tests.chaos.faults import all_faults
from tests.chaos.stacks import started

FAULTS = ("TorchServe, pages: killed", "MongoDB: killed", "link to Valkey: cut again and again")
BACK_SECONDS = 60
"""On a machine that does other work meanwhile; docs/reliability.md has what is measured without."""


def test_nothing_is_lost_doubled_or_wrong() -> None:
    faults = {fault.name: fault for fault in all_faults()}
    with tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp") as folder, started(Path(folder)) as stacks:
        with Crowd(stacks.front.address, f"{os.getpid()}") as crowd:
            results = [suffer(stacks, crowd, faults[name]) for name in FAULTS]
        found = audit(crowd, stacks.front.address)
        bad = [event for event in crowd.events(0) if event.outcome not in ("right", "later")]
    assert (found.lost, found.doubled) == ([], [])
    assert bad == []
    assert all(result and result.is_good and result.back_seconds < BACK_SECONDS for result in results)
