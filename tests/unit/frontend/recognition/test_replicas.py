"""Which TorchServe is asked: shares, replicas that are away, and names that stand for others later."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from frontend import errors
from frontend.recognition import replicas
from frontend.recognition.replicas import Replicas
from frontend.recognition.torchserve import TorchServe
from tests.unit.frontend.fake_torchserve import QUEUE_FULL, UNFINISHED, FakeTorchServe
from tests.unit.frontend.servers import free_port


@pytest.fixture
def three() -> Iterator[list[FakeTorchServe]]:
    servers = [FakeTorchServe() for _ in range(3)]
    yield servers
    for server in servers:
        server.stop()


def client(servers: list[FakeTorchServe], *others: str) -> TorchServe:
    urls = ",".join([*others, *(server.url for server in servers)])
    return TorchServe(urls, urls, timeout_seconds=10, connections=16)


def shares(servers: list[FakeTorchServe]) -> list[int]:
    return [len(server.predictions) for server in servers]


def test_each_replica_gets_its_share(three: list[FakeTorchServe]) -> None:
    torchserve = client(three)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: torchserve.predict("auto", b"hello", str(number)), range(120)))
    assert sum(shares(three)) == 120
    assert all(120 * (1 / 3 - 0.1) <= share <= 120 * (1 / 3 + 0.1) for share in shares(three))


def test_a_replica_that_is_away_costs_no_request(three: list[FakeTorchServe]) -> None:
    torchserve = client(three, f"http://127.0.0.1:{free_port()}")
    for number in range(12):
        torchserve.predict("auto", b"hello", str(number))
    three[0].stop()
    for number in range(12):
        torchserve.predict("auto", b"hello", str(number))
    assert sum(shares(three)) == 24
    assert min(shares(three)[1:]) >= 9
    three[0].start()


def test_a_full_replica_is_passed_over(three: list[FakeTorchServe]) -> None:
    torchserve = client(three[:2])
    three[0].replies.extend([QUEUE_FULL] * 3)
    for number in range(4):
        torchserve.predict("auto", b"hello", str(number))
    assert three[1].predictions


def test_busy_is_said_only_where_all_are(three: list[FakeTorchServe]) -> None:
    torchserve = client(three)
    for server in three:
        server.replies.append(QUEUE_FULL)
    with pytest.raises(errors.BusyError):
        torchserve.predict("auto", b"hello", "id-1")
    assert shares(three) == [1, 1, 1]


def test_slices_of_one_image_come_from_one_replica(three: list[FakeTorchServe]) -> None:
    torchserve = client(three)
    for server in three:
        server.replies.extend([UNFINISHED, UNFINISHED])
    torchserve.predict("auto", b"hello", "id-1")
    assert sorted(shares(three)) == [0, 0, 3]


def test_all_away(three: list[FakeTorchServe]) -> None:
    torchserve = client(three)
    torchserve.predict("auto", b"hello", "id-1")
    for server in three:
        server.stop()
    with pytest.raises(errors.RecognizerDownError):
        torchserve.predict("auto", b"hello", "id-1")
    for server in three:
        server.start()


def test_addresses_of_a_name_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "RESOLVED_SECONDS", 0.1)
    port, known = free_port(), ["127.0.0.2"]
    found = Replicas(f"http://torchserve:{port}", lambda _host, _port: tuple(known))

    def chosen() -> Counter[str]:
        time.sleep(0.15)
        hosts = []
        for _ in range(6):
            with found.choose() as replica:
                assert replica
                found.answered(replica)
                hosts.append(urlsplit(replica.url).hostname)
        return Counter(hosts)

    with socket.create_server(("127.0.0.2", port)), socket.create_server(("127.0.0.3", port)):
        assert chosen() == {"127.0.0.2": 6}
        known.append("127.0.0.3")
        assert chosen() == {"127.0.0.2": 3, "127.0.0.3": 3}
        known.append("127.0.0.4")  # nobody listens there
        assert chosen() == {"127.0.0.2": 3, "127.0.0.3": 3}
        known[:] = ["127.0.0.3"]
        assert chosen() == {"127.0.0.3": 6}


def test_the_addresses_stay_while_the_name_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "RESOLVED_SECONDS", 0.0)
    answers: Iterator[list[str]] = iter([["127.0.0.2"]])

    def resolve(_host: str, _port: int) -> list[str]:
        try:
            return next(answers)
        except StopIteration:
            raise OSError("no such host") from None

    found = Replicas("http://torchserve:18080", resolve)
    for _ in range(3):
        with found.choose() as replica:
            assert replica
            assert replica.url == "http://127.0.0.2:18080"
