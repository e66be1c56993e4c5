"""Rendered Chinese VAT invoices."""

import inspect
import json
import random
from pathlib import Path

import numpy as np
import pytest
from stdnum.cn import uscc

from frontend.extraction.capitals import parse_capitals
from tests.unit.box_font import box_font
from training.fonts import typefaces
from training.render.vat_invoices import LAYOUTS, draw_vat_invoice
from training.test_sets import vat_invoices


@pytest.fixture(autouse=True)
def invoice_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One font, with a box for each sign that the renderer's source has."""
    signs = set(Path(inspect.getfile(draw_vat_invoice)).read_text("utf-8")) - {"\n"}
    path = box_font(tmp_path / "invoices.ttf", "".join(sorted(signs)))
    monkeypatch.setattr(typefaces, "_fonts", lambda: dict.fromkeys(("wide-serif", "wide-sans"), (path,)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_an_invoice_says_agrees(layout: str) -> None:
    picture, key = draw_vat_invoice(random.Random(layout), layout)
    assert picture.shape[2] == 3
    assert np.unique(picture).size > 2
    numbers = [number for name, number in key.items() if name.endswith("tax_number")]
    assert all(map(uscc.is_valid, numbers))
    assert len(set(numbers)) == len(numbers) == (1 if layout == "rail" else 2)
    if "total_in_capitals" in key:
        assert f"{parse_capitals(key['total_in_capitals']):.2f}" == key["total"]
    if "tax" in key:
        assert round(float(key["amount"]) + float(key["tax"]), 2) == float(key["total"])


def test_the_set_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name, seed in (("a", "7"), ("again", "7"), ("other", "8")):
        assert vat_invoices.main([str(tmp_path / name), "--count", "2", "--seed", seed]) == 0
    a, again, other = (
        [path.read_bytes() for path in sorted((tmp_path / name).rglob("*.*"))]
        for name in ("a", "again", "other")
    )
    assert a == again != other
    assert (tmp_path / "a" / "split.tsv").read_text() == "000\tmeasure\n001\tmeasure\n"
    assert json.loads((tmp_path / "a" / "key" / "001.json").read_text())["type"] == "electronic_special"
