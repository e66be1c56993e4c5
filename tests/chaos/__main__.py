"""Hurt one part of the real stack after the other under mixed load, and check every answer.

    python -m tests.chaos --minutes 10
    python -m tests.chaos --only frozen --report chaos.md

Per fault is told how the answers were, in the time from its beginning until all was good for some seconds:
right; `later`, 503 with when to come back; failed in another way; broken off. `gap`: the longest time without
a right line. `back`: seconds from the end of the fault, or from the kill, to the last bad answer.
At the end what was promised is compared with the history and the tasks: lost, doubled and wrong must be 0.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from tests.chaos.crowd import GOOD, Audit, Crowd, Event, audit
from tests.chaos.faults import Fault, all_faults
from tests.chaos.stacks import Stacks, started

QUIET_SECONDS = 5.0
"""So long all answers are right before the next fault."""
GIVE_UP_SECONDS = 90.0
WARM_UP_SECONDS = 10.0
_KINDS = ("right", "later", "failed", "broken", "wrong")


@dataclass(frozen=True)
class Result:
    """What became of the requests during a fault."""

    fault: str
    counts: Counter[str]
    gap_seconds: float
    back_seconds: float
    is_good: bool
    examples: Sequence[str]


def run(stacks: Stacks, crowd: Crowd, faults: Sequence[Fault], minutes: float) -> Iterator[Result]:
    """One fault after the other, again from the first, until the time is over."""
    deadline = time.monotonic() + 60 * minutes
    time.sleep(WARM_UP_SECONDS)
    while True:
        for fault in faults:
            if time.monotonic() > deadline:
                return
            if result := suffer(stacks, crowd, fault):
                yield result


def suffer(stacks: Stacks, crowd: Crowd, fault: Fault) -> Result | None:
    """None if the fault cannot be had here."""
    began = time.monotonic()
    if not fault.hurt(stacks):
        return None
    ended = time.monotonic() if fault.holds else began
    is_good = _wait_until_quiet(crowd, ended)
    events = crowd.events(began)
    bad = [event for event in events if event.outcome != GOOD]
    return Result(
        fault.name,
        Counter(event.outcome for event in events),
        _longest_gap(events, began),
        max((event.at - ended for event in bad if event.at > ended), default=0.0),
        is_good,
        [f"{event.kind} {event.outcome}: {event.what}" for event in bad if event.outcome != "later"][:5],
    )


def _wait_until_quiet(crowd: Crowd, since: float) -> bool:
    """Whether all answers were right for QUIET_SECONDS, lines and pages among them."""
    while (now := time.monotonic()) < since + GIVE_UP_SECONDS:
        if now > since + QUIET_SECONDS:
            recent = crowd.events(now - QUIET_SECONDS)
            if all(event.outcome == GOOD for event in recent) and {"line", "page"} <= {
                event.kind for event in recent
            }:
                return True
        time.sleep(0.2)
    return False


def _longest_gap(events: Sequence[Event], began: float) -> float:
    rights = [event.at for event in events if event.kind == "line" and event.outcome == GOOD]
    return max((after - before for before, after in pairwise([began, *rights])), default=0.0)


def report(results: Sequence[Result], found: Audit, wrong: int) -> str:
    """The table, in Markdown."""
    rows = [
        f"| fault | {' | '.join(_KINDS)} | gap s | back s |",
        "|---" + "|---:" * (len(_KINDS) + 2) + "|",
    ]
    for result in results:
        counts = " | ".join(str(result.counts[kind]) for kind in _KINDS)
        back = f"{result.back_seconds:.1f}" if result.is_good else "never"
        rows.append(f"| {result.fault} | {counts} | {result.gap_seconds:.1f} | {back} |")
    total = sum(sum(result.counts.values()) for result in results)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {datetime.now(UTC):%Y-%m-%d}"
    rows += ["", f"{total:,} answers; lost {len(found.lost)}, doubled {len(found.doubled)}, wrong {wrong}."]
    return "\n".join([f"{machine}.", "", *rows])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", default="", help="faults with this in their name, such as killed")
    parser.add_argument("--report", type=Path, help="write the table there, too")
    options = parser.parse_args()
    faults = [fault for fault in all_faults() if options.only in fault.name]
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp") as folder, started(Path(folder)) as stacks:
        address = stacks.front.address
        with Crowd(address, f"{os.getpid()}") as crowd:
            for result in run(stacks, crowd, faults, options.minutes):
                results.append(result)
                counts = ", ".join(f"{count} {kind}" for kind, count in result.counts.items())
                print(f"{result.fault}: {counts}; back after {result.back_seconds:.1f} s", flush=True)
                for example in result.examples:
                    print(f"    {example}", flush=True)
        found = audit(crowd, address)
        wrong = sum(event.outcome == "wrong" for event in crowd.events(0))
    table = report(results, found, wrong)
    print(f"\n{table}")
    for problem in [*found.lost, *found.doubled][:20]:
        print(f"    {problem}")
    if options.report:
        options.report.write_text(f"{table}\n")
    is_sound = not (found.lost or found.doubled or wrong) and all(result.is_good for result in results)
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
