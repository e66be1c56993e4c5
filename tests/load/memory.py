"""Rounds of images by several clients, and what the memory of the parts does meanwhile.

make load                                                    # 4 rounds of 500 lines by 16 clients
make load ARGS="--pages --rounds 5 --images 200 --clients 4" # 1,000 pages
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from tests.e2e import lines, pages
from tests.e2e.service import Service
from tests.load.clients import distinct_images, post_all

PARTS = {
    "java": "java",
    "model_service_worker": "worker",
    "gunicorn": "gunicorn",
    "mongod": "mongod",
    "valkey-server": "valkey",
    "nginx": "nginx",
    "celery": "tasks",
}
"""Parts by what their command lines have in them."""
MB = 1024 * 1024


def memory(service: Service) -> dict[str, float]:
    """Resident megabytes by part."""
    used: dict[str, float] = defaultdict(float)
    for part, process in by_part(service.processes()):
        used[part] += process.memory_info().rss / MB
    return used


def by_part(processes: Iterable[psutil.Process]) -> Iterator[tuple[str, psutil.Process]]:
    """Each process with its part's name; what belongs to none of PARTS is left out."""
    for process in processes:
        command = " ".join(process.cmdline())
        if part := next((name for mark, name in PARTS.items() if mark in command), None):
            yield part, process


def report(service: Service, what: str) -> None:
    used = memory(service)
    print(f"{what:<28}" + "  ".join(f"{part} {used[part]:6.1f} MB" for part in PARTS.values()), flush=True)


def distinct(count: int, number: int, *, whole_pages: bool) -> list[bytes]:
    """The images of a round: no two of all rounds have the same bytes."""
    if whole_pages:
        first = number * count
        return [lines.encode(pages.draw(n)) for n in range(first, first + count)]
    return list(distinct_images(count, f"round {number}").values())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", action="store_true", help="post whole pages instead of lines")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--clients", type=int, default=16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder) / "data").wait_until_ready()
        try:
            report(service, "at rest")
            for number in range(1, arguments.rounds + 1):
                images = distinct(arguments.images, number, whole_pages=arguments.pages)
                started = time.perf_counter()
                answers = post_all(service.address, images, arguments.clients)
                seconds = time.perf_counter() - started
                failed = sum(answer.status != 200 for answer in answers)
                latency = sorted(answer.seconds for answer in answers)[int(len(answers) * 0.95)]
                rate = len(answers) / seconds
                report(service, f"{rate:.0f}/s, p95 {latency * 1000:.0f} ms, {failed} failed")
        finally:
            print(f"stopped after {service.stop():.1f} s")


if __name__ == "__main__":
    main()
