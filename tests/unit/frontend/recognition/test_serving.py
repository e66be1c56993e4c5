"""What serves follows a file, while images are read: with two fake TorchServes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from frontend.errors import RecognizerDownError
from frontend.recognition.serving import Serving, ServingRecord, read_record, write_record
from frontend.recognition.torchserve import TorchServe
from tests.unit.frontend.fake_torchserve import FakeTorchServe

LINE = {"mode": "line"}


@pytest.fixture
def successor() -> Iterator[FakeTorchServe]:
    """A TorchServe with one model more."""
    server = FakeTorchServe()
    server.archives["shop"] = "1.0-5409"
    yield server
    server.stop()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "serving.json"


@pytest.fixture
def serving(fake: FakeTorchServe, file: Path) -> Iterator[Serving]:
    made = Serving(
        ServingRecord("auto", fake.url, fake.url),
        file,
        lambda url, management: TorchServe(url, management, timeout_seconds=2.0, connections=4),
    )
    yield made
    made.close()


def rolled_out(server: FakeTorchServe) -> ServingRecord:
    return ServingRecord("shop", server.url, server.url, previous="auto", configured="auto")


def test_without_a_file_the_settings_hold(serving: Serving, fake: FakeTorchServe) -> None:
    serving.predict(serving.default_model, b"text", "id", LINE)
    assert serving.default_model == "auto"
    assert len(fake.predictions) == 1


def test_a_new_file_moves_model_and_torchserve_at_once(
    serving: Serving, fake: FakeTorchServe, successor: FakeTorchServe, file: Path
) -> None:
    assert serving.model("auto").version == "1.0-3fa94c1b"
    write_record(file, rolled_out(successor))
    assert serving.default_model == "shop"
    assert serving.model("shop").version == "1.0-5409"
    serving.predict("shop", b"text", "id", LINE)
    assert (len(fake.predictions), len(successor.predictions)) == (0, 1)


def test_going_back_keeps_the_torchserve(serving: Serving, successor: FakeTorchServe, file: Path) -> None:
    write_record(file, rolled_out(successor))
    after = serving.torchserve
    write_record(file, replace(rolled_out(successor), model="auto", previous=""))
    assert (serving.default_model, serving.torchserve) == ("auto", after)


def test_a_process_that_starts_later_begins_with_the_file(
    successor: FakeTorchServe, file: Path, make_app: Callable[..., Flask]
) -> None:
    write_record(file, rolled_out(successor))
    client = make_app(serving_file=str(file)).test_client()
    models = client.get("/models").json["models"]
    assert [model["name"] for model in models if model["default"]] == ["shop"]
    assert client.post("/recognize", data=b"read me", content_type="image/png").json["model"] == "shop"
    assert client.get("/readyz").status_code == 200
    assert {received.path for received in successor.predictions} == {"/predictions/shop"}


@pytest.mark.parametrize("missing", ["model", "server"])
def test_what_cannot_serve_yet_is_not_turned_to(
    serving: Serving, successor: FakeTorchServe, file: Path, missing: str
) -> None:
    if missing == "server":
        successor.stop()
    else:
        del successor.archives["shop"]
    write_record(file, rolled_out(successor))
    assert serving.default_model == "auto"
    serving.predict("auto", b"text", "id", LINE)
    if missing == "server":
        successor.start()
    successor.archives["shop"] = "1.0-5409"
    assert serving.default_model == "shop"


def test_a_file_that_cannot_be_read_changes_nothing(serving: Serving, file: Path) -> None:
    for text in ("{", "[]", json.dumps({"model": "shop"})):
        file.write_text(text)
        assert read_record(file) is None
        assert serving.default_model == "auto"


def test_what_the_former_torchserve_left_unread_its_successor_reads(
    serving: Serving, fake: FakeTorchServe, successor: FakeTorchServe, file: Path
) -> None:
    fake.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(serving.predict, "auto", b"under way", "id", LINE)
        while not fake.predictions:
            assert not reading.done()
        write_record(file, rolled_out(successor))
        fake.replies.append(None)  # it is stopped, and breaks the connection
        fake.stop()
        (page,) = reading.result()["pages"]
    assert page["lines"][0]["text"] == "under way"
    assert len(successor.predictions) == 1


def test_without_a_successor_it_is_down(serving: Serving, fake: FakeTorchServe) -> None:
    serving.model("auto")
    fake.stop()
    with pytest.raises(RecognizerDownError):
        serving.predict("auto", b"text", "id", LINE)


def test_no_file_yet_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_record(tmp_path / "serving.json") is None
    assert not caplog.records
