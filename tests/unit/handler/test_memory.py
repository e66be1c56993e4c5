"""Memory that a worker keeps and gives back, each case in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
START = """
import resource
import numpy as np
from handler.memory import KEPT_MB, MB, keep, resident

def use(megabytes):
    for _ in range(4):
        np.ones(megabytes * MB // 4, np.uint8)
    held = [np.ones(megabytes * MB // 4, np.uint8) for _ in range(4)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

memory = keep()
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's memory")


def run(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START + code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_memory_that_was_used_once_is_used_again_as_it_is() -> None:
    run(
        "use(200)\nbefore = faults()\nuse(200)\nassert faults() - before < 500\nassert not memory.give_back()"
    )


def test_more_than_is_kept_goes_back() -> None:
    run(
        "use(KEPT_MB + 200)\nassert resident() > memory.at_rest + KEPT_MB\nassert memory.give_back()\n"
        "assert resident() < memory.at_rest + 50\nassert not memory.give_back()"
    )
