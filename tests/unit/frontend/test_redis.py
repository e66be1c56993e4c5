"""Redis, a real Valkey: restarted, refusing, and locked."""

from __future__ import annotations

import time
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import CacheDownError
from frontend.redis import Redis
from tests.unit.frontend import servers
from tests.unit.frontend.servers import Server


def test_a_restart_between_two_calls_is_not_seen(redis_url: str, valkey: Server) -> None:
    with closing(Redis(redis_url)) as server:
        server.ping()
        valkey.stop()
        valkey.start()
        server.ping()
        server.call(lambda client: client.set("key", 1))
        assert server.call(lambda client: client.get("key")) == b"1"


def test_a_refused_password_is_named_and_not_quoted(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with closing(Redis(redis_url.replace("redis://", "redis://someone:wrong@"))) as refused:
        for _ in range(2):
            with pytest.raises(CacheDownError, match="the password in OCR_REDIS_URL"):
                refused.ping()
    assert "AuthenticationError" in caplog.text
    assert "wrong" not in caplog.text


def test_a_circuit_breaker_lets_one_try_at_a_time() -> None:
    breaker = CircuitBreaker(pause_seconds=0.05)
    assert breaker.allows_call()
    assert breaker.record_failure()
    assert not breaker.record_failure()
    assert not breaker.allows_call()
    time.sleep(0.06)
    assert [breaker.allows_call() for _ in range(3)] == [True, False, False]
    assert breaker.record_success()
    assert not breaker.record_success()
    assert breaker.allows_call()


def test_a_wrong_password_is_named(tmp_path: Path) -> None:
    guarded = servers.valkey(tmp_path, "--requirepass", "right")
    guarded.start()
    try:
        with closing(Redis(f"redis://:wrong@127.0.0.1:{guarded.port}/0")) as server:
            for _ in range(2):
                with pytest.raises(CacheDownError, match="refuses the user or the password in OCR_REDIS_URL"):
                    server.ping()
    finally:
        guarded.stop()


def test_one_at_a_time_has_a_lock_and_a_dead_one_loses_it(redis_url: str) -> None:
    name = f"test:{uuid.uuid4().hex}"
    with closing(Redis(redis_url)) as server:
        with server.lock(name, 5) as first, server.lock(name, 5) as second:
            assert (first, second) == (True, False)
        with server.lock(name, 0.1) as first, server.lock(name, 5, wait_seconds=2) as second:
            assert (first, second) == (True, True)
        with server.lock(name, 5) as again:
            assert again
