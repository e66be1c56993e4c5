"""A part of the stack is down, full, or killed in the middle of its work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import requests
from PIL import Image

from frontend.stack.plan import TORCHSERVE
from tests.e2e import lines
from tests.e2e.service import Service, wait_for
from tests.e2e.test_bad_input import assert_problem

CROWD = 200  # more than the front end lets in, and more than TorchServe's queue and one batch hold


def says(service: Service, part: str, status: int) -> bool:
    """Whether /readyz answers with this status and calls the part down."""
    answer = service.get("/readyz")
    return answer.status_code == status and answer.json()["parts"][part]["state"] == "down"


def assert_come_back_later(answer: requests.Response, code: str) -> None:
    assert_problem(answer, 503, code)
    assert int(answer.headers["Retry-After"]) > 0


def test_torchserve_down(service: Service) -> None:
    with service.without(TORCHSERVE):
        assert_come_back_later(service.post(lines.png("nobody reads")), "recognizer-unavailable")
        wait_for(lambda: says(service, "torchserve", 503), 5)
        assert service.get("/healthz").status_code == 200
    assert service.post(lines.png("nobody reads")).status_code == 200


def test_redis_down(service: Service) -> None:
    image = lines.png("slower but true")
    with service.without("databases:valkey"):
        answers = [service.post(image) for _ in range(2)]
        wait_for(lambda: says(service, "redis", 200), 5)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert not any(answer.json()["cached"] for answer in answers)


def test_what_is_read_while_mongodb_is_down_is_in_the_history_later(service: Service) -> None:
    before = service.post(lines.png("stored at once")).json()["history_id"]
    with service.without("databases:mongod"):
        late = [service.post(lines.png(f"stored later {number}")) for number in range(20)]
        assert {answer.status_code for answer in late} == {200}
        assert all("when it is back" in answer.json()["warnings"][0] for answer in late)
        assert_come_back_later(service.get("/history"), "history-unavailable")
        wait_for(lambda: says(service, "mongodb", 200), 5)
    wait_for(lambda: service.get(f"/history/{late[-1].json()['history_id']}").status_code == 200, 10)
    items = service.get("/history?limit=100&q=stored").json()["items"]
    written = [before, *(answer.json()["history_id"] for answer in late)]
    assert [item["id"] for item in reversed(items)][-len(written) :] == written
    assert [item["text"] for item in reversed(items)][-20:] == [answer.json()["text"] for answer in late]


def test_a_worker_killed_amid_fifty_requests(service: Service) -> None:
    images = [lines.png(f"casualty {number}") for number in range(50)]
    with ThreadPoolExecutor(len(images)) as pool:
        answers = [pool.submit(service.post, image) for image in images]
        wait_for(lambda: any(answer.done() for answer in answers), 30)
        service.reader().kill()
        done = [answer.result(timeout=60) for answer in answers]
    refused = [answer for answer in done if answer.status_code != 200]
    assert len(done) - len(refused) >= 40
    for answer in refused:
        assert_come_back_later(answer, "recognizer-unavailable")


def test_lines_wait_for_no_page(service: Service) -> None:
    noise = lines.encode(Image.effect_noise((3000, 3000), 90))
    with ThreadPoolExecutor(1) as pool:
        page = pool.submit(service.post, noise, mode="page")
        wait_for(lambda: service.reader("auto").cpu_percent(0.2) > 0, 30)
        assert service.post(lines.png("not held up")).json()["text"] == "not held up"
        assert not page.done()
        assert page.result(timeout=90).status_code == 200


def test_a_file_that_takes_too_long_to_decode_is_refused_and_the_next_one_read(service: Service) -> None:
    jpeg = lines.encode(Image.new("L", (6000, 6000), 200), "JPEG", progressive=True)
    slow = jpeg[:-2] + 1500 * jpeg[jpeg.rindex(b"\xff\xda") : -2] + jpeg[-2:]  # its last scan again and again
    answers = [service.post(image, mode="line") for image in (slow, lines.png("as before"))]
    assert_problem(answers[0], 413, "image-too-large")
    assert answers[1].json()["text"] == "as before"


def test_a_full_queue(service: Service) -> None:
    images = [lines.png(f"crowd {number}") for number in range(CROWD)]
    with ThreadPoolExecutor(CROWD) as pool:
        with paused(service.reader()), paused(service.reader("auto")):
            answers = [pool.submit(service.post, image) for image in images]
            wait_for(lambda: any(answer.done() for answer in answers), 10)
            assert_come_back_later(next(a.result() for a in answers if a.done()), "busy")
            assert seconds(lambda: service.get("/healthz")) < 2
            assert seconds(lambda: service.get("/readyz")) < 8
        done = [answer.result(timeout=60) for answer in answers]
    refused = [answer for answer in done if answer.status_code != 200]
    assert 0 < len(refused) < CROWD
    for answer in refused:
        assert_come_back_later(answer, "busy")
    assert service.post(lines.png("no room")).status_code == 200


def seconds(ask: Callable[[], requests.Response]) -> float:
    """How long an answer takes."""
    started = time.monotonic()
    ask()
    return time.monotonic() - started


@contextmanager
def paused(process: psutil.Process) -> Iterator[None]:
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def test_what_dies_is_started_again(service: Service) -> None:
    for part in (
        *("databases:mongod", "databases:valkey", TORCHSERVE, "worker"),
        "web:frontend-1",
        "web:nginx",
    ):
        before = service.part(part)
        before.kill()
        wait_for(lambda: not before.is_running(), 5)  # noqa: B023 - called at once
        wait_for(service.is_well, 60)
        assert service.part(part).pid != before.pid
    assert service.post(lines.png("all are back")).json()["history_id"]


def test_in_flight_requests_are_answered_when_torchserve_is_killed(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers: list[Future[requests.Response]] = [
            pool.submit(service.post, lines.png(f"cut off {number}")) for number in range(8)
        ]
        service.part(TORCHSERVE).kill()
        done = [answer.result(timeout=60) for answer in answers]
    for answer in done:
        if answer.status_code != 200:
            assert_come_back_later(answer, "recognizer-unavailable")
    wait_for(service.is_well, 60)
    assert service.post(lines.png("cut off no more")).status_code == 200
