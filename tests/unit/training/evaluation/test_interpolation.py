"""The ways in which lines are scaled, compared."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from training.evaluation import interpolation


def word(text: str) -> Image.Image:
    image = Image.new("RGB", (150, 60), (250, 240, 200))
    ImageDraw.Draw(image).text((12, 8), text, (160, 20, 30), ImageFont.load_default(36))
    return image


@pytest.mark.parametrize("scale", interpolation.SCALES.values(), ids=interpolation.SCALES)
def test_a_line_scaled_in_any_way_is_read(scale: interpolation.Scale) -> None:
    line = scale(np.asarray(word("Hello")), (120, interpolation.HEIGHT))
    assert line.shape == (48, 120, 3)
    assert interpolation.PublicRecognizer()(line) == "Hello"


def test_each_cut_and_scale_has_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    word("Hello").save(tmp_path / "0.png")
    (tmp_path / "labels.tsv").write_text("0.png\tHELLO!\n", "utf-8")
    monkeypatch.setattr(sys, "argv", ["interpolation", str(tmp_path)])
    interpolation.main()
    _, _, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(interpolation.CUTS) * len(interpolation.SCALES)
    assert all(row.endswith("| 1.000 | 1.0000 |") for row in rows)
