"""The worst cases, drawn."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.made_lines import line
from training.evaluation import error_sheet


def test_the_worst_cases_are_wrong_and_the_surest_first() -> None:
    samples = [line(text) for text in ("one", "two", "three", "four")]
    readings = [("ONE", 0.9), ("too", 0.4), ("tree", 0.95), ("for", 0.7)]
    cases = error_sheet.worst(samples, readings, 2)
    assert [(case.sample.text, case.read) for case in cases] == [("three", "tree"), ("four", "for")]


def test_the_sheet_draws_what_no_font_has_as_its_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_sheet, "FONTS", tmp_path)
    error_sheet.font_for.cache_clear()
    error_sheet._files.cache_clear()
    assert "".join("".join(part) for _, part in error_sheet._runs("a客")) == "a\\u5ba2"
    cases = [error_sheet.Case(line("客票" * 60, width=900), "", 0.5)]
    picture = error_sheet.draw({"plates": cases, "perfect": []})
    assert picture.width == error_sheet.WIDTH
    assert np.asarray(picture.convert("L")).min() < 100
