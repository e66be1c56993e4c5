"""Models timed beside each other."""

import sys
from pathlib import Path

import pytest

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, Stage, save_weights
from training.evaluation import evaluate, speed

TINY = CRNNConfig(ASCII, (Stage(8, 1, (2, 2)), Stage(8, 1, (2, 2)), Stage(8, 1, (4, 1))), hidden=8)


def test_models_are_timed_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        save_weights(CRNN(TINY), tmp_path / f"{name}.safetensors", {})
    monkeypatch.setattr(evaluate, "WEIGHTS_FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["speed", "one", "two", "--batches", "1", "3", "--rounds", "2"])
    speed.main()
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| batch | one, ms a line | two, ms a line | times as fast as one |"
    assert [row.split(" | ")[0] for row in rows] == ["| 1", "| 3"]
    assert all(float(cell) > 0 for row in rows for cell in row.strip("| ").split(" | ")[1:])
