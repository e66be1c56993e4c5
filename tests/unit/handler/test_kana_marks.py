"""Half-width katakana and their marks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from handler.decode import best_path
from handler.emissions import Emissions
from handler.image import Pixels
from handler.kana_marks import compose

ALPHABET = ' アイカガシジトドハバパホボポーﾎﾞﾟ°”"-3'
CELL, HEIGHT = 24, 48
"""Pixels across a half-width character, and down a line."""
STEPS = 3
"""Frames of a character."""


def emissions(*frames: dict[str, float]) -> Emissions:
    """Three frames for each of these: blank, these probabilities and the rest for the blank, blank."""
    blank = torch.eye(1 + len(ALPHABET))[0] + 1e-9
    rows = []
    for frame in frames:
        row = torch.full((1 + len(ALPHABET),), 1e-9)
        for char, probability in frame.items():
            row[ALPHABET.index(char) + 1] = probability
        row[0] = max(1e-9, 1 - sum(frame.values()))
        rows += [blank, row, blank]
    return Emissions.everywhere(torch.stack(rows).log())


def drawn(shapes: str, cell: int = CELL) -> Pixels:
    """A line of shapes: k is as high as a kana, v a small one at the top, _ nothing."""
    line = np.full((HEIGHT, cell * len(shapes)), 255, np.uint8)
    for number, shape in enumerate(shapes):
        left = number * cell
        if shape == "k":
            line[6:42, left + 4 : left + cell - 4] = 0
        elif shape == "v":
            line[6:14, left + 2 : left + 10] = 0
    return line


def composed(shapes: str, *frames: dict[str, float], cell: int = CELL) -> str:
    found = emissions(*frames)
    reading = compose(best_path(found, ALPHABET), found, ALPHABET, drawn(shapes, cell), cell / STEPS)
    assert reading.text == "".join(char.char for char in reading.characters)
    return reading.text


@pytest.mark.parametrize(("mark", "text"), [("ﾞ", "ボイ"), ("ﾟ", "ポイ")])
@pytest.mark.parametrize("kana", ["ホ", "ﾎ"])
def test_a_mark_of_its_own_is_part_of_its_kana(kana: str, mark: str, text: str) -> None:
    assert composed("kvk", {kana: 0.9}, {mark: 0.9}, {"イ": 0.9}) == text


def test_a_mark_after_what_takes_none_stays() -> None:
    assert composed("kvk", {"ア": 0.9}, {"ﾞ": 0.9}, {"イ": 0.9}) == "アﾞイ"
    assert composed("kvk", {"カ": 0.9}, {"ﾟ": 0.9}, {"イ": 0.9}) == "カﾟイ"


@pytest.mark.parametrize(("sign", "text"), [("°", "ポイカ"), ("”", "ボイカ"), ('"', "ボイカ")])
def test_what_looks_like_a_mark_is_one_between_half_width_kana(sign: str, text: str) -> None:
    assert composed("kvkk", {"ホ": 0.9}, {sign: 0.9}, {"イ": 0.9}, {"カ": 0.9}) == text


def test_between_full_width_kana_a_quotation_mark_is_one() -> None:
    frames = [{"ア": 0.9}, {"イ": 0.9}, {"ト": 0.9}, {"”": 0.9}]
    assert composed("kkkv", *frames, cell=2 * CELL) == "アイト”"


def test_a_mark_that_was_read_twice_is_one() -> None:
    assert composed("kvkk", {"ポ": 0.9}, {"°": 0.9}, {"イ": 0.9}, {"カ": 0.9}) == "ポイカ"


def test_a_mark_that_was_not_read_is_seen() -> None:
    """Where a kana is followed by a cell with ink at its top alone; the kana's own frame says which mark."""
    line = [{"イ": 0.9}, {"カ": 0.9}, {"ト": 0.9}]
    assert composed("kvkkk", {"ホ": 0.9, "ポ": 0.02, "ボ": 0.005}, {}, *line) == "ポイカト"
    assert composed("kvkkk", {"ホ": 0.9, "ボ": 0.02, "ポ": 0.005}, {}, *line) == "ボイカト"
    assert composed("kvkkk", {"ホ": 0.9}, {"°": 0.2}, *line) == "ポイカト"
    assert composed("kvkkk", {"シ": 0.9}, {}, *line) == "ジイカト"


def test_a_space_or_a_letter_after_a_kana_is_no_mark() -> None:
    line = [{"イ": 0.9}, {"カ": 0.9}, {"ト": 0.9}]
    assert composed("k_kkk", {"ホ": 0.9, "ポ": 0.02}, {}, *line) == "ホイカト"
    assert composed("kkkkk", {"ホ": 0.9, "ポ": 0.02}, {}, *line) == "ホイカト"


def test_a_dash_between_kana_makes_their_vowel_long_if_it_may() -> None:
    assert composed("kkkk", {"カ": 0.9}, {"-": 0.7, "ー": 0.2}, {"ト": 0.9}, {"ア": 0.9}) == "カートア"
    assert composed("kkkk", {"カ": 0.9}, {"-": 0.99}, {"ト": 0.9}, {"ア": 0.9}) == "カ-トア"
    assert composed("kkkk", {"カ": 0.9}, {"-": 0.7, "ー": 0.2}, {"3": 0.9}, {"3": 0.9}) == "カ-33"
