"""Two instances behind nginx: one killed, both restarted, two thousand slow clients; and TLS."""

from __future__ import annotations

import asyncio
import itertools
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import requests

from frontend.stack.plan import TORCHSERVE
from tests.certificates import make_certificate
from tests.e2e import lines
from tests.e2e.load import Answer, clients, post
from tests.e2e.service import ANSWER_SECONDS, ROOT, Service, wait_for
from tests.e2e.test_bad_days import assert_come_back_later
from tests.load.slow_clients import slow_clients
from tests.stream_client import open_stream

CLIENTS = 8
SLOW_CLIENTS = 2000
INSTANCES = ("web:frontend-1", "web:frontend-2")
LIMIT = 30


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("pair") / "data", OCR_INSTANCES="2") as service:
        yield service


@contextmanager
def load(service: Service) -> Iterator[list[Answer]]:
    """Clients that post one line after the other, half of them over connections that they keep."""
    images = [lines.png(f"under load {number}") for number in range(20)]
    numbers = itertools.count()

    def ask(session: requests.Session, client: int) -> Answer:
        session.headers["Connection"] = "close" if client % 2 else "keep-alive"
        return post(session, service, images[next(numbers) % len(images)])

    with clients(CLIENTS, ask, at_first=5 * CLIENTS + 1) as outcomes:
        yield outcomes


def lost(outcomes: list[Answer]) -> list[Answer]:
    return [each for each in outcomes if getattr(each, "status_code", None) != 200]


def counted(service: Service, part: str) -> int:
    """Requests in the log of an instance."""
    return (
        (service.data_dir / "logs" / f"{part.split(':')[-1]}.log").read_text().count('"path": "/recognize"')
    )


def is_back(service: Service, part: str, before: int) -> Callable[[], bool]:
    """Whether `part` is another process and has begun to answer."""
    seen = counted(service, part)

    def check() -> bool:
        with suppress(psutil.NoSuchProcess):
            return service.part(part).pid != before and counted(service, part) > seen
        return False

    return check


def test_both_instances_answer(pair: Service) -> None:
    with load(pair) as outcomes:
        pass
    assert not lost(outcomes)
    assert all(counted(pair, part) for part in INSTANCES)


@pytest.mark.parametrize("whole", [False, True], ids=["its first process", "all its processes"])
def test_a_killed_instance_costs_no_more_than_it_was_reading(pair: Service, whole: bool) -> None:
    with load(pair) as outcomes:
        victim = kill(pair, INSTANCES[0], whole)
        wait_for(is_back(pair, INSTANCES[0], victim.pid), 30)
    refused = lost(outcomes)
    assert len(refused) <= (CLIENTS if whole else 0)  # each client had one request under way
    assert_all_come_back_later(refused)


@pytest.mark.parametrize("whole", [False, True], ids=["its first process", "all its processes"])
def test_while_the_only_instance_is_killed_everyone_is_told_to_come_back(
    service: Service, whole: bool
) -> None:
    with load(service) as outcomes:
        victim = kill(service, INSTANCES[0], whole)
        wait_for(is_back(service, INSTANCES[0], victim.pid), 30)
    assert lost(outcomes) or not whole
    assert_all_come_back_later(lost(outcomes))


@pytest.mark.parametrize("instances", [1, 2])
def test_a_killed_process_of_an_instance_costs_what_it_was_reading(
    request: pytest.FixtureRequest, instances: int
) -> None:
    stack: Service = request.getfixturevalue("service" if instances == 1 else "pair")
    with load(stack) as outcomes:
        victims = stack.part(INSTANCES[0]).children()
        victims[0].kill()
        wait_for(lambda: set(stack.part(INSTANCES[0]).children()) - set(victims) != set(), 30)
        wait_for(more(outcomes, 5 * CLIENTS), 60)
    assert len(lost(outcomes)) <= CLIENTS
    assert_all_come_back_later(lost(outcomes))


def kill(service: Service, part: str, whole: bool) -> psutil.Process:
    """End the first process of an instance, or all of it; the first process."""
    victim = service.part(part)
    for process in [victim, *(victim.children() if whole else [])]:
        process.kill()
    return victim


def more(outcomes: list[Answer], count: int) -> Callable[[], bool]:
    """Whether so many have come since now."""
    seen = len(outcomes)
    return lambda: len(outcomes) >= seen + count


def assert_all_come_back_later(refused: list[Answer]) -> None:
    for answer in refused:
        assert isinstance(answer, requests.Response), answer
        assert_come_back_later(answer, "unavailable")


def test_a_rolling_restart_costs_nothing(pair: Service) -> None:
    before = {part: pair.part(part).pid for part in (*INSTANCES, "web:nginx", TORCHSERVE)}
    with load(pair) as outcomes, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(asyncio.run, upload_slowly(pair, lines.png("slow but whole"), seconds=5))
        environ = {**os.environ, "OCR_DATA_DIR": str(pair.data_dir)}
        command = [sys.executable, "-m", "frontend.stack.instances"]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert slow.result().startswith(b"HTTP/1.1 200 ")
    assert lost(outcomes) == []
    after = {part: pair.part(part).pid for part in before}
    assert [part for part in before if before[part] != after[part]] == list(INSTANCES)


async def upload_slowly(service: Service, image: bytes, seconds: float) -> bytes:
    """Post an image in twenty pieces; the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    head = "POST /recognize HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(image)}\r\n\r\n".encode())
    step = -(-len(image) // 20)
    for start in range(0, len(image), step):
        writer.write(image[start : start + step])
        await asyncio.sleep(seconds / 20)
    answer = await reader.read()
    writer.close()
    return answer


def test_two_thousand_slow_clients_slow_nobody_down(pair: Service) -> None:
    with slow_clients(pair.port, SLOW_CLIENTS):
        ends = time.monotonic() + 8
        while time.monotonic() < ends:
            started = time.monotonic()
            assert pair.post(lines.png(f"quick {started}")).status_code == 200
            assert time.monotonic() - started < 5


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate $x 证"))[0]  # characters that mean something


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[Service]:
    settings = {"OCR_TLS_CERT": str(certificate), "OCR_TLS_KEY": str(certificate.with_name("key.pem"))}
    with Service(
        tmp_path_factory.mktemp("secure") / "data", OCR_RATE_LIMIT=f"{LIMIT}/hour", **settings
    ) as service:
        yield service


def get(certificate: Path, url: str, **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(certificate)
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        return session.get(url, headers=given, timeout=ANSWER_SECONDS, allow_redirects=False)


def test_tls(secure: Service, certificate: Path) -> None:
    assert secure.address in secure.output.read_text()
    assert secure.facts["address"] == secure.address
    answer = get(certificate, f"{secure.address}/healthz")
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"]
    context = ssl.create_default_context(cafile=certificate)
    with open_stream(f"{secure.address.replace('https', 'wss')}/stream", ssl=context) as client:
        assert client.hello["protocol"] == 1
    plain = f"http://127.0.0.1:{secure.port}/history?q=x"
    assert get(certificate, plain).headers["Location"] == plain.replace("http", "https")


def test_nobody_gets_past_the_limit_of_his_address_by_naming_others(
    secure: Service, certificate: Path
) -> None:
    address = f"{secure.address}/models"
    asked = [get(certificate, address, X_Forwarded_For=f"203.0.113.{n}") for n in range(LIMIT + 1)]
    assert [answer.status_code for answer in asked] == [200] * LIMIT + [429]
