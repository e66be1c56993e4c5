"""Lines that mix Chinese or Japanese with Latin words."""

import random
from pathlib import Path

import pytest

from training.labelled import read_folder
from training.render import line as render
from training.test_sets import mixed_lines
from training.text import generator as text

pytestmark = pytest.mark.usefixtures("one_font")


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        ("中国 Total", True),
        ("Open File を", True),
        ("の v2.1-beta 日本", True),
        ("中国 日本 Total 5", True),
        ("Total中国 日本", False),
        ("中国Total", False),
        ("Total 12", False),
        ("中国 A", False),
        ("中国。 Total", False),
        ("日本 Total 「一」", False),
    ],
)
def test_mixed_lines_have_spaces_at_latin_words_that_can_be_told(label: str, wanted: bool) -> None:
    assert mixed_lines.is_wanted(label) is wanted


@pytest.mark.usefixtures("wide_font")
def test_the_mixed_set_is_the_same_for_the_same_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = ["中国 日本", "中国  Total", "Total", "PO Number 日本語 12"]
    monkeypatch.setattr(text, "draw", lambda rng, *_: rng.choice(drawn))
    for name, seed in (("a", "7"), ("again", "7"), ("other", "8")):
        assert mixed_lines.main([str(tmp_path / name), "--lines", "9", "--seed", seed]) == 0
    a, again, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("a", "again", "other")
    )
    assert a == again != other
    samples = read_folder(tmp_path / "a", "measure")
    assert len(samples) == 9
    assert {sample.text for sample in samples} == {"中国 Total", "PO Number 日本語 12"}


def test_no_letters_are_set_apart_in_mixed_lines() -> None:
    for domain in mixed_lines.DRAWN_FROM:
        assert {render.track(random.Random(seed), "中国", domain.tracked) for seed in range(50)} == {0.0}
    assert len({render.track(random.Random(seed), "中国", 0.25) for seed in range(50)}) > 5
