"""A lock on a file: who else wants it is told so."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from frontend.stack.errors import StackError
from frontend.stack.machine import cannot_write


@contextmanager
def locked(file: Path, refusal: Callable[[], str]) -> Iterator[None]:
    """Hold it. StackError where it cannot be written, and with `refusal` while another process does."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = file.open("w")
    except OSError as error:
        raise StackError(cannot_write(error)) from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(refusal()) from error
        yield
