"""A model measured on folders of lines: table, JSON and sheet of errors."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, Stage, save_weights
from tests.unit.made_lines import line
from training.evaluation import comparison, error_sheet, evaluate, lines

TINY = CRNNConfig(ASCII, (Stage(8, 1, (2, 2)), Stage(8, 1, (2, 2)), Stage(8, 1, (4, 1))), hidden=8)


def test_a_model_and_folders_are_measured_into_table_json_and_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "bars"
    folder.mkdir()
    Image.fromarray(line("one").image).save(folder / "1.png")
    (folder / "labels.tsv").write_text("1.png\tone\n1.png\ttwo words\n", "utf-8")
    weights = tmp_path / "tiny.safetensors"
    save_weights(CRNN(TINY), weights, {"languages": ["en"]})
    report = tmp_path / "report.json"
    options = ["--json", str(report), "--sheet", str(tmp_path / "sheet.png"), "--errors", "2", "--record"]
    twin, again = tmp_path / "twin.safetensors", tmp_path / "again"
    save_weights(CRNN(TINY), twin, {})
    shutil.copytree(folder, again)
    assert lines.main([str(weights), str(folder), str(again), *options, "--beside", str(twin)]) == 0
    printed = capsys.readouterr().out
    assert (
        "| engine | word | word, cased | exact | strict | CER | ECE | ms, batch 1 | ms, batch 8 |" in printed
    )
    figures = json.loads(report.read_text("utf-8"))["folders"]["bars"]
    assert (figures["lines"], figures["spaces"]) == (2, 0.5)
    assert [row.keys() for row in figures["rows"]] == [{"engine", "lines", *comparison.COLUMNS}] * 2
    together = json.loads(report.read_text("utf-8"))["ece_together"]
    assert together["tiny"] == figures["rows"][0]["ece"]  # the folders are alike
    assert "ECE over the lines of all folders together: tiny" in printed
    facts = evaluate.find_model(str(weights))[1]
    assert facts["languages"] == ["en"]
    assert facts["accuracy"]["bars"].keys() == {"lines", *comparison.COLUMNS} - {"ms", "ms_batch"}
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.width == error_sheet.WIDTH


def test_what_cannot_be_read_ends_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tmp_path / "tiny.safetensors"
    save_weights(CRNN(TINY), weights, {})
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    for arguments, said in [
        (["crnn_v0", str(tmp_path)], "There is no model crnn_v0"),
        ([str(tmp_path / "broken.safetensors"), str(tmp_path)], "holds no weights"),
        ([str(weights), str(tmp_path / "nowhere")], "There is no folder"),
        ([str(weights), str(tmp_path / "empty")], "needs a labels.tsv"),
    ]:
        assert lines.main(arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
