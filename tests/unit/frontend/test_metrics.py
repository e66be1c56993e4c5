"""The folder in which the processes of a part keep their numbers."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict

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


class TestRoom:
    """Prometheus-client's files are mapped into memory: to use a page without room on the disk is SIGBUS."""

    NUMBERS = [*range(5000)]
    """More than a file has room for at first."""

    def fill(self, file: metrics.NumbersFile) -> None:
        for number in self.NUMBERS:
            file.write_value(f"number {number} of {'many ' * 10}", number, 0.0)

    def test_it_is_taken_before_it_is_used(self, tmp_path: Path) -> None:
        path = tmp_path / "counter_1.db"
        with closing(metrics.NumbersFile(str(path))) as file:
            self.fill(file)
        status = path.stat()
        assert status.st_blocks * 512 >= status.st_size
        found = MmapedDict.read_all_values_from_file(path)
        assert sorted(value for _, value, *_ in found) == self.NUMBERS

    @pytest.mark.parametrize("from_the_beginning", [True, False])
    def test_where_there_is_none_a_process_counts_for_itself(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_the_beginning: bool
    ) -> None:
        def no_room(*_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        path = tmp_path / "counter_1.db"
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", no_room if from_the_beginning else os.posix_fallocate)
            file = metrics.NumbersFile(str(path))
            patch.setattr(os, "posix_fallocate", no_room)
            self.fill(file)
        with closing(file):
            assert sorted(value for _, value, _ in file.read_all_values()) == self.NUMBERS
        assert path.exists() is not from_the_beginning


def test_without_a_folder_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    metrics.begin()
    metrics.forget(1)
    assert b"ocr_images_total" in metrics.exposition()
