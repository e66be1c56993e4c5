"""Errors for a MongoDB that is down, that rejects the login, or that is full."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pymongo
import pytest
from pymongo import IndexModel
from pymongo.errors import BulkWriteError, OperationFailure

from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import HistoryDownError, TasksDownError
from frontend.mongo import Mongo
from tests.unit.frontend import servers
from tests.unit.frontend.servers import Server

pytestmark = pytest.mark.slow

REFUSED = "refuses the user or the password in OCR_MONGO_URL"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    """A mongod with a user of the name ocr."""
    folder = tmp_path / "mongod"
    folder.mkdir()
    server = servers.mongod(folder, "--auth")
    server.start()
    with pymongo.MongoClient(port=server.port) as client:
        client.admin.command("createUser", "ocr", pwd="right", roles=["root"])
    yield server
    server.stop()


def connect(server: Server, password: str) -> Mongo:
    return Mongo(f"mongodb://ocr:{password}@127.0.0.1:{server.port}/ocr?authSource=admin")


def test_a_wrong_password_is_named_each_time(guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect(guarded, "wrong")) as mongo:
        monkeypatch.setattr(mongo, "_breaker", CircuitBreaker(pause_seconds=0.1))
        for _ in range(5):
            with pytest.raises(HistoryDownError, match=REFUSED):
                mongo.ping()
            time.sleep(0.2)
        with pymongo.MongoClient(f"mongodb://ocr:right@127.0.0.1:{guarded.port}/") as client:
            client.admin.command("updateUser", "ocr", pwd="wrong")
        time.sleep(0.2)
        mongo.ping()


def test_a_server_that_is_away_is_not_said_to_refuse(
    guarded: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(connect(guarded, "right")) as mongo:
        mongo.ping()
        guarded.stop()
        with pytest.raises(HistoryDownError, match="MongoDB does not answer"):
            mongo.ping()
    assert REFUSED not in caplog.text


@pytest.mark.parametrize(
    "refusal",
    [
        OperationFailure("28: No space left on device", 8, {"codeName": "UnknownError"}),
        OperationFailure("available disk space is less than required", 14031),
        BulkWriteError({"writeErrors": [{"code": 8, "errmsg": "28: No space left on device"}]}),
    ],
)
def test_a_full_disk_is_no_error_of_ours(mongo: Mongo, refusal: OperationFailure) -> None:
    def write() -> None:
        raise refusal

    with pytest.raises(TasksDownError, match="no room on its disk"):
        mongo.call(write, down=TasksDownError)


def test_a_disk_that_is_nearly_full_is_told_when_asked(mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> None:
    mongo.ping()
    mongo.collection("anything", [IndexModel("name")])
    mongo.ping()
    monkeypatch.setattr("frontend.mongo._MIN_FREE_BYTES", math.inf)
    with pytest.raises(HistoryDownError, match="no room on its disk"):
        mongo.ping()
