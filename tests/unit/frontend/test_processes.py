"""gunicorn and the worker as they are started: metrics of all their processes, traces across them, logs."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pikepdf
import psutil
import pytest
import requests
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from frontend.stack import plan
from tests.e2e import lines
from tests.stream_client import open_stream
from tests.unit.frontend.fake_torchserve import FakeTorchServe
from tests.unit.frontend.fake_web import OUTSIDE, serving
from tests.unit.frontend.otlp import Collector, Span, collector
from tests.unit.frontend.servers import Server, free_port

pytestmark = pytest.mark.slow

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
            OCR_URL_ALLOW=OUTSIDE,
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


def _picture(image: bytes) -> requests.PreparedRequest:
    return requests.Request("POST", "http://127.0.0.1/picture", files={"image": image}).prepare()


def _pdf(image: bytes) -> requests.PreparedRequest:
    """Asks for a searchable PDF of an image."""
    answer = {"text": "", "width": 7000, "height": 7000, "lines": []}
    fields = {"format": "pdf", "answers": json.dumps([{"answer": answer}])}
    address = "http://127.0.0.1/render"
    return requests.Request("POST", address, data=fields, files={"image": image}).prepare()


def _slow_image() -> bytes:
    """A progressive JPEG whose last scan is there again and again: it takes over 10 s to draw."""
    jpeg = lines.encode(Image.new("L", (7000, 7000), 200), "JPEG", progressive=True)
    return jpeg[:-2] + 1000 * jpeg[jpeg.rindex(b"\xff\xda") : -2] + jpeg[-2:]


def _slow_pdf() -> bytes:
    """It paints its one page over and over."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(1000, 1000))
    page.contents_add(pdf.make_stream(b"0 0 1000 1000 re f " * 200_000))
    file = io.BytesIO()
    pdf.save(file)
    return file.getvalue()


def _renderers(service: Service) -> list[psutil.Process]:
    found = psutil.Process(service.processes[0].pid).children(recursive=True)
    return [each for each in found if "frontend.files.sandbox" in each.cmdline()]


def _spent(service: Service) -> list[float]:
    """The seconds of CPU time of each renderer."""
    return [each.cpu_times().user for each in _renderers(service)]


def _bytes_of(request: requests.PreparedRequest) -> bytes:
    head = f"POST {request.path_url} HTTP/1.1\r\nHost: localhost\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"{head}\r\n".encode() + request.body


def _send_and_leave(service: Service, request: requests.PreparedRequest) -> None:
    """Asks, and is gone as soon as it is being drawn or waits for that."""
    with socket.create_connection(("127.0.0.1", service.port)) as client:
        client.sendall(_bytes_of(request))
        before = service.samples()["ocr_in_flight"]
        until(lambda: service.samples()["ocr_in_flight"] > before or before > 0)


def _draw(service: Service, image: bytes) -> requests.Response:
    url = f"http://127.0.0.1:{service.port}/picture"
    return requests.post(url, files={"image": image}, timeout=120)


def test_slow_files_whose_clients_went_away_leave_no_trace(service: Service) -> None:
    """More than there are places to draw: those, and the processors, are free again in seconds."""
    slow = _slow_image()
    for request in 2 * [_picture(slow), _pdf(slow), _picture(_slow_pdf())]:
        _send_and_leave(service, request)
    started = time.monotonic()
    assert [_draw(service, lines.png("x")).status_code for _ in range(4)] == [200] * 4
    until(lambda: service.samples()["ocr_in_flight"] == 0)
    assert time.monotonic() - started < 30
    spent = _spent(service)
    time.sleep(0.5)
    assert _spent(service) == spent


def test_slow_imports_whose_clients_went_away_leave_no_trace(service: Service) -> None:
    """More than may be fetched at once, from servers that never answer."""
    address = f"http://127.0.0.1:{service.port}/import"
    with serving() as web:
        slow = requests.Request("POST", address, json={"url": web.address("/silent")}).prepare()
        started = time.monotonic()
        for number in range(1, 9):
            with socket.create_connection(("127.0.0.1", service.port)) as client:
                client.sendall(_bytes_of(slow))
                until(lambda: len(web.received) == number)  # noqa: B023 - called at once
        web.image = lines.png("x")
        wanted = {"url": web.address("/image")}
        until(lambda: requests.post(address, json=wanted, timeout=30).status_code == 200)
        assert time.monotonic() - started < 18, "an import has 20"


def test_a_renderer_that_is_killed_is_told_of_and_replaced(service: Service) -> None:
    """As is one that takes too long: the time of a job is bounded also while its client waits."""
    before = max(_spent(service), default=0.0)
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(_draw, service, _slow_image()) for _ in range(2)]
        until(lambda: _spent(service) and max(_spent(service)) > before + 1)
        max(_renderers(service), key=lambda each: each.cpu_times().user).kill()
        answers = [each.result() for each in slow]
    (killed,) = (answer for answer in answers if answer.status_code == 503)
    (refused,) = (answer for answer in answers if answer.status_code == 413)
    assert killed.json()["type"] == "/problems/unavailable"
    assert killed.headers["Retry-After"]
    assert "to draw" in refused.json()["detail"]
    assert [_draw(service, lines.png("x")).status_code for _ in range(4)] == [200] * 4


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
