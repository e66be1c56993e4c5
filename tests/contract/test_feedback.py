"""Crops of lines are read as well as the lines were on their page."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from frontend.feedback.cutting import cut_all
from frontend.history.corrections import Place
from handler import engine
from handler.recognize import recognize_lines
from tests.contract.test_pages import GOLDEN, MODEL, ROOT, ask
from tests.golden import PAGE
from training.labelled import read_folder


@pytest.mark.parametrize("image", [PAGE.path, GOLDEN / "vertical.png"], ids=["slanted", "vertical"])
def test_crops_are_read_as_well_as_the_page(image: Path, tmp_path: Path) -> None:
    answer = ask(image.read_bytes(), mode="page")
    lines = {Place(number): line for number, line in enumerate(answer["lines"])}
    rows = []
    for place, crop in cut_all(image.read_bytes(), lines):
        (tmp_path / f"{place.line}.png").write_bytes(crop)
        rows.append(f"{place.line}.png\t{lines[place]['text']}\n")
    (tmp_path / "labels.tsv").write_text("".join(rows), "utf-8")
    samples = read_folder(tmp_path, "measure")
    assert len(samples) == len(lines)
    model, _ = engine.load(ROOT / "model_store" / "weights" / f"{MODEL}.safetensors", torch.device("cpu"))
    readings = recognize_lines(model, [sample.image for sample in samples])
    assert sum(reading.text != sample.text for reading, sample in zip(readings, samples, strict=True)) <= 1
