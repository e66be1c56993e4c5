"""The folder in which the processes of a part keep their numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from frontend import metrics


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def _files(folder: Path, *pids: int) -> None:
    for pid in pids:
        for kind in ("counter", "gauge_livesum"):
            (folder / f"{kind}_{pid}.db").touch()


def test_a_start_forgets_the_former_run(folder: Path, ended: int) -> None:
    _files(folder, ended, os.getpid())
    metrics.begin()
    assert {file.name for file in folder.iterdir()} == {
        f"counter_{os.getpid()}.db",
        f"gauge_livesum_{os.getpid()}.db",
    }


def test_another_instance_keeps_its_numbers(folder: Path, ended: int) -> None:
    """So several instances of a machine may share a folder: any of them tells the numbers of all."""
    _files(folder, ended, os.getppid())
    metrics.begin()
    assert {file.name for file in folder.iterdir()} == {
        f"counter_{ended}.db",  # what has been counted never gets less
        f"counter_{os.getppid()}.db",
        f"gauge_livesum_{os.getppid()}.db",
    }


def test_without_a_folder_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    metrics.begin()
    metrics.forget(1)
    assert b"ocr_images_total" in metrics.exposition()
