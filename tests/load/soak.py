"""Hours of mixed load: does anything grow? Memory, open files and temporary files of every part.

    make soak                         # two hours
    make soak ARGS="--minutes 20"

Lines, pages, batches, frames and the history are asked for all the time (tests/chaos/crowd.py), each answer
is checked, and every few seconds each part is measured. What a part uses in the last quarter of the time is
set against the second one, for in the first one caches fill: by medians. Memory may differ by 5 %, the number
of open and of temporary files by no more than what is under way.

The exit status is 1 if something grew, or an answer was not right.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil

from tests.chaos.crowd import Crowd, Outcome, audit
from tests.e2e.service import Service
from tests.load.memory import MB, by_part

SAMPLE_SECONDS = 5.0
GROWTH, SLACK_MB, SLACK_FILES = 0.05, 2.0, 10
"""What may be more at the end: a share of the memory and at least SLACK_MB; SLACK_FILES open at a time."""
_LIMITS_MB = {"mongod MB": 450.0, "valkey MB": 330.0}
"""Of what fills its cache with what is kept, up to a limit (supervisord.conf), and what it needs beside."""
Measure = Mapping[str, float]
"""By part and unit, such as `java MB`."""


def measure(service: Service, temporary: Path) -> Measure:
    """Memory that is a part's own, and its open files; files in the folder for temporary ones."""
    found: dict[str, float] = defaultdict(float)
    for part, process in by_part(service.processes()):
        with suppress(psutil.NoSuchProcess):
            found[f"{part} MB"] += process.memory_full_info().uss / MB
            found[f"{part} files"] += process.num_fds()
    found["temporary files"] = sum(len(files) for _, _, files in os.walk(temporary))
    return found


def run(service: Service, temporary: Path, minutes: float) -> list[Measure]:
    deadline, samples = time.monotonic() + 60 * minutes, list[Measure]()
    while time.monotonic() < deadline:
        with suppress(psutil.NoSuchProcess):
            samples.append(measure(service, temporary))
        time.sleep(SAMPLE_SECONDS)
    return samples


def quarters(samples: Sequence[Measure]) -> dict[str, tuple[float, float]]:
    """Medians of the second quarter and of the last one; the first one is for warming up."""
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    return {name: (_median(second, name), _median(last, name)) for name in samples[-1]}


def _median(samples: Sequence[Measure], name: str) -> float:
    return median(sample.get(name, 0.0) for sample in samples)


def has_grown(name: str, first: float, last: float) -> bool:
    if name in _LIMITS_MB:
        return last > _LIMITS_MB[name]
    if name.endswith(" MB"):
        return last - first > max(GROWTH * first, SLACK_MB)
    return last - first > SLACK_FILES


def report(found: Mapping[str, tuple[float, float]], outcomes: Mapping[Outcome, int], minutes: float) -> str:
    """The table, in Markdown."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {datetime.now(UTC):%Y-%m-%d}"
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
    rows = [f"{minutes:g} minutes; {machine}. Answers: {counts}.", ""]
    rows += ["| | second quarter | last quarter | change |", "|---|---:|---:|---:|"]
    for name, (first, last) in sorted(found.items()):
        change = f"{100 * (last / first - 1):+.1f} %" if first else f"{last - first:+.0f}"
        rows.append(f"| {name} | {first:.1f} | {last:.1f} | {change} |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--report", type=Path, help="write the table there, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-", dir="/tmp") as folder:
        temporary = Path(folder, "tmp")
        temporary.mkdir()
        with Service(Path(folder, "data"), TMPDIR=str(temporary)) as service:
            with Crowd(service.address, f"{os.getpid()}") as crowd:
                samples = run(service, temporary, options.minutes)
            kept = audit(crowd, service.address)
            events = crowd.events(0)
    found, outcomes = quarters(samples), Counter(event.outcome for event in events)
    table = report(found, outcomes, options.minutes)
    print(table)
    if options.report:
        options.report.write_text(f"{table}\n")
    for event in [event for event in events if event.outcome != "right"][:20]:
        print(f"    {event.kind} {event.outcome}: {event.what}")
    grown = [name for name, (first, last) in found.items() if has_grown(name, first, last)]
    print(f"Grew: {', '.join(grown) or 'nothing'}. Lost {len(kept.lost)}, doubled {len(kept.doubled)}.")
    return 1 if grown or kept.lost or kept.doubled or set(outcomes) - {"right"} else 0


if __name__ == "__main__":
    sys.exit(main())
