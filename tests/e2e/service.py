"""The real stack as a test sees it: start it, post to it, hurt its parts, stop it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import requests
from PIL import Image
from supervisor.xmlrpc import SupervisorTransport

from frontend.circuit_breaker import PAUSE_SECONDS
from frontend.stack.ports import free_ports
from frontend.stack.supervision import SOCKET
from tests.e2e import lines

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
WELL_SECONDS = 60
STOP_SECONDS = 10
ANSWER_SECONDS = 60


class Service:
    """`python -m frontend.stack` with a port and a data folder of its own; ready and stopped by `with`."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.port = int(settings.get("OCR_PORT") or free_ports(1)[0])
        self.address = f"{'https' if 'OCR_TLS_CERT' in settings else 'http'}://127.0.0.1:{self.port}"
        self.output = data_dir.with_suffix(".out")
        self.headers: dict[str, str] = {}  # what a client sends with each request, such as its key
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OCR_")}
        given = {"OCR_PORT": str(self.port), "OCR_DATA_DIR": str(data_dir), **settings}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "frontend.stack"],
                cwd=ROOT,
                env={**inherited, **given},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the test run must reach the tests first
            )

    def wait_until_ready(self) -> Service:
        wait_for(lambda: self._is_up() or self.process.poll() is not None, START_SECONDS)
        if self.process.poll() is not None:
            raise RuntimeError(f"the stack did not start:\n{self.output.read_text()}")
        return self

    def __enter__(self) -> Service:
        try:
            return self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _is_up(self) -> bool:
        return "Ready after" in self.output.read_text()

    def stop(self) -> float:
        """SIGTERM; the seconds until the stack has ended."""
        started = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS + 5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return time.monotonic() - started

    # What is going on inside

    @property
    def facts(self) -> dict[str, Any]:
        """The stack's own record of itself: ports, process, folders."""
        return json.loads((self.data_dir / "stack.json").read_text())

    def private(self, port: str, path: str) -> str:
        """The address of something on one of the stack's private ports."""
        return f"http://127.0.0.1:{self.facts['ports'][port]}{path}"

    def processes(self) -> list[psutil.Process]:
        """Every process of the stack, itself included."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def part(self, name: str) -> psutil.Process:
        """The process that supervisord started under this name."""
        return psutil.Process(self.pid(name))

    def pid(self, name: str) -> int:
        """Its number; 0 while there is none."""
        return int(self.supervisor("getProcessInfo", name)["pid"])

    def reader(self, queue: str = "auto-lines") -> psutil.Process:
        """TorchServe's Python worker of a queue: that of `auto` reads pages."""
        (model,) = get(self.private("management", f"/models/{queue}")).json()
        return psutil.Process(model["workers"][0]["pid"])

    def recognizers(self, queue: str) -> int:
        """How many of TorchServe's Python workers of a queue are ready."""
        (model,) = get(self.private("management", f"/models/{queue}")).json()
        return sum(worker["status"] == "READY" for worker in model["workers"])

    def inferences(self) -> int:
        """TorchServe's own count of the requests it has served."""
        return count_inferences(self.private("metrics", "/metrics"))

    @contextmanager
    def without(self, part: str) -> Iterator[None]:
        """The stack with one part stopped; at the end it is there again and the service ready."""
        self.supervisor("stopProcess", part)
        try:
            yield
        finally:
            self.supervisor("startProcess", part)
            wait_for(self.is_well, WELL_SECONDS)
            time.sleep(PAUSE_SECONDS)  # one of the front end's workers may have met it last just before
            wait_for(self.is_well, WELL_SECONDS)

    def is_well(self) -> bool:
        """Whether images are read, cached and remembered, whichever of the front end's workers answers.

        Found out by doing it: /readyz may be 1.5 seconds old. At once, for nginx sends what comes one by
        one to one worker.
        """
        with suppress(requests.RequestException, KeyError), ThreadPoolExecutor(8) as pool:
            histories = pool.map(self.get, ["/history?limit=1"] * 8)
            return all(answer.ok for answer in histories) and all(
                pool.map(self._reads_and_remembers, range(4))
            )
        return False

    def _reads_and_remembers(self, _number: int) -> bool:
        image = lines.encode(Image.effect_noise((40, 32), 80))
        first, second = self._post_patiently(image), self._post_patiently(image)
        return bool(first["history_id"] and second["cached"])

    def _post_patiently(self, image: bytes) -> dict[str, Any]:
        """The answer, once there is room for the image (OCR_OWNER_SHARE)."""
        for _ in range(50):
            answer = self.post(image).json()
            if answer.get("type") != "/problems/busy":
                break
            time.sleep(0.1)
        return answer

    def supervisor(self, method: str, *arguments: str) -> Any:
        """Call supervisord over its socket."""
        transport = SupervisorTransport(None, None, f"unix://{self.facts['runtime_dir']}/{SOCKET}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    # What a client does

    def post(self, image: bytes, **fields: str) -> requests.Response:
        """POST /recognize as a form."""
        return self._request("POST", "/recognize", files={"image": image}, data=fields)

    def post_json(self, **fields: object) -> requests.Response:
        return self._request("POST", "/recognize", json=fields)

    def get(self, path: str) -> requests.Response:
        return self._request("GET", path)

    def delete(self, path: str) -> requests.Response:
        return self._request("DELETE", path)

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        return request(method, f"{self.address}{path}", headers=self.headers, **options)


def request(method: str, url: str, **options: Any) -> requests.Response:
    """One request, never through a proxy, never without a timeout."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=ANSWER_SECONDS, **options)


def get(url: str) -> requests.Response:
    return request("GET", url)


def count_inferences(metrics_url: str) -> int:
    """The requests that the TorchServe with these metrics has been sent."""
    told = get(metrics_url).text.splitlines()
    return sum(int(float(line.split()[-1])) for line in told if line.startswith("ts_inference_requests"))


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {condition}")
        time.sleep(0.1)
