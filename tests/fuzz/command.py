"""`make fuzz`: play with every target, and say what was found.

    python -m tests.fuzz.command [--minutes 10] [--targets image,pdf] [--seed 1] [--out folder] [--in-process]

Ends with 1 if anything was found; each finding has its input in a file of the folder.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.e2e.service import Service
from tests.fuzz import front_end, stack
from tests.fuzz.rounds import Round, play
from tests.fuzz.targets import TARGETS

IN_PROCESS = [*(target.name for target in TARGETS), *front_end.NAMES]
_PLAYERS = 2
"""At once; there are few cores, and a stack needs some of its own."""


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    options = _parse(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    names = options.targets or [*IN_PROCESS, *(() if options.in_process else stack.NAMES)]
    turns = -(-len(names) // _PLAYERS)
    seconds = options.minutes * 60 / turns
    print(f"{len(names)} targets, {seconds:.0f} s each, {_PLAYERS} at once, seed {options.seed}.", flush=True)
    with ExitStack() as resources:
        if set(names) & set(stack.NAMES):
            folder = Path(resources.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            service = resources.enter_context(Service(folder / "data", OCR_RATE_LIMIT="1000000/minute"))
            os.environ[stack.ADDRESS] = service.address
            os.environ[stack.PROCESS] = str(service.process.pid)
        with ThreadPoolExecutor(_PLAYERS) as pool:
            played = pool.map(lambda name: play(name, options.seed, seconds, options.out), names)
            rounds = [_told(each) for each in played]
    found = sum(len(each.findings) for each in rounds)
    print(f"{sum(each.inputs for each in rounds):,} inputs, {found} kinds of findings.")
    if found:
        print(f"Their inputs are in {options.out}.")
    return 1 if found else 0


def _told(done: Round) -> Round:
    held = f", {done.held} held by the sandbox" if done.held else ""
    kinds = f"{len(done.findings)} kinds of findings"
    print(f"{done.target:12} {done.inputs:>9,} inputs, {kinds}{held}", flush=True)
    for finding, _ in done.findings.most_common():
        print(f"    {finding.what}\n      {finding.file}", flush=True)
    return done


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    made = argparse.ArgumentParser("make fuzz", description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    made.add_argument("--minutes", type=float, default=10, help="for all targets together")
    made.add_argument("--targets", type=lambda text: text.split(","), help="only these, with commas between")
    made.add_argument("--seed", type=int, default=random.randrange(2**32), help="to repeat a run")
    made.add_argument("--out", type=Path, default=Path(".cache/fuzz"), help="for inputs that found something")
    made.add_argument("--in-process", action="store_true", help="without the real stack, and faster")
    options = made.parse_args(arguments)
    if unknown := set(options.targets or ()) - {*IN_PROCESS, *stack.NAMES}:
        made.error(f"there is no target {min(unknown)}; there are {', '.join([*IN_PROCESS, *stack.NAMES])}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
