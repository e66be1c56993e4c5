"""Servers and applications for the front end's tests. What a test does not ask for is not started."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from pymongo.database import Database

from frontend.app import create_app
from frontend.history import journal
from frontend.mongo import Mongo
from frontend.recognition.torchserve import TorchServe
from frontend.settings import Settings
from tests.unit.frontend import servers
from tests.unit.frontend.fake_torchserve import FakeTorchServe
from tests.unit.frontend.servers import Server, free_port


def _running(server: Server) -> Iterator[Server]:
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _running(servers.mongod(tmp_path_factory.mktemp("mongod")))


@pytest.fixture(scope="session")
def shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _running(servers.valkey(tmp_path_factory.mktemp("valkey")))


@pytest.fixture
def mongod(shared_mongod: Server) -> Iterator[Server]:
    """A mongod that the test may stop."""
    yield shared_mongod
    shared_mongod.stop()
    shared_mongod.start()


@pytest.fixture
def valkey(shared_valkey: Server) -> Iterator[Server]:
    """A valkey that the test may stop; it forgets everything then."""
    yield shared_valkey
    shared_valkey.stop()
    shared_valkey.start()


@pytest.fixture(scope="session")
def shared_database(shared_mongod: Server) -> Iterator[Database[Any]]:
    with MongoClient[Any](f"mongodb://127.0.0.1:{shared_mongod.port}/test") as client:
        yield client.get_default_database()


@pytest.fixture
def mongo_url(request: pytest.FixtureRequest, shared_mongod: Server, shared_database: Database[Any]) -> str:
    """A database without records; a new one with `new_database`, which takes longer than most tests."""
    server = f"mongodb://127.0.0.1:{shared_mongod.port}"
    if request.node.get_closest_marker("new_database"):
        return f"{server}/test_{uuid.uuid4().hex}"
    for name in shared_database.list_collection_names():
        shared_database[name].delete_many({})
    return f"{server}/{shared_database.name}"


@pytest.fixture
def mongo(mongo_url: str) -> Iterator[Mongo]:
    made = Mongo(mongo_url)
    yield made
    made.close()


@pytest.fixture
def redis_url(shared_valkey: Server) -> str:
    """A Redis with an empty journal: whatever another test left is for another database."""
    url = f"redis://127.0.0.1:{shared_valkey.port}/0"
    with redis.Redis.from_url(url) as client:
        client.delete(*client.keys(f"{journal.KEY}*"), "")
    return url


@pytest.fixture
def fake() -> Iterator[FakeTorchServe]:
    server = FakeTorchServe()
    yield server
    server.stop()


@pytest.fixture
def torchserve(fake: FakeTorchServe) -> Iterator[TorchServe]:
    """The real client of a fake TorchServe."""
    client = TorchServe(fake.url, fake.url, timeout_seconds=2.0, connections=16)
    yield client
    client.close()


@pytest.fixture
def settings(fake: FakeTorchServe, mongo_url: str, redis_url: str) -> Settings:
    return Settings(
        mongo_url=mongo_url,
        redis_url=redis_url,
        torchserve_url=fake.url,
        torchserve_management_url=fake.url,
        torchserve_timeout_seconds=2.0,
        max_image_mb=0.125,
    )


@pytest.fixture
def nothing_there() -> dict[str, str]:
    """Settings that point MongoDB and Redis to where nobody listens."""
    return {
        "mongo_url": f"mongodb://127.0.0.1:{free_port()}/ocr",
        "redis_url": f"redis://127.0.0.1:{free_port()}/0",
    }


@pytest.fixture
def make_app(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Applications with changed settings; their connections are closed afterwards."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        made.append(create_app(replace(settings, **changes)))
        return made[-1]

    yield make
    for app in made:
        app.extensions["ocr"].close()
        for limiter in app.extensions["limiter"]:
            limiter.storage.storage.close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def image() -> bytes:
    """Bytes that nothing was cached for."""
    return f"image {uuid.uuid4().hex[:12]}".encode()
