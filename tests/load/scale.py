"""The cost of a line and of a page, what two cores should read by that, and whether they do.

Milliseconds of one core by part, Redis and MongoDB operations, and bytes that are kept, of drawn lines and
pages that differ; then pages by two instances and two TorchServes, beside what the costs predict.
Time of a core is nearly the same whatever else the machine does; pages a minute are not.

make load-scale                                        # 300 lines, 60 pages
make load-scale ARGS="--lines 1000 --pages 200"
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis
from pymongo import MongoClient

from tests.e2e import lines, pages
from tests.e2e.service import Service
from tests.e2e.torchserves import TorchServe, addresses, torchserves
from tests.load.clients import Answer, distinct_images, post_all
from tests.load.memory import PARTS, by_part, memory

CLIENTS = 8
WARM_UP = 16
CORES = 2
LINE, PAGE = {"mode": "line"}, {"mode": "page"}

Counts = Mapping[str, float]


@dataclass(frozen=True)
class Meters:
    """Counts since the start of the servers."""

    cpu_ms: Counts
    redis: Counts
    mongodb: Counts
    kept: Counts
    """Bytes."""

    @classmethod
    def read(cls, service: Service, replicas: Sequence[TorchServe] = ()) -> Meters:
        processes = [*service.processes(), *(p for each in replicas for p in each.processes())]
        commands, answers = _redis(service)
        operations, records = _mongodb(service)
        return cls(_cpu_ms(processes), commands, operations, {**answers, **records})


@dataclass(frozen=True)
class Costs:
    """Of one image, of `images`."""

    images: int
    seconds: float
    lines: float
    sent_bytes: float
    cpu_ms: Counts
    redis: Counts
    mongodb: Counts
    kept: Counts

    @property
    def all_cpu_ms(self) -> float:
        return sum(self.cpu_ms.values())

    @property
    def a_minute(self) -> float:
        return self.images / self.seconds * 60

    @property
    def cores(self) -> float:
        """Of the machine's cores those that the service had."""
        return self.all_cpu_ms * self.images / self.seconds / 1000


def _cpu_ms(processes: Sequence[psutil.Process]) -> Counts:
    spent: Counter[str] = Counter()
    for part, process in by_part(processes):
        times = process.cpu_times()
        spent[part] += (times.user + times.system) * 1000
    return spent


def _redis(service: Service) -> tuple[Counts, Counts]:
    """Calls by command, but for those of this program; and the bytes of what is held."""
    with redis.Redis(port=service.facts["ports"]["valkey"]) as client:
        stats: dict[str, Any] = client.info("commandstats")
        held = client.info("memory")["used_memory_dataset"]
    calls = {name.removeprefix("cmdstat_"): told["calls"] for name, told in stats.items()}
    return {name: count for name, count in calls.items() if name != "info"}, {"cached": held}


def _mongodb(service: Service) -> tuple[Counts, Counts]:
    """Operations by kind; and the bytes of the history."""
    with MongoClient(f"mongodb://127.0.0.1:{service.facts['ports']['mongod']}/ocr") as client:
        client.admin.command("fsync")
        sizes = client.get_default_database().command("collStats", "history")
        counters = client.admin.command("serverStatus")["opcounters"]
    records = {name: sizes[name] for name in ("size", "storageSize", "totalIndexSize")}
    return {name: counters[name] for name in ("insert", "query", "update", "delete", "getmore")}, records


def measure(
    service: Service, images: Sequence[bytes], options: Mapping[str, str], replicas: Sequence[TorchServe] = ()
) -> Costs:
    """Post these images, the first few of them without counting."""
    post_all(service.address, images[:WARM_UP], CLIENTS, **options)
    counted = images[WARM_UP:]
    before, started = Meters.read(service, replicas), time.perf_counter()
    answers = post_all(service.address, counted, CLIENTS, **options)
    seconds = time.perf_counter() - started
    return _costs(before, Meters.read(service, replicas), answers, counted, seconds)


def _costs(
    before: Meters, after: Meters, answers: Sequence[Answer], images: Sequence[bytes], seconds: float
) -> Costs:
    failed = [answer.status for answer in answers if answer.status != 200]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(answers)} images failed, the first with {failed[0]}")
    count = len(images)

    def each(name: str) -> Counts:
        earlier, later = getattr(before, name), getattr(after, name)
        return {key: (later[key] - earlier.get(key, 0)) / count for key in later}

    return Costs(
        images=count,
        seconds=seconds,
        lines=sum(len(answer.body["lines"]) for answer in answers) / count,
        sent_bytes=sum(map(len, images)) / count,
        **{name: each(name) for name in ("cpu_ms", "redis", "mongodb", "kept")},
    )


