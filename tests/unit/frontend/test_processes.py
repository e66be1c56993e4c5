"""gunicorn and the worker as they are started: metrics of all their processes, traces across them, logs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from frontend.stack import plan
from tests.stream_client import open_stream
from tests.unit.frontend.fake_torchserve import FakeTorchServe
from tests.unit.frontend.otlp import Collector, Span, collector
from tests.unit.frontend.servers import Server, free_port

PATIENCE_SECONDS = 60.0
GUNICORN = "gunicorn --config frontend/gunicorn.conf.py"
CELERY = "celery --quiet --app frontend.worker worker --without-gossip --without-mingle"


class Service:
    """Both parts, with a fake TorchServe and a collector of traces."""

    def __init__(self, folder: Path, torchserve: FakeTorchServe, traces: Collector, **settings: str) -> None:
        self.torchserve, self.traces = torchserve, traces
        self.port, self.worker_port = free_port(), free_port()
        given = {
            "OCR_PORT": str(self.port),
            "OCR_WORKER_METRICS_PORT": str(self.worker_port),
            "OCR_TORCHSERVE_URL": torchserve.url,
            "OCR_TORCHSERVE_MANAGEMENT_URL": torchserve.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            **settings,
        }
        self.logs = [folder / "frontend.log", folder / "worker.log"]
        self.processes = [
            self._start(command, log, given | {"PROMETHEUS_MULTIPROC_DIR": str(folder / log.stem)})
            for command, log in zip((GUNICORN, CELERY), self.logs, strict=True)
        ]

    @staticmethod
    def _start(command: str, log: Path, given: dict[str, str]) -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *command.split()],
                cwd=plan.ROOT,
                env=os.environ | given,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def get(self, path: str, port: int = 0) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{port or self.port}{path}", timeout=10)

    def post(self, image: bytes, query: str = "") -> requests.Response:
        """By a connection of its own, so that any process may answer."""
        url = f"http://127.0.0.1:{self.port}/recognize{query}"
        return requests.post(url, data=image, headers={"Content-Type": "image/png"}, timeout=30)

    def read_by_task(self, image: bytes) -> None:
        address = self.post(image, "?async=true").json()["status_url"]
        until(lambda: self.get(address).json()["state"] == "success")

    def samples(self, port: int = 0) -> Counter[str]:
        """The sums of all samples by name."""
        found: Counter[str] = Counter()
        for family in text_string_to_metric_families(self.get("/metrics", port).text):
            for sample in family.samples:
                found[sample.name] += int(sample.value)
        return found

    def is_up(self) -> bool:
        try:
            return self.get("/healthz").ok and self.get("/metrics", self.worker_port).ok
        except requests.ConnectionError:
            assert all(process.poll() is None for process in self.processes), self.logs[0].read_text()
            return False

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def unique() -> bytes:
    return f"image {uuid.uuid4().hex[:12]}".encode()


@pytest.fixture(scope="module")
def service(
    shared_mongod: Server, shared_valkey: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    torchserve = FakeTorchServe()
    with collector() as traces:
        service = Service(
            tmp_path_factory.mktemp("service"),
            torchserve,
            traces,
            OCR_MONGO_URL=f"mongodb://127.0.0.1:{shared_mongod.port}/processes_{uuid.uuid4().hex}",
            OCR_REDIS_URL=f"redis://127.0.0.1:{shared_valkey.port}/2",
        )
        try:
            until(service.is_up)
            yield service
        finally:
            service.stop()
            torchserve.stop()


def test_any_process_tells_the_numbers_of_all(service: Service) -> None:
    before = service.samples()
    for _ in range(12):
        assert service.post(unique()).status_code == 200
    counted = [service.samples()["ocr_images_total"] - before["ocr_images_total"] for _ in range(6)]
    assert counted == [12] * 6
    after = service.samples()
    assert after["ocr_lines_total"] - before["ocr_lines_total"] == 12
    assert after["ocr_in_flight"] == 0


def test_a_process_that_was_killed_has_nothing_in_flight(service: Service) -> None:
    known = service.samples()["ocr_images_total"]
    limit = service.samples()["ocr_in_flight_limit"]
    service.torchserve.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(service.post, unique())
        until(lambda: service.samples()["ocr_in_flight"] == 1)
        for child in psutil.Process(service.processes[0].pid).children():
            child.kill()
        assert isinstance(lost.exception(), requests.ConnectionError)
    service.torchserve.gate.set()
    until(service.is_up)
    until(lambda: service.samples()["ocr_in_flight_limit"] == limit)
    assert service.samples()["ocr_images_total"] == known, "what was counted stays"
    assert service.samples()["ocr_in_flight"] == 0


def test_the_worker_has_metrics_of_its_own(service: Service) -> None:
    before = service.samples(service.worker_port)
    service.read_by_task(unique())
    after = service.samples(service.worker_port)
    for name in ("ocr_images_total", "ocr_task_items_total"):
        assert after[name] - before[name] == 1
    assert "ocr_tasks_queued" not in after
    assert service.get("/history", service.worker_port).status_code == 404


def _trace_of(spans: list[Span], name: str) -> list[Span]:
    """All spans of the trace that has this one."""
    (trace,) = {span.trace for span in spans if span.name == name}
    return [span for span in spans if span.trace == trace]


def test_one_trace_from_the_request_to_torchserve_and_its_stages(service: Service) -> None:
    service.traces.spans.clear()
    image = unique()
    service.post(image)
    spans = service.traces.until(lambda spans: any(span.name == "POST /recognize" for span in spans))
    named = {span.name: span for span in _trace_of(spans, "POST /recognize")}
    recognize = named["recognize"]
    assert recognize.parent == named["POST /recognize"].id
    stages = [named[stage] for stage in ("queue", "find", "read")]
    assert {span.parent for span in stages} == {recognize.id}
    assert [round(span.ms, 1) for span in stages[1:]] == [3.5, 12.2]
    told = service.torchserve.predictions[-1].headers["traceparent"]
    asked = named["POST"]
    assert told.split("-")[1:3] == [asked.trace, asked.id]
    assert image.decode() not in str(spans)


def test_a_trace_goes_on_in_the_worker(service: Service) -> None:
    service.traces.spans.clear()
    service.read_by_task(unique())
    spans = service.traces.until(lambda spans: any(span.name == "run/ocr.read_item" for span in spans))
    trace = _trace_of(spans, "run/ocr.read_item")
    assert {span.service for span in trace} == {"ocr-frontend", "ocr-worker"}
    assert {"POST /recognize", "apply_async/ocr.read_item", "recognize", "read"} <= {s.name for s in trace}


def test_polls_and_scrapes_are_not_traced(service: Service) -> None:
    service.traces.spans.clear()
    for path in ("/healthz", "/metrics", "/version"):
        service.get(path)
    service.post(unique())
    spans = service.traces.until(lambda spans: any(span.name == "POST /recognize" for span in spans))
    assert not [span for span in spans if span.name in {"GET /healthz", "GET /metrics", "GET /version"}]


def test_live_video_comes_through_where_requests_are_traced(service: Service) -> None:
    with open_stream(f"ws://127.0.0.1:{service.port}/stream", subprotocols=["ocr"]) as stream:
        assert stream.hello["type"] == "hello"
        assert service.samples()["ocr_streams"] == 1
    until(lambda: service.samples()["ocr_streams"] == 0)


def test_nothing_of_it_is_imported_where_nothing_is_traced() -> None:
    code = "import sys, frontend.app, frontend.worker; print(*sys.modules, sep='\\n')"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=plan.ROOT, env=environ, capture_output=True, text=True, check=True
    )
    for package in ("instrumentation", "exporter"):
        assert f"opentelemetry.{package}" not in done.stdout.split()


def _entries(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_every_line_of_the_logs_is_json(service: Service) -> None:
    """The last test: it stops the service, whose parts say so."""
    image = unique()
    service.read_by_task(image)
    service.stop()
    frontend, worker = (_entries(log) for log in service.logs)
    for entry in (*frontend, *worker):
        assert {"time", "level", "logger", "message"} <= entry.keys()
    assert {"gunicorn.error", "frontend.requests"} <= {entry["logger"] for entry in frontend}
    *_, read = (entry for entry in worker if entry["message"] == "read")
    told = {"owner": "local", "bytes": len(image), "pixels": 640 * 480, "pages": 1, "lines": 1}
    assert told.items() <= read.items()
    assert read["ms"]["read"] == 12.2
    assert any("shutdown" in entry["message"] for entry in worker)
    assert image.decode() not in service.logs[0].read_text() + service.logs[1].read_text()
