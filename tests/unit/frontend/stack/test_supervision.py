"""Children that have ended, and those that have only begun to."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from frontend.stack.supervision import reap, takes_calls

SYS_EXIT = 60
FIRST_THREAD_ENDS = f"""
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(2,)).start()
ctypes.CDLL(None).syscall({SYS_EXIT}, 0)
"""
"""The system call ends one thread; with the first one gone the process looks like one that has ended."""


def test_a_child_whose_last_threads_are_still_ending_is_left_for_the_next_time() -> None:
    started = subprocess.Popen([sys.executable, "-c", FIRST_THREAD_ENDS])
    child = psutil.Process(started.pid)
    while child.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    reap(but=0)
    assert child.is_running()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(child.pid) and time.monotonic() < deadline:
        reap(but=0)
        time.sleep(0.05)
    assert not psutil.pid_exists(child.pid)
    started.wait(0)


def test_one_child_is_left_to_its_owner() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    reap(but=child.pid)
    assert child.wait(0) == 0


def test_a_socket_takes_calls_once_it_listens(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.sock"
    assert not takes_calls(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert not takes_calls(path)
        server.listen()
        assert takes_calls(path)
