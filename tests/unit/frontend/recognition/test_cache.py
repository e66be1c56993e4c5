"""The cache against a real Valkey."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import CacheDownError
from frontend.recognition.cache import Cache
from tests.unit.frontend import servers
from tests.unit.frontend.servers import Server


@pytest.fixture
def cache(redis_url: str) -> Iterator[Cache]:
    made = Cache(redis_url, ttl_seconds=100)
    yield made
    made.close()


@pytest.fixture
def key() -> str:
    return f"test:{uuid.uuid4().hex}"


def test_keeps_values_for_their_time(cache: Cache, key: str, redis_url: str) -> None:
    assert cache.get(key) is None
    cache.set(key, {"text": "电子客票"})
    assert cache.get(key) == {"text": "电子客票"}
    with redis.Redis.from_url(redis_url) as direct:
        assert 95 < direct.ttl(key) <= 100
    cache.delete(key)
    assert cache.get(key) is None


@pytest.mark.parametrize("stored", ["no JSON", "[1]", "", "null"])
def test_what_it_does_not_understand_is_a_miss(cache: Cache, key: str, redis_url: str, stored: str) -> None:
    with redis.Redis.from_url(redis_url) as direct:
        direct.set(key, stored)
    assert cache.get(key) is None


def test_does_without_redis_and_finds_it_again(
    cache: Cache, key: str, valkey: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_breaker", CircuitBreaker(pause_seconds=0.2))
    cache.set(key, {"n": 1})
    valkey.stop()
    started = time.monotonic()
    for _ in range(20):
        assert cache.get(key) is None
        cache.set(key, {"n": 2})
    assert time.monotonic() - started < 1
    with pytest.raises(CacheDownError):
        cache.delete(key)
    valkey.start()
    time.sleep(0.25)
    cache.set(key, {"n": 3})
    assert cache.get(key) == {"n": 3}


def test_a_restart_between_two_calls_is_not_seen(cache: Cache, key: str, valkey: Server) -> None:
    cache.ping()
    valkey.stop()
    valkey.start()
    cache.ping()
    cache.set(key, {"n": 1})
    assert cache.get(key) == {"n": 1}


def test_a_refused_password_is_named_and_not_quoted(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    refused = Cache(redis_url.replace("redis://", "redis://someone:wrong@"), ttl_seconds=60)
    for _ in range(2):
        with pytest.raises(CacheDownError, match="the password in OCR_REDIS_URL"):
            refused.ping()
    assert "AuthenticationError" in caplog.text
    assert "wrong" not in caplog.text
    refused.close()


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
        with closing(Cache(f"redis://:wrong@127.0.0.1:{guarded.port}/0", ttl_seconds=100)) as cache:
            for _ in range(2):
                with pytest.raises(CacheDownError, match="refuses the user or the password in OCR_REDIS_URL"):
                    cache.ping()
    finally:
        guarded.stop()
