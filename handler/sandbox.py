"""Opens images and documents in a process of its own, whose time and memory are bounded.

A file of some kilobytes may take minutes to decode, or gigabytes. Here it costs that process at most, and the
next file gets a new one.

    python -m handler.sandbox FD  # the process: answers requests on this socket, see Sandbox.open
"""

import logging
import os
import pickle
import resource
import signal
import subprocess
import sys
import weakref
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from PIL import Image

from handler.document import Sheet, open_sheets
from handler.image import InvalidImageError

log = logging.getLogger(__name__)
SECONDS = 10.0
"""Of CPU time that a file may take to open."""
MEMORY = 3 * 1024**3
"""Bytes of address space that the process may have, of which it needs about half a gigabyte itself."""
KEPT = 500 * 1024**2
"""Bytes that it may hold between two files; one with more is replaced: some libraries never give back."""
PATIENCE = 6
"""What does not answer within so many times its CPU time is stuck."""

Opened = tuple[list[Sheet], bool]
"""What open_sheets returns."""


class Sandbox:
    """One process that opens files. Not for several threads."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._start()

    def open(self, data: bytes, pages: str | None = None, with_text: bool = False) -> Opened:
        """As open_sheets does it.

        Raises:
            InvalidImageError: as open_sheets, or it takes too much time or memory (413), or kills it.
        """
        try:
            self._connection.send((pages, with_text))
            self._connection.send_bytes(data)
            if not self._connection.poll(PATIENCE * self._seconds):
                self._process.kill()
            opened, error = pickle.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            raise self._replaced() from None
        if self._held() > KEPT:
            self.close()
            self._start()
        if error:
            raise InvalidImageError(**error)
        return opened  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the process."""
        self._end()

    def _start(self) -> None:
        self._connection, theirs = Pipe()
        command = [sys.executable, "-m", __name__, str(theirs.fileno()), str(self._seconds)]
        paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env={**os.environ, "PYTHONPATH": paths}
        )
        theirs.close()
        self._end = weakref.finalize(self, _end, self._process, self._connection)

    def _held(self) -> int:
        """Bytes of memory that the process has; 0 if it has ended."""
        with suppress(OSError):
            return (
                int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * resource.getpagesize()
            )
        return 0

    def _replaced(self) -> InvalidImageError:
        """A new process stands by; why the former one ended."""
        ended = self._process.wait()
        self.close()
        self._start()
        if ended in {-signal.SIGPROF, -signal.SIGKILL}:
            return _too_large(f"It takes over {self._seconds:g} s to decode.")
        log.warning("the process that opens files ended with %d", ended)
        return InvalidImageError("invalid-image", "The file is damaged. Save it again and resend it.")


def _end(process: "subprocess.Popen[bytes]", connection: Connection) -> None:
    connection.close()
    process.kill()
    process.wait()


def _too_large(reason: str) -> InvalidImageError:
    advice = "Save it again as PNG or JPEG (not progressive, not interlaced), or smaller."
    return InvalidImageError("image-too-large", f"{reason} {advice}", 413)


def _serve(connection: Connection, seconds: float) -> None:
    """Open one file after the other; without a handler, SIGPROF ends the process when its time is up."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's affair
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    Image.preinit()  # what a first file would have to wait for
    while True:
        pages, with_text = connection.recv()
        data = connection.recv_bytes()
        signal.setitimer(signal.ITIMER_PROF, seconds)
        opened, error = _opened(data, pages, with_text)
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send_bytes(pickle.dumps((opened, error), pickle.HIGHEST_PROTOCOL))


def _opened(
    data: bytes, pages: str | None, with_text: bool
) -> tuple[Opened | None, dict[str, str | int] | None]:
    """The sheets of a file, or what is wrong with it."""
    try:
        return open_sheets(data, pages, with_text), None
    except InvalidImageError as error:
        return None, vars(error)
    except MemoryError:
        return None, vars(_too_large(f"It takes over {MEMORY // 1024**3} GB of memory to decode."))


if __name__ == "__main__":
    with suppress(EOFError):  # the worker has ended
        _serve(Connection(int(sys.argv[1])), float(sys.argv[2]))