def table(line: Costs, page: Costs) -> str:
    """The costs, as Markdown."""
    columns = (line, page)
    rows = [
        ("", "a line", f"a page ({page.lines:.0f} lines)"),
        ("---", "---:", "---:"),
        *((f"{part}, ms of a core", *(f"{c.cpu_ms[part]:.1f}" for c in columns)) for part in page.cpu_ms),
        ("**all, ms of a core**", *(f"**{c.all_cpu_ms:.1f}**" for c in columns)),
        ("Redis commands", *(_told(c.redis) for c in columns)),
        ("MongoDB operations", *(_told(c.mongodb) for c in columns)),
        ("bytes sent", *(f"{c.sent_bytes:,.0f}" for c in columns)),
        ("bytes in the cache", *(f"{c.kept['cached']:,.0f}" for c in columns)),
        ("bytes of a record", *(f"{c.kept['size']:,.0f}" for c in columns)),
        ("bytes of it on disk", *(f"{c.kept['storageSize']:,.0f}" for c in columns)),
        ("bytes of its indexes", *(f"{c.kept['totalIndexSize']:,.0f}" for c in columns)),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _told(counts: Counts) -> str:
    """Such as "get 1.0, set 1.0"; what is not done for each image is left out."""
    told = sorted((name, count) for name, count in counts.items() if count >= 0.5)
    return ", ".join(f"{name} {count:.1f}" for name, count in told)


def drawn_pages(first: int, count: int) -> list[bytes]:
    return [lines.encode(pages.draw(number)) for number in range(first, first + count + WARM_UP)]


def measure_one_of_each(folder: Path, line_count: int, page_count: int) -> Costs:
    """Prints what a line and a page cost; returns the costs of a page."""
    with Service(folder) as service:
        at_rest = memory(service)
        with service.without("worker"):  # it asks Redis and MongoDB for work all the time
            images = list(distinct_images(line_count + WARM_UP, "line").values())
            line = measure(service, images, LINE)
            page = measure(service, drawn_pages(0, page_count), PAGE)
            used = {**memory(service), "tasks": at_rest["tasks"]}
        print(table(line, page))
        print(
            "\nMB after it: " + ", ".join(f"{part} {used[part]:.0f}" for part in PARTS.values()), flush=True
        )
    return page


def check(folder: Path, predicted: Costs, count: int) -> None:
    """Prints what two instances and two TorchServes read, beside what was predicted."""
    images = drawn_pages(1000, count)
    with (
        torchserves(2) as replicas,
        Service(folder, OCR_INSTANCES="2", **addresses(replicas)) as service,
        service.without("worker"),
    ):
        psutil.cpu_times_percent()
        measured = measure(service, images, PAGE, replicas)
        idle = psutil.cpu_times_percent().idle
    print("\nTwo instances, two TorchServes:\n\n" + comparison(predicted, measured))
    print(f"\nThe machine's cores were idle {idle:.0f} % of the time.")


def comparison(predicted: Costs, measured: Costs) -> str:
    """As Markdown: by CPU time, which holds on a busy machine, and by the clock, which does not."""
    rows = [
        ("", "predicted", "measured", "ratio"),
        ("---", "---:", "---:", "---:"),
        _beside("ms of a core for a page", predicted.all_cpu_ms, measured.all_cpu_ms),
        _beside(
            f"pages a minute with {measured.cores:.2f} cores, which the service had",
            measured.cores * 60_000 / predicted.all_cpu_ms,
            measured.a_minute,
        ),
        _beside(
            f"pages a minute with {CORES} cores", CORES * 60_000 / predicted.all_cpu_ms, measured.a_minute
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _beside(what: str, predicted: float, measured: float) -> tuple[str, str, str, str]:
    return what, f"{predicted:.0f}", f"{measured:.0f}", f"{predicted / measured:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=300)
    parser.add_argument("--pages", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = measure_one_of_each(Path(folder) / "one", arguments.lines, arguments.pages)
        check(Path(folder) / "two", page, arguments.pages)


if __name__ == "__main__":
    main()
