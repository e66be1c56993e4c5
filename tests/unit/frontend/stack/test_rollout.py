"""What a rollout refuses before anything is started, and what a TorchServe on trial must read."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from frontend.recognition.serving import ServingRecord, read_record, write_record
from frontend.stack import rollout, trial
from frontend.stack.errors import StackError
from frontend.stack.plan import SERVING, TORCHSERVE
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply, line, prediction


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OCR_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def record(fake: FakeTorchServe) -> ServingRecord:
    return ServingRecord("auto", fake.url, fake.url, fake.url, TORCHSERVE, configured="auto")


@pytest.fixture
def service(data_dir: Path, record: ServingRecord) -> ServingRecord:
    """What a running service has written down; only its TorchServe is there."""
    run_with(data_dir, parts=[TORCHSERVE])
    write_record(data_dir / SERVING, record)
    return record


def run_with(data_dir: Path, **facts: Any) -> None:
    known = {"runtime_dir": str(data_dir), "model_store": str(data_dir)}
    (data_dir / "stack.json").write_text(json.dumps(known | facts))


def pack(store: Path, name: str, weights: bytes) -> None:
    with zipfile.ZipFile(store / f"{name}.mar", "w") as archive:
        archive.writestr(f"{name}.safetensors", weights)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert rollout.main(list(arguments)) == 1
    return capsys.readouterr().err


def test_without_a_service_there_is_nothing_to_roll_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert "make run" in refusal(capsys, "rollout", "shop")
    assert "nothing to go back to" in refusal(capsys, "rollback")


@pytest.mark.usefixtures("service")
def test_a_torchserve_of_the_users_own_is_left_to_him(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_with(data_dir, parts=["worker"])
    assert "OCR_TORCHSERVE_URL" in refusal(capsys, "rollout", "shop")


@pytest.mark.parametrize(
    ("model", "said"),
    [("", "MODEL=NAME"), ("auto", "the default already"), ("shop", "No archive holds the model shop")],
)
@pytest.mark.usefixtures("service")
def test_what_is_no_new_model_is_refused(capsys: pytest.CaptureFixture[str], model: str, said: str) -> None:
    assert said in refusal(capsys, "rollout", model)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (save({"head": np.array([1.0, np.nan], np.float16)}), "head has values"),
        (save({"head": np.array([-np.inf], np.float32)}), "head has values"),
        (save({"head": np.ones(9)})[:-1], "cannot be read"),
        (b"weights", "cannot be read"),
    ],
    ids=["nan", "infinite", "cut off", "no weights"],
)
def test_broken_weights_are_refused(
    data_dir: Path, service: ServingRecord, capsys: pytest.CaptureFixture[str], weights: bytes, said: str
) -> None:
    pack(data_dir, "shop", weights)
    assert said in refusal(capsys, "rollout", "shop")
    assert read_record(data_dir / SERVING) == service


def test_one_rollout_at_a_time(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with rollout._alone(data_dir):
        assert "under way" in refusal(capsys, "rollback")


def test_going_back_needs_the_model_before(
    data_dir: Path, fake: FakeTorchServe, service: ServingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    after = replace(service, model="shop", previous="auto")
    write_record(data_dir / SERVING, after)
    fake.workers = ["UNLOADING"]
    assert "auto" in refusal(capsys, "rollback")
    assert read_record(data_dir / SERVING) == after
    fake.workers = ["READY"]
    assert rollout.main(["rollback"]) == 0
    assert read_record(data_dir / SERVING) == service


def test_what_reads_the_lines_passes(
    fake: FakeTorchServe, record: ServingRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "LINES", ("Total 48.60",))
    fake.answer = lambda _: Reply(200, prediction(line("Total 48.6O")))
    trial.read(record)
    assert [json.loads(asked.headers["X-OCR-Options"])["mode"] for asked in fake.predictions] == [
        "line",
        "page",
    ]


@pytest.mark.parametrize(
    "answer",
    [Reply(200, prediction(line("龢鷄龢鲥龢"))), Reply(200, prediction()), Reply(503, {"code": 503})],
    ids=["other text", "no text", "an error"],
)
def test_what_reads_something_else_does_not(
    fake: FakeTorchServe, record: ServingRecord, answer: Reply
) -> None:
    fake.answer = lambda _: answer
    with pytest.raises(StackError, match="auto"):
        trial.read(record)


def test_models_that_are_not_ready_do_not_count(fake: FakeTorchServe, record: ServingRecord) -> None:
    assert {"auto", "crnn_v3", "crnn_v2"} <= trial.models(record)
    fake.workers = []
    assert trial.models(record) == set()
    fake.stop()
    assert trial.models(record) == set()
    with pytest.raises(StackError, match="does not answer"):
        trial.loaded(record)


def test_what_is_loaded_is_told_as_the_configuration_lists_it(
    fake: FakeTorchServe, record: ServingRecord
) -> None:
    fake.archives["shop"] = "1.0"
    assert trial.loaded(record) == ["auto=auto.mar", "shop=shop.mar"]


def test_a_folder_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OCR_DATA_DIR", str(tmp_path / "file" / "data"))
    assert "cannot be written" in refusal(capsys, "rollback")
