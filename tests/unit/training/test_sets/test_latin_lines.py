"""The made test set of Latin-script languages, drawn in boxes out of a small corpus: nothing is fetched."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handler.charset import ASCII
from tests.unit.box_font import box_font
from training import alphabet
from training.fonts import coverage as fonts
from training.fonts import typefaces
from training.labelled import read_labels
from training.test_sets import latin_lines
from training.text import generator as text


@pytest.fixture(autouse=True)
def drawn_in_boxes(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = box_font(tmp_path / "box.ttf", ASCII + alphabet.LATIN + "“”„«»‘’–—…€£·™®©§°")
    monkeypatch.setattr(typefaces, "_fonts", lambda: dict.fromkeys(fonts.families(), (path,)))
    monkeypatch.setattr(alphabet, "read", lambda: ASCII + alphabet.LATIN + "“”„«»‘’–—…€")
    monkeypatch.setattr(text, "CORPUS", corpus)


@pytest.mark.parametrize(
    ("label", "accented", "wanted"),
    [
        ("Żółty ser", True, True),
        ("Zolty ser", True, False),
        ("Zolty ser", False, True),
        ("12,50 €", False, False),
    ],
)
def test_half_of_the_lines_must_have_a_letter_that_english_lacks(
    label: str, accented: bool, wanted: bool
) -> None:
    assert latin_lines.is_wanted(label, accented) is wanted


def test_the_set_has_each_language_as_often_and_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name, seed in (("a", "7"), ("again", "7"), ("other", "8")):
        assert latin_lines.main([str(tmp_path / name), "--lines", "24", "--seed", seed]) == 0
    a, again, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("a", "again", "other")
    )
    assert a == again != other
    rows = read_labels(tmp_path / "a")
    assert Counter(path.name.partition("-")[0] for path, _ in rows) == dict.fromkeys(
        latin_lines.LATIN_LANGUAGES, 2
    )
    assert all(not label.isascii() for _, label in rows)
    assert all(np.asarray(Image.open(path)).size for path, _ in rows)


def test_a_missing_corpus_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(text, "CORPUS", tmp_path / "nowhere")
    assert latin_lines.main([str(tmp_path / "set")]) == 2
    assert "run `make corpus` first" in capsys.readouterr().err
