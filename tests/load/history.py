"""A history of 100,000 records: what MongoDB says each kind of search takes, and the memory of an export.

python -m tests.load.history [--records 100000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from pymongo import MongoClient

from frontend.history.deletion import forget
from frontend.history.images import Images
from frontend.history.records import History
from frontend.history.search import HistoryFilter
from frontend.history.stored import new_document
from frontend.mongo import Mongo
from tests.receipts import RARE, record
from tests.unit.frontend import servers

OWNER = "local"
_BATCH = 500
_COMMANDS = {"find", "aggregate"}


@contextmanager
def running_mongod() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        server = servers.mongod(data)
        server.start()
        try:
            yield f"mongodb://127.0.0.1:{server.port}/ocr"
        finally:
            server.stop()


def fill(database: Any, count: int) -> None:
    """Records one minute apart, the last of them now."""
    first = datetime.now(UTC) - timedelta(minutes=count)
    for start in range(0, count, _BATCH):
        numbers = range(start, min(start + _BATCH, count))
        documents = [new_document(OWNER, record(n), first + timedelta(minutes=n), 0) for n in numbers]
        database["history"].insert_many(documents, ordered=False)


def searches(count: int) -> dict[str, HistoryFilter]:
    """Each kind by its name; what is sought is in less than 1 % of the records, or in none."""
    now = datetime.now(UTC)
    english_lines = (text.split() for n in range(2, count, 2) if "\n" not in (text := record(n)["text"]))
    two_words = next(" ".join(words[:2]) for words in english_lines if len(words) == 6)
    day = HistoryFilter(
        since=now - timedelta(minutes=count // 2), until=now - timedelta(minutes=count // 2 - 99)
    )
    return {
        "first page": HistoryFilter(),
        "English word": HistoryFilter(text=RARE["word"]),
        "English phrase": HistoryFilter(text=RARE["phrase"]),
        "Chinese pair": HistoryFilter(text=RARE["pair"]),
        "Chinese text": HistoryFilter(text=RARE["text"]),
        "two common words, seldom together": HistoryFilter(text=two_words),
        "one record's line": HistoryFilter(text=record(count // 2)["text"].splitlines()[-1]),
        "in no record": HistoryFilter(text="zebra crossing"),
        "in no record, of common words": HistoryFilter(text="market total invoice"),
        "99 minutes of the past": day,
        "image hash": HistoryFilter(image_hash=record(count // 3)["image_hash"]),
        "rare model": HistoryFilter(model="crnn_v3_lite"),
    }  # fmt: skip


class Profile(NamedTuple):
    """The work of MongoDB for one page. `milliseconds` are whole ones for each command, rounded down."""

    records: int
    milliseconds: int
    seen_milliseconds: float
    commands: int
    documents: int
    keys: int
    plans: set[str]
    sorted_in_memory: bool

    def __str__(self) -> str:
        return (
            f"{self.milliseconds:4d} ms, {self.commands:2d} commands, {self.seen_milliseconds:6.1f} ms seen; "
            f"{self.documents:5d} documents read for {self.records:2d}; {self.keys:6d} keys; "
            f"{', '.join(sorted(self.plans))}{', SORT' if self.sorted_in_memory else ''}"
        )


def profile(database: Any, history: History, wanted: HistoryFilter, cursor: str | None = None) -> Profile:
    """The notes of MongoDB's profiler while one page is fetched, counts of terms included."""
    database.command("profile", 0)
    database["system.profile"].drop()
    database.command("profile", 2)
    started = time.perf_counter()
    page = history.find(OWNER, wanted, 20, cursor)
    seen_ms = (time.perf_counter() - started) * 1000
    database.command("profile", 0)
    noted = [entry for entry in database["system.profile"].find() if _COMMANDS & entry["command"].keys()]
    return Profile(
        records=len(page.records),
        milliseconds=sum(entry["millis"] for entry in noted),
        seen_milliseconds=seen_ms,
        commands=len(noted),
        documents=sum(entry["docsExamined"] for entry in noted),
        keys=sum(entry["keysExamined"] for entry in noted),
        plans={entry["planSummary"].split(" {")[0] for entry in noted},
        sorted_in_memory=any(entry.get("hasSortStage") for entry in noted),
    )


def measure(database: Any, history: History, count: int) -> None:
    for name, wanted in searches(count).items():
        found = database["history"].count_documents({}) if wanted == HistoryFilter() else None
        for attempt in ("first", "again"):
            print(f"{name:<34} {attempt}  {profile(database, history, wanted)}", flush=True)
        assert found is None or found == count
    middle = datetime.now(UTC) - timedelta(minutes=count // 2)
    cursor = history.find(OWNER, HistoryFilter(until=middle), 20).next_cursor
    print(f"{'page in the middle':<34} first  {profile(database, history, HistoryFilter(), cursor)}")


def export(history: History, *, with_lines: bool) -> None:
    process, started = psutil.Process(), time.perf_counter()
    before = peak = process.memory_info().rss
    exported = 0
    for _ in history.export(OWNER, HistoryFilter(), with_lines=with_lines):
        exported += 1
        if exported % 100 == 0:
            peak = max(peak, process.memory_info().rss)
    seconds = time.perf_counter() - started
    print(f"exported {exported}, lines {with_lines}: {seconds:.1f} s, {(peak - before) / 1e6:.0f} MB more")


class NoCache:
    """Where no answers are kept."""

    def delete(self, *_keys: str) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=100_000)
    count = parser.parse_args().records
    with running_mongod() as url, MongoClient(url, tz_aware=True) as client:
        database = client.get_default_database()
        mongo = Mongo(url)
        history = History(mongo, days=0)
        mongo.ping()
        started = time.perf_counter()
        fill(database, count)
        print(f"filled with {count} records in {time.perf_counter() - started:.0f} s")
        sizes = database.command("collStats", "history", scale=1_000_000)
        print(f"{sizes['storageSize']:.0f} MB of records, {sizes['totalIndexSize']:.0f} MB of indexes")
        measure(database, history, count)
        export(history, with_lines=False)
        export(history, with_lines=True)
        started = time.perf_counter()
        deleted = forget(history, NoCache(), [Images(mongo, days=0)], OWNER, HistoryFilter())
        print(f"deleted {deleted} in {time.perf_counter() - started:.1f} s")
        mongo.close()


if __name__ == "__main__":
    main()
