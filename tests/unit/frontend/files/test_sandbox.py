"""Jobs in a process of their own: what takes too long or too much, crashes or is killed harms no other."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import psutil
import pytest

from frontend.errors import (
    BusyError,
    ImageTooLargeError,
    InvalidImageError,
    InvalidRequestError,
    OCRError,
    UnavailableError,
)
from frontend.files import sandbox as module
from frontend.files.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    assert made.run(os.getpid) != os.getpid()
    yield made
    made.close()


def spin(mark: Path | None = None) -> None:
    if mark:
        mark.touch()
    while True:
        pass


def refuse() -> None:
    raise InvalidRequestError([("page", "There is no such page.")])


def fill() -> int:
    return len(bytearray(3 * 1024**3))


HELD: list[bytes] = []


def hold(size_bytes: int, seconds_to_end: float = 0.0) -> int:
    HELD.append(b"x" * size_bytes)
    atexit.register(time.sleep, seconds_to_end)
    return os.getpid()


def crash() -> int:
    return ctypes.string_at(0)[0]


def end(number: int) -> None:
    os.kill(os.getpid(), number)


def double(word: bytes, file: IO[bytes], source: IO[bytes]) -> int:
    return file.write(word + source.read())


def test_what_is_returned_and_raised_comes_back_by_the_same_process(sandbox: Sandbox) -> None:
    process = sandbox.run(os.getpid)
    assert sandbox.run(bytes.upper, b"a" * 10_000_000) == b"A" * 10_000_000
    with pytest.raises(InvalidRequestError) as raised:
        sandbox.run(refuse)
    assert raised.value.errors == [("page", "There is no such page.")]
    assert raised.value.extensions["errors"]
    assert sandbox.run(os.getpid) == process


def test_a_process_that_keeps_much_ends_after_its_job(sandbox: Sandbox) -> None:
    modest = sandbox.run(hold, 1000)
    assert sandbox.run(hold, 600 * 1024**2) == modest
    assert sandbox.run(os.getpid) != modest


def test_a_process_that_is_ending_costs_no_job(sandbox: Sandbox) -> None:
    ending = sandbox.run(hold, 600 * 1024**2, 1.0)
    time.sleep(0.3)  # its end of the socket is closed; it is still there
    assert sandbox.run(os.getpid) != ending


def test_files_are_handed_over(sandbox: Sandbox) -> None:
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as source:
        source.write(b"ab")
        source.seek(0)
        assert sandbox.run(double, b"x", files=[file, source]) == 3
        file.seek(0)
        assert file.read() == b"xab"
    process = psutil.Process(sandbox.run(os.getpid))
    assert sandbox.run(len, b"") == 0
    assert process.num_fds() < 10


@pytest.mark.parametrize(
    ("work", "arguments", "error", "sentence"),
    [
        (spin, (), ImageTooLargeError, "over 0.3 s"),
        (fill, (), ImageTooLargeError, "memory"),
        (crash, (), InvalidImageError, "damaged"),
        (end, (signal.SIGKILL,), UnavailableError, "Send the request again"),
        (int, ("x",), OCRError, "request id"),
    ],
)
def test_what_ends_the_process_is_told_and_the_next_job_has_another(
    sandbox: Sandbox,
    work: Callable[..., object],
    arguments: tuple[object, ...],
    error: type[OCRError],
    sentence: str,
) -> None:
    with pytest.raises(error, match=sentence) as raised:
        sandbox.run(work, *arguments, seconds=0.3)
    assert type(raised.value) is error
    assert sandbox.run(len, b"12") == 2


def test_a_process_that_was_killed_between_jobs_is_replaced_in_silence(sandbox: Sandbox) -> None:
    process = psutil.Process(sandbox.run(os.getpid))
    process.kill()
    process.wait(10)
    assert sandbox.run(os.getpid) != process.pid


def test_a_process_that_hangs_is_ended(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 2)
    process = psutil.Process(sandbox.run(os.getpid))
    for job in (
        lambda: sandbox.run(time.sleep, 60, seconds=0.3),
        lambda: sandbox.run(end, signal.SIGSTOP, seconds=0.3),
    ):
        with pytest.raises(ImageTooLargeError, match="too long"):
            job()
    assert not process.is_running()
    process = psutil.Process(sandbox.run(os.getpid))
    process.suspend()
    with pytest.raises(UnavailableError):
        sandbox.run(len, bytes(10_000_000), seconds=0.3)
    assert sandbox.run(len, b"1") == 1


def test_a_job_that_nobody_waits_for_ends_within_a_second(sandbox: Sandbox, tmp_path: Path) -> None:
    mark = tmp_path / "has begun"
    process = psutil.Process(sandbox.run(os.getpid))
    with ThreadPoolExecutor(1) as pool:
        left = pool.submit(sandbox.run, spin, mark, is_awaited=lambda: not mark.exists())
        assert isinstance(left.exception(timeout=5), UnavailableError)
    assert not process.is_running()
    assert sandbox.run(len, b"123") == 3


def test_who_leaves_while_others_are_served_does_not_wait(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(sandbox.run, spin, seconds=2)
        while not sandbox._lock.locked():
            time.sleep(0.001)
        with pytest.raises(UnavailableError):
            sandbox.run(len, b"", is_awaited=lambda: False)
        with pytest.raises(BusyError):
            sandbox.run(len, b"", seconds=0.05)
        assert isinstance(first.exception(timeout=20), ImageTooLargeError)


def test_a_process_without_jobs_ends_and_the_next_job_has_another() -> None:
    sandbox = Sandbox(idle_seconds=0.2)
    process = psutil.Process(sandbox.run(os.getpid))
    assert process.wait(10) in {0, None}
    assert sandbox.run(os.getpid) != process.pid
    sandbox.close()
