"""Files are drawn, counted and made into others in processes whose time and memory are bounded.

A file of some kilobytes may take minutes, or gigabytes. Here it costs such a process at most, and the next
file gets a new one. Where nobody waits any more, or time is up, the process is ended.

    python -m frontend.files.sandbox FD SECONDS  # the process: does one job after the other, see Sandbox.run
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any, TypeVar

from frontend import logs
from frontend.errors import BusyError, ImageTooLargeError, InvalidImageError, OCRError, UnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")

SECONDS = 10.0
"""Of CPU time that a job may take."""
MEMORY = 2 * 1024**3
"""Bytes of address space that a process may have, of which it needs a quarter itself."""
KEPT = 500 * 1024**2
"""Bytes that it may hold between two jobs; one with more ends: some libraries never give back."""
PATIENCE = 6
"""What does not end within so many times its CPU time is stuck."""
IDLE_SECONDS = 60.0
"""After so long without a job a process ends: it holds 60 MB or more."""
LOOK_SECONDS = 0.2
"""How often is looked whether somebody waits for the result."""
END_SECONDS = 5.0
"""What has closed its end of the socket ends within this, even if it has much memory to give back."""
MAX_FILES = 250
_METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Of those who count; the processes here do not."""
_ADVICE = "Save it as PNG or JPEG (not progressive, not interlaced), or smaller."


class Sandbox:
    """A process that does one job at a time, started for the first one. Thread-safe."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def run(
        self,
        work: Callable[..., T],
        *arguments: object,
        files: Sequence[IO[bytes]] = (),
        seconds: float = SECONDS,
        is_awaited: Callable[[], bool] = lambda: True,
    ) -> T:
        """work(*arguments, *files), done there; `work` is a function of a module, the rest can be pickled.

        Raises:
            OCRError: as `work` raises it.
            ImageTooLargeError: it takes over `seconds` of CPU time, or too much memory.
            InvalidImageError: the process crashes.
            UnavailableError: the process is killed, or, as `is_awaited` says, nobody waits any more.
            BusyError: the jobs before it take too long.
        """
        job = partial(_Process.run, work=(work, arguments), files=files, seconds=seconds)
        self._enter(seconds, is_awaited)
        try:
            process, self._process = self._process or _Process(self._idle_seconds), None
            try:
                done = job(process, is_awaited=is_awaited)
            except _EndedError:
                process = _Process(self._idle_seconds)
                done = job(process, is_awaited=is_awaited)
            self._process = process
        finally:
            self._lock.release()
        if isinstance(done, OCRError):
            raise done
        return done  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the process; the next job starts another."""
        with self._lock:
            if self._process:
                self._process.end()
            self._process = None

    def _enter(self, seconds: float, is_awaited: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE * seconds
        while not self._lock.acquire(timeout=LOOK_SECONDS):
            _check_awaited(is_awaited)
            if time.monotonic() > deadline:
                raise BusyError


DRAWING = Sandbox()
"""For what clients have drawn or written: pictures, PDFs, workbooks."""
ASIDE = Sandbox()
"""For what is drawn beside reading: thumbnails, crops; and to count pages."""


class _EndedError(Exception):
    """The process had ended before the job began: for want of one, or because it was killed."""


class _Process:
    """The process, and the socket by which it gets its jobs."""

    def __init__(self, idle_seconds: float) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), str(idle_seconds)],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[2],
                env={name: value for name, value in os.environ.items() if name != _METRICS},
            )
        self._stream = self._socket.makefile("rwb")
        self.end = weakref.finalize(self, _end, self._process, self._socket)

    def run(
        self,
        work: tuple[Callable[..., Any], tuple[object, ...]],
        files: Sequence[IO[bytes]],
        seconds: float,
        is_awaited: Callable[[], bool],
    ) -> Any:
        """What the work returns, or the OCRError that it raised. Any error ends the process."""
        try:
            if self._process.poll() is not None:
                raise _EndedError
            self._socket.settimeout(PATIENCE * seconds)
            socket.send_fds(self._socket, [b"\0"], [file.fileno() for file in files])
            pickle.dump((*work, seconds), self._stream, pickle.HIGHEST_PROTOCOL)
            self._stream.flush()
            self._await(PATIENCE * seconds, is_awaited)
            return pickle.load(self._stream)
        except (OSError, EOFError, pickle.UnpicklingError):
            raise self._death(seconds) from None
        except BaseException:
            self.end()
            raise

    def _await(self, seconds: float, is_awaited: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not wait([self._socket], LOOK_SECONDS):
            _check_awaited(is_awaited)
            if time.monotonic() > deadline:
                raise ImageTooLargeError(f"It takes too long to draw. {_ADVICE}")

    def _death(self, seconds: float) -> Exception:
        """Why the process has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        ended = self._process.poll()
        self.end()
        if ended == 0:
            return _EndedError()  # just now
        if ended == -signal.SIGPROF:
            return ImageTooLargeError(f"It takes over {seconds:g} s to draw. {_ADVICE}")
        log.warning("the process that draws ended", extra={"facts": {"status": ended}})
        if ended in {None, -signal.SIGKILL, -signal.SIGTERM}:
            return UnavailableError("The process that draws was ended. Send the request again.")
        if ended is not None and ended > 0:
            return OCRError()
        return InvalidImageError(f"The file is damaged, or takes too much memory to draw. {_ADVICE}")


def _check_awaited(is_awaited: Callable[[], bool]) -> None:
    if not is_awaited():
        raise UnavailableError("The client has gone.")


def _end(process: subprocess.Popen[bytes], connection: socket.socket) -> None:
    connection.close()
    process.kill()
    process.wait()


def _serve(connection: socket.socket, idle_seconds: float) -> None:
    """Do one job after the other; without a handler, SIGPROF ends the process when its time is up."""
    import resource  # not on every system that has the command line

    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the affair of who started us
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    stream = connection.makefile("rwb")
    while (fds := _next(connection, idle_seconds)) is not None:
        work, arguments, seconds = pickle.load(stream)
        files = [os.fdopen(fd, "r+b") for fd in fds]
        signal.setitimer(signal.ITIMER_PROF, seconds)
        done = _done(work, (*arguments, *files))
        signal.setitimer(signal.ITIMER_PROF, 0)
        for file in files:
            file.close()
        pickle.dump(done, stream, pickle.HIGHEST_PROTOCOL)
        stream.flush()
        if _held() > KEPT:
            return


def _held() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _next(connection: socket.socket, idle_seconds: float) -> list[int] | None:
    """The files of the next job; None if no job comes any more, or none for long."""
    if not wait([connection], idle_seconds):
        return None
    byte, fds, _, _ = socket.recv_fds(connection, 1, MAX_FILES)
    return fds if byte else None


def _done(work: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """The result, or the OCRError."""
    try:
        return work(*arguments)
    except OCRError as error:
        return error
    except MemoryError:
        return ImageTooLargeError(f"It takes over {MEMORY // 1024**3} GB of memory to draw. {_ADVICE}")


if __name__ == "__main__":
    logs.take_over("info")
    try:
        _serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2]))
    except OSError:  # who gave the jobs has ended
        sys.exit()
    except Exception:
        log.exception("a job failed")
        sys.exit(1)
