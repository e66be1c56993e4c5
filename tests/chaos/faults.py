"""What is done to the parts of the stack, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import psutil

from frontend.stack.plan import TORCHSERVE
from tests.chaos.stacks import Stacks

HOLD_SECONDS = 8.0
"""How long a part is frozen, slowed, refused or full."""
DELAY_SECONDS = 0.3
_PATIENCE_SECONDS = 60.0
_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Fault:
    """`hurt` has done its work, and ended it, when it returns; False: it cannot be done here."""

    name: str
    hurt: Callable[[Stacks], bool]
    holds: bool
    """Whether the part is hurt until `hurt` returns, or only as it begins."""


def _gunicorn_worker(stacks: Stacks) -> psutil.Process:
    return stacks.part("web:frontend-1").children()[0]


def _task_process(stacks: Stacks) -> psutil.Process:
    return stacks.part("worker").children()[0]


def _reader(queue: str) -> Callable[[Stacks], psutil.Process]:
    return lambda stacks: stacks.servers.reader(queue)


_PROCESSES: dict[str, Callable[[Stacks], psutil.Process]] = {
    "gunicorn worker": _gunicorn_worker,
    "front end": lambda stacks: stacks.part("web:frontend-1"),
    "nginx": lambda stacks: stacks.part("web:nginx"),
    "task process": _task_process,
    "worker of tasks": lambda stacks: stacks.part("worker"),
    "TorchServe, lines": _reader("auto-lines"),
    "TorchServe, pages": _reader("auto"),
    "TorchServe": lambda stacks: stacks.part(TORCHSERVE),
    "MongoDB": lambda stacks: stacks.part("databases:mongod"),
    "Valkey": lambda stacks: stacks.part("databases:valkey"),
}
_LINKS = {"MongoDB": "mongod", "Valkey": "valkey", "TorchServe": "inference"}


def _found(find: Callable[[Stacks], psutil.Process], stacks: Stacks) -> psutil.Process:
    """The process, once it is there: what was hurt before may just be coming back."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return find(stacks)
        except (psutil.NoSuchProcess, IndexError, KeyError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _kill(find: Callable[[Stacks], psutil.Process], stacks: Stacks) -> bool:
    _found(find, stacks).kill()
    return True


def _freeze(find: Callable[[Stacks], psutil.Process], stacks: Stacks) -> bool:
    process = _found(find, stacks)
    process.suspend()
    try:
        time.sleep(HOLD_SECONDS)
    finally:
        with suppress(psutil.NoSuchProcess):  # it was given up, and replaced
            process.resume()
    return True


def _slow(link: str, stacks: Stacks) -> bool:
    with _hindered(stacks, link, delay_seconds=DELAY_SECONDS):
        time.sleep(HOLD_SECONDS)
    return True


def _cut(link: str, stacks: Stacks) -> bool:
    """All connections, again and again."""
    deadline = time.monotonic() + HOLD_SECONDS
    while time.monotonic() < deadline:
        stacks.proxies[link].cut()
        time.sleep(0.5)
    return True


def _part(link: str, stacks: Stacks) -> bool:
    """No connection at all."""
    with _hindered(stacks, link, refuses=True):
        stacks.proxies[link].cut()
        time.sleep(HOLD_SECONDS)
    return True


@contextmanager
def _hindered(stacks: Stacks, link: str, **how: float) -> Iterator[None]:
    proxy = stacks.proxies[link]
    before = {name: getattr(proxy, name) for name in how}
    vars(proxy).update(how)
    try:
        yield
    finally:
        vars(proxy).update(before)


def _fill_disk(stacks: Stacks) -> bool:
    """The databases' disk, to the last megabyte, and again as they give back some of it."""
    if stacks.disk is None:
        return False
    file = stacks.disk / "full"
    deadline = time.monotonic() + HOLD_SECONDS
    try:
        while time.monotonic() < deadline:
            with file.open("ab") as filler, suppress(OSError):
                while True:
                    filler.write(bytes(_PIECE_BYTES))
                    filler.flush()
            time.sleep(0.2)
    finally:
        file.unlink()
    return True


def _move_clock(seconds: int, stacks: Stacks) -> bool:
    """The front end's and the worker's clock jumps, and back at the end."""
    stacks.clock.write_text(f"{seconds:+d}\n")
    try:
        time.sleep(HOLD_SECONDS)
    finally:
        stacks.clock.write_text("+0\n")
    return True


def all_faults() -> list[Fault]:
    """In the order in which they are done."""
    faults = [Fault(f"{name}: killed", partial(_kill, find), False) for name, find in _PROCESSES.items()]
    faults += [Fault(f"{name}: frozen", partial(_freeze, find), True) for name, find in _PROCESSES.items()]
    for name, link in _LINKS.items():
        faults += [
            Fault(f"link to {name}: slow", partial(_slow, link), True),
            Fault(f"link to {name}: cut again and again", partial(_cut, link), True),
            Fault(f"link to {name}: refused", partial(_part, link), True),
        ]
    faults += [
        Fault("databases' disk: full", _fill_disk, True),
        Fault("clock: an hour on and back", partial(_move_clock, 3600), True),
        Fault("clock: an hour back and on", partial(_move_clock, -3600), True),
    ]
    return faults
