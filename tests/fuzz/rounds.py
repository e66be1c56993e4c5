"""One target played for a while in a process of its own; that it dies, hangs or grows is a finding, too."""

from __future__ import annotations

import hashlib
import mmap
import multiprocessing
import os
import resource
import struct
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import psutil
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz import front_end, stack
from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS, HeldError, Target

CONTEXT = "spawn"
HANGS_SECONDS = 300.0
"""Without a next input; on an idle machine all that is bounded ends well below."""
_SPACE = 4 * 1024 * 1024
_HEADER = struct.Struct("<QQI")
"""Inputs so far, of them held, and bytes of the present one, which follows."""
_SAMPLES = 20
_GROWTH_BYTES, _GROWTH = 64 * 1024**2, 1.25
_CASES = 100
_MEMORY = 8 * 1024**3
"""Of address space that a player may take: what takes more fails alone."""


class Finding(NamedTuple):
    """What went wrong, and where the first input that did it lies."""

    target: str
    what: str
    file: Path


class Round(NamedTuple):
    """What came of it. `held`: inputs that ended a process of the sandbox, which is what it is for."""

    target: str
    inputs: int
    held: int
    findings: Counter[Finding]


class Notebook:
    """Shared by the player and who watches him: it outlives him, and has the input that he died of."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_SPACE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SPACE)

    def write(self, inputs: int, held: int, data: bytes) -> None:
        data = data[: _SPACE - _HEADER.size]
        self._memory[: _HEADER.size + len(data)] = _HEADER.pack(inputs, held, len(data)) + data

    def read(self) -> tuple[int, int, bytes]:
        inputs, held, length = _HEADER.unpack(self._memory[: _HEADER.size])
        return inputs, held, bytes(self._memory[_HEADER.size : _HEADER.size + length])


def play(name: str, number: int, seconds: float, folder: Path) -> Round:
    """Play with a target; what is found is written to `folder`."""
    notebook_path = folder / f".{name}-{number}"
    notebook = Notebook(notebook_path)
    found: Counter[Finding] = Counter()
    inputs = held = 0
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        notebook.write(0, 0, b"")
        with _player(name, number + inputs, left, notebook_path) as (process, told):
            complaint = _watch(process, notebook, stack.processes(name))
        done, ended, data = notebook.read()
        inputs, held = inputs + done + bool(complaint), held + ended  # the last one counts, too
        while not told.empty():
            found.update([told.get()])
        if complaint:
            found.update([_kept(name, complaint, data, folder)])
        if complaint == "grows":
            break
    notebook_path.unlink()
    return Round(name, inputs, held, found)


@contextmanager
def _player(name: str, number: int, seconds: float, notebook: Path) -> Iterator[tuple[Any, Any]]:
    context = multiprocessing.get_context(CONTEXT)
    told = context.SimpleQueue()
    process = context.Process(target=_play, args=(name, number, seconds, notebook, told))
    process.start()
    try:
        yield process, told
    finally:
        with suppress(psutil.NoSuchProcess):
            player = psutil.Process(process.pid)
            for each in [*player.children(recursive=True), player]:
                each.kill()
        process.join()


def _watch(process: Any, notebook: Notebook, others: Sequence[int]) -> str | None:
    """Wait until he has ended; a complaint if that was not as it should be."""
    sizes: list[int] = []
    last, since = -1, time.monotonic()
    while process.is_alive():
        process.join(0.5)
        inputs, _, _ = notebook.read()
        if inputs != last:
            last, since = inputs, time.monotonic()
        elif time.monotonic() - since > HANGS_SECONDS:
            return f"hangs for {HANGS_SECONDS:g} s"
        if inputs:  # before, it only starts
            sizes.append(sum(map(_size, [process.pid, *others])))
    if process.exitcode:
        return f"ends with {process.exitcode}"
    return "grows" if grows(sizes) else None


def _size(pid: int) -> int:
    """Bytes of the process with those that it started."""
    try:
        parent = psutil.Process(pid)
        return sum(each.memory_info().rss for each in [parent, *parent.children(recursive=True)])
    except psutil.Error:
        return 0


def grows(sizes: list[int]) -> bool:
    """Whether the last quarter is far above the second."""
    if len(sizes) < _SAMPLES:
        return False
    quarter = len(sizes) // 4
    before, after = median(sizes[quarter : 2 * quarter]), median(sizes[-quarter:])
    return after > before + _GROWTH_BYTES and after > _GROWTH * before


def _play(name: str, number: int, seconds: float, path: Path, told: Any) -> None:
    folder = path.parent
    _quieten(folder / f"{name}.log")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    notebook, deadline = Notebook(path), time.monotonic() + seconds
    counts, seen = [0, 0], set()

    def check(target: Target, case: Any) -> None:
        data = case if isinstance(case, bytes) else repr(case).encode(errors="backslashreplace")
        notebook.write(*counts, data)
        try:
            target.check(case)
        except HeldError:
            counts[1] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it was found
            finding = _kept(name, _kind(error), data, folder)
            if finding.what not in seen:
                seen.add(finding.what)
                told.put(finding)
        counts[0] += 1
        notebook.write(*counts, data)

    with ExitStack() as resources:
        target = _target(name, resources)
        for round_number in range(number, 2**62):
            if time.monotonic() > deadline:
                break
            _turn(target, check, round_number, deadline)


def _quieten(log: Path) -> None:
    """What libraries say of broken files goes into a log, also what they say in C."""
    warnings.simplefilter("ignore")
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _turn(target: Target, check: Any, number: int, deadline: float) -> None:
    """Some inputs, the same ones for the same number."""
    if target.cases is None:
        random = Random(number)
        for _ in range(_CASES):
            check(target, mutate(random, target.files))
        return

    @seed(number)
    @settings(max_examples=_CASES, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(target.cases)
    def draw(case: Any) -> None:
        if time.monotonic() < deadline:
            check(target, case)

    draw()


def _target(name: str, resources: ExitStack) -> Target:
    if name in front_end.NAMES:
        targets = resources.enter_context(front_end.front_end()).targets()
    else:
        targets = [*TARGETS, *stack.targets()]
    return next(target for target in targets if target.name == name)


def _kind(error: Exception) -> str:
    """What the error says, and where it was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:160]} ({Path(frame.filename).name}:{frame.lineno})"


def _kept(name: str, what: str, data: bytes, folder: Path) -> Finding:
    """The finding, with its input in a file; of one kind the first input is kept."""
    kind = hashlib.sha256(what.encode()).hexdigest()[:8]
    file = folder / f"{name}-{kind}.bin"
    if not file.exists():
        file.write_bytes(data)
        file.with_suffix(".txt").write_text(f"{name}: {what}\n")
    return Finding(name, what, file)
