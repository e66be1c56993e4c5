"""The cache against a real Valkey."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import CacheDownError
from frontend.recognition.cache import Cache
from frontend.redis import Redis
from tests.unit.frontend.servers import Server


@pytest.fixture
def cache(redis_url: str) -> Iterator[Cache]:
    with closing(Redis(redis_url)) as server:
        yield Cache(server, ttl_seconds=100)


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
    monkeypatch.setattr(cache._redis, "_breaker", CircuitBreaker(pause_seconds=0.2))
    cache.set(key, {"n": 1})
    valkey.stop()
    started = time.monotonic()
    for _ in range(20):
        assert cache.get(key) is None
        cache.set(key, {"n": 2})
    assert time.monotonic() - started < 10
    with pytest.raises(CacheDownError):
        cache.delete(key)
    valkey.start()
    time.sleep(0.25)
    cache.set(key, {"n": 3})
    assert cache.get(key) == {"n": 3}
