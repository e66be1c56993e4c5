"""A folder of corrections is checked, and a fifth of it held out, always the same lines."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handler.charset import ASCII
from handler.model import CRNNConfig, Stage
from tests.unit.training.finetune.printer import export, samples
from training.evaluation.evaluate import UnusableInputError
from training.finetune.corrections import LEAST, hold_out, read
from training.labelled import Sample

CONFIG = CRNNConfig(ASCII, (Stage(4, 1, (4, 4)), Stage(8, 1, (4, 1))), hidden=8)
LINES = samples(40, 3)


def texts(lines: list[Sample]) -> set[str]:
    return {line.text for line in lines}


def add(folder: Path, label: str, shape: tuple[int, int] = (30, 300)) -> None:
    number = len(list(folder.rglob("*.png")))
    Image.fromarray(np.full(shape, number, np.uint8)).save(folder / f"{number}.png")
    with (folder / "labels.tsv").open("a", encoding="utf-8") as file:
        file.write(f"{number}.png\t{label}\n")


def test_a_fifth_is_held_out_whatever_the_order(tmp_path: Path) -> None:
    there, back = (read(export(tmp_path / name, some), CONFIG) for name, some in
                   (("there", LINES), ("back", LINES[::-1])))  # fmt: skip
    assert (len(there.learn), len(there.held_out)) == (32, 8)
    assert texts(there.held_out) == texts(back.held_out)
    assert not texts(there.held_out) & texts(there.learn)
    assert there.digest == back.digest


def test_the_digest_changes_with_a_text_and_with_a_line(tmp_path: Path) -> None:
    other = [*LINES[:-1], Sample(LINES[-1].image, "something else", real=True)]
    digests = {
        read(export(tmp_path / str(number), some), CONFIG).digest
        for number, some in enumerate((LINES, other, LINES[:-1]))
    }
    assert len(digests) == 3


def test_lines_held_out_once_are_mostly_held_out_again() -> None:
    _, before = hold_out(LINES)
    _, after = hold_out(LINES + samples(10, 4))
    assert len(texts(before) & texts(after)) >= len(before) - 3


def test_equal_images_are_on_one_side() -> None:
    learn, held_out = hold_out([line for line in LINES for _ in range(3)])
    assert len(held_out) == 24
    assert not texts(learn) & texts(held_out)


def test_what_cannot_be_learned_is_left_out_and_counted(tmp_path: Path) -> None:
    folder = export(tmp_path / "lines", LINES)
    for label in ("Жук", "5 €", "", "too long for so narrow an image " * 9):
        add(folder, label)
    add(folder, "wide", (4, 200))
    found = read(folder, CONFIG)
    assert texts([*found.learn, *found.held_out]) == texts(LINES)
    assert found.left_out == [
        "1 left out: they have no text.",
        "2 left out: the model has no class for 'Ж' 'к' 'у' '€'.",
        "1 left out: they are 24 times as wide as high, or wider.",
        "1 left out: their text is too long for so narrow an image.",
    ]


def test_runs_of_spaces_count_as_one(tmp_path: Path) -> None:
    folder = export(tmp_path / "lines", LINES)
    add(folder, "  a   b ")
    found = read(folder, CONFIG)
    assert "a b" in texts([*found.learn, *found.held_out])


def test_too_few_lines_say_how_many_there_must_be(tmp_path: Path) -> None:
    folder = export(tmp_path / "lines", [*LINES[: LEAST - 1], *LINES[:5]])
    add(folder, "Жук")
    says = f"{LEAST - 1} different lines to learn from; there must be {LEAST}. 1 left out: the model has no"
    with pytest.raises(UnusableInputError, match=re.escape(says)):
        read(folder, CONFIG)


def test_a_crop_that_is_no_image_is_told(tmp_path: Path) -> None:
    folder = export(tmp_path / "lines", LINES)
    (folder / "crops" / "0007.png").write_text("no image")
    with pytest.raises(UnusableInputError, match="cannot be read"):
        read(folder, CONFIG)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableInputError, match=f"There is no folder {tmp_path / 'none'}"):
        read(tmp_path / "none", CONFIG)
