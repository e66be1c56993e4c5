"""What `make run` refuses before it starts anything, with one sentence each that says what to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from frontend.settings import Settings
from frontend.stack import machine, plan, ports
from frontend.stack.errors import StackError
from frontend.stack.machine import refuse_full_disk, refuse_little_memory, refuse_taken_port
from frontend.stack.plan import TORCHSERVE
from tests.unit.frontend.servers import free_port

MB = 1024 * 1024


def test_a_host_that_cannot_be_resolved_is_told_from_a_taken_port() -> None:
    for host in ("no-such-host.invalid", "1:2", "-" * 70):
        with pytest.raises(StackError, match="OCR_HOST"):
            refuse_taken_port(Settings(host=host, anonymous=True, secret_key="s" * 32))
    with socket.socket() as taken:
        port = next(port for port in ports.PORTS if ports.bindable(taken, ports.LOOPBACK, port))
        taken.listen()
        with pytest.raises(StackError, match="OCR_PORT"):
            refuse_taken_port(Settings(port=port))


def test_a_disk_without_room_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse_full_disk(tmp_path)
    monkeypatch.setattr(machine, "LEAST_DISK", 10**20)
    with pytest.raises(StackError, match=f"The disk of {tmp_path} has .* make room"):
        refuse_full_disk(tmp_path)


def test_memory_that_is_too_small_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the machine, or of the container; what others lend us need not fit."""
    refuse_little_memory(Settings(recognizers=1), [TORCHSERVE])
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    refuse_little_memory(Settings(recognizers=1), [TORCHSERVE])
    for name, text in (("max", 2000 * MB), ("current", 700 * MB), ("stat", "anon 1\ninactive_file 0\n")):
        (tmp_path / f"memory.{name}").write_text(str(text))
    with pytest.raises(StackError, match="1300 MB of memory left, and 1870 are needed: end other programs"):
        refuse_little_memory(Settings(recognizers=1), [TORCHSERVE])
    refuse_little_memory(Settings(), [])
    with pytest.raises(StackError, match="2870 are needed"):
        refuse_little_memory(Settings(recognizers=2), [TORCHSERVE])
    with pytest.raises(StackError, match="OCR_INSTANCES"):
        refuse_little_memory(Settings(instances=4), [])
    (tmp_path / "memory.stat").write_text(f"inactive_file {600 * MB}\n")
    refuse_little_memory(Settings(recognizers=1), [TORCHSERVE])


def run(**settings: str) -> tuple[int, list[str]]:
    """`make run` with these settings: its exit status and the sentences that it ends with."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OCR_")}
    done = subprocess.run(
        [sys.executable, "-m", "frontend.stack"],
        cwd=plan.ROOT,
        env=inherited | settings,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr.splitlines()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """As is a file in its place, which root cannot write into either."""
    (tmp_path / "file").touch()
    for folder in ("/proc/ocr", str(tmp_path / "file" / "data"), str(tmp_path / "file")):
        status, said = run(OCR_DATA_DIR=folder)
        assert status == 1
        assert [line for line in said if line] == [said[-1]], said
        assert "OCR_DATA_DIR" in said[-1]


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        status, said = run(OCR_DATA_DIR=str(tmp_path / "data"), OCR_PORT=str(taken.getsockname()[1]))
    assert (status, [line for line in said if line]) == (1, [said[-1]])
    assert "in use" in said[-1]
