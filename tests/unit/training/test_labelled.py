"""Folders of real lines, and receipts."""

from pathlib import Path

import numpy as np
from PIL import Image

from handler.charset import ASCII
from tests.unit.made_lines import folder_of_lines
from training.labelled import load_real, read_labels, read_receipts


def test_labels_keep_tabs_apart_from_text(tmp_path: Path) -> None:
    folder = folder_of_lines(tmp_path / "words", ["one", "two words"])
    assert [label for _, label in read_labels(folder)] == ["one", "two words"]


def test_real_lines_outside_the_alphabet_are_left_out(tmp_path: Path) -> None:
    folder = folder_of_lines(tmp_path / "words", ["one", "café", "客票"])
    assert [sample.text for sample in load_real([str(folder)], ASCII)] == ["one"]


def test_receipts_are_cut_by_their_boxes_and_split(tmp_path: Path) -> None:
    for name in ("img", "box"):
        (tmp_path / name).mkdir()
    page = np.zeros((100, 200), np.uint8)
    page[10:30, 20:90] = 200
    for name in ("001", "002"):
        Image.fromarray(page).save(tmp_path / "img" / f"{name}.png")
        (tmp_path / "box" / f"{name}.csv").write_text("20,10,90,10,90,30,20,30,TOTAL, 5\n")
    (tmp_path / "split.tsv").write_text("001\ttrain\n002\tmeasure\n")
    (sample,) = read_receipts(tmp_path, "train")
    assert (sample.text, sample.folded, sample.real, sample.image.shape) == ("TOTAL, 5", True, True, (20, 70))
    assert sample.image.min() == 200
