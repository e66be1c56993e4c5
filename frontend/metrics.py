"""The metrics of the service for Prometheus, and the text of /metrics.

Several processes make one part of the service. prometheus-client adds their numbers up where the variable
PROMETHEUS_MULTIPROC_DIR names a folder that they share, and no other part does; without it each process tells
its own. What is asked for at each scrape, such as the length of the queue, is in web/gauges.py.

The numbers lie in files that are mapped into memory. A page of such a file for which its disk has no room
would end the process by SIGBUS at the first number in it, so room is taken before it is used; where there is
none, a process counts for itself alone until it ends.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Literal

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ELSEWHERE = "other"
"""The route of requests to addresses where nothing is."""


_FILE_BYTES = 256 * 1024
"""Of a file at its beginning: more than most ever need."""
_ENTRY_BYTES = 32
"""At most, of a number in a file beside its name."""


class NumbersFile(MmapedDict):
    """A file of prometheus-client's that has the room it uses."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        file = os.open(filename, os.O_RDONLY if read_mode else os.O_RDWR | os.O_CREAT, 0o666)
        if not (read_mode or _take_room(file, _FILE_BYTES)):
            Path(filename).unlink()
            os.close(file)
            file = _memory(bytes(_FILE_BYTES))
        super().__init__(f"/proc/self/fd/{file}", read_mode)  # type: ignore[no-untyped-call]
        os.close(file)

    def _init_value(self, key: str) -> None:
        is_full = self._used + len(key.encode()) + _ENTRY_BYTES > self._capacity
        if is_full and not _take_room(self._f.fileno(), 2 * self._capacity):
            self._f.close()
            self._f = os.fdopen(_memory(self._m[:]), "r+b")
        super()._init_value(key)  # type: ignore[no-untyped-call]


def _take_room(file: int, size: int) -> bool:
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        log.error("no room for metrics, this process counts for itself: %s", error.strerror)
        return False
    return True


def _memory(content: bytes) -> int:
    """A file in memory."""
    file = os.memfd_create("metrics")
    os.write(file, content)
    return file


values.MmapedDict = NumbersFile  # type: ignore[attr-defined]


def _folder() -> Path | None:
    name = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(name) if name else None


disable_created_metrics()  # type: ignore[no-untyped-call]  # processes that share a folder have none
if _found := _folder():
    _found.mkdir(parents=True, exist_ok=True)  # a metric without labels has its file from the beginning

_REQUESTS = Counter(
    "ocr_requests",
    "Answers by route, method and status. Tasks count as accepted.",
    ["route", "method", "status"],
)
_REQUEST_SECONDS = Histogram(
    "ocr_request_seconds",
    "From a request to its answer; of /stream, how long the connection was open.",
    ["route", "method"],
    buckets=_SECONDS,
)
REJECTED = Counter("ocr_rejected", "Requests refused or failed, by the code of the problem.", ["reason"])
IN_FLIGHT = Gauge(
    "ocr_in_flight",
    "Admitted and not done: images to be read (reading), files to be drawn or made into others (drawing), "
    "batches to be taken in (uploading).",
    ["work"],
    multiprocess_mode="livesum",
)
IN_FLIGHT_LIMIT = Gauge(
    "ocr_in_flight_limit", "How many are admitted at most.", ["work"], multiprocess_mode="livesum"
)
STREAMS = Gauge("ocr_streams", "Open connections of live video.", multiprocess_mode="livesum")
FRAMES = Counter("ocr_frames", "Frames of live video given to TorchServe.", ["model"])
IMAGES = Counter("ocr_images", "Images and documents that TorchServe has read.", ["model"])
PAGES = Counter("ocr_pages", "Pages in them.", ["model"])
LINES = Counter("ocr_lines", "Lines of text in them.", ["model"])
_CONFIDENCE = Histogram(
    "ocr_confidence",
    "Mean confidence of an image's lines, as they were read.",
    ["model", "version"],
    buckets=(0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0),
)
CACHE_REQUESTS = Counter(
    "ocr_cache_requests", "Look-ups of finished recognitions: hit, miss, or down without Redis.", ["result"]
)
TORCHSERVE_SECONDS = Histogram(
    "ocr_torchserve_seconds", "From an image given to TorchServe to its answer.", ["model"], buckets=_SECONDS
)
STAGE_SECONDS = Histogram(
    "ocr_stage_seconds",
    "Stages of a read: queue (waiting, here and in TorchServe), find (its lines), read (them).",
    ["stage"],
    buckets=_SECONDS,
)
JOURNAL = Counter(
    "ocr_journal_documents",
    "Documents for the history while MongoDB is away: kept, written when it was back, or dropped.",
    ["outcome"],
)
_REVIEWED = Counter(
    "ocr_reviewed_lines",
    "Lines that people have corrected (each once), or confirmed, by the model asked for and its version.",
    ["model", "version", "result"],
)
ITEMS = Counter(
    "ocr_task_items", "Items of tasks that have ended: success, or the code of the problem.", ["outcome"]
)


def count_request(route: str | None, method: str, status: int, seconds: float) -> None:
    """An answer; `route` is the template of the address, None where there is nothing."""
    labels = route or _ELSEWHERE, method if method in _METHODS else _ELSEWHERE
    _REQUESTS.labels(*labels, str(status)).inc()
    _REQUEST_SECONDS.labels(*labels).observe(seconds)


def count_read(model: str, lines_of_pages: Iterable[int]) -> None:
    """An image that was read, with the number of lines of each of its pages."""
    counts = list(lines_of_pages)
    IMAGES.labels(model).inc()
    PAGES.labels(model).inc(len(counts))
    LINES.labels(model).inc(sum(counts))


def count_reviewed(
    model: str, version: str, result: Literal["corrected", "confirmed"], lines: int = 1
) -> None:
    """Lines that people have corrected, or said to be right."""
    if lines:
        _REVIEWED.labels(model, version, result).inc(lines)


def observe_confidence(model: str, version: str, confidences: Sequence[float]) -> None:
    """The lines of an image, if it has any."""
    if confidences:
        _CONFIDENCE.labels(model, version).observe(fmean(confidences))


def exposition(*asked: Collector) -> bytes:
    """The text of /metrics: the numbers of all processes of this part, and what `asked` say now."""
    registry = CollectorRegistry()
    if folder := _folder():
        forget_ended(folder)
        MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    for collector in asked:
        registry.register(collector)
    return generate_latest(registry)


def begin() -> None:
    """Empty the folder; where another instance counts there, only forget what has ended."""
    if not (folder := _folder()):
        return
    if any(_runs(pid) for pid in _pids(folder) - {os.getpid()}):
        forget_ended(folder)
        return
    for file in folder.glob("*.db"):
        if _pid(file) != os.getpid():
            file.unlink(missing_ok=True)


def forget(pid: int) -> None:
    """A process has ended: what it had under way is no more. What it has counted stays."""
    if folder := _folder():
        mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def forget_ended(folder: Path) -> None:
    """As forget(), of all that have ended, also of those that were killed."""
    for pid in _pids(folder):
        if not _runs(pid):
            forget(pid)


def _pids(folder: Path) -> set[int]:
    return {_pid(file) for file in folder.glob("*.db")}


def _pid(file: Path) -> int:
    """Of names such as counter_12.db and gauge_livesum_12.db."""
    return int(file.stem.rpartition("_")[2])


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
