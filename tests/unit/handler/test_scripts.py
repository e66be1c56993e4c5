"""One line, one script: look-alikes of other scripts and widths."""

from __future__ import annotations

import pytest
import torch

from handler.decode import Allowlist, Character, Recognition
from handler.emissions import Emissions
from handler.scripts import best_reading, is_strange, settle_widths

ALPHABET = " x×<く8８日aé3３中"


def emissions(*frames: dict[str, float]) -> Emissions:
    """Frames with these probabilities, and the rest for the blank; a blank frame between them."""
    rows = []
    for frame in frames:
        row = torch.full((1 + len(ALPHABET),), 1e-9)
        for char, probability in frame.items():
            row[ALPHABET.index(char) + 1] = probability
        row[0] = max(1e-9, 1 - sum(frame.values()))
        rows += [row, torch.eye(1 + len(ALPHABET))[0] + 1e-9]
    return Emissions.everywhere(torch.stack(rows).log())


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([{"a": 0.9}, {"8": 0.9}, {"×": 0.9, "x": 0.05}], "a8x"),
        ([{"a": 0.9}, {"<": 0.9}, {"く": 0.98, "<": 0.01}], "a<<"),
        ([{"8": 0.9}, {"8": 0.9}, {"日": 0.7, "8": 0.2}, {"3": 0.9}], "8883"),
        ([{"a": 0.9}, {"a": 0.9}, {"中": 0.99}], "aa中"),
        ([{"中": 0.9}, {"a": 0.9}, {"８": 0.9, "8": 0.05}, {"8": 0.9}, {"8": 0.9}, {"8": 0.9}], "中a８888"),
        ([{"中": 0.6, "8": 0.2}, {"a": 0.9}, {"8": 0.9}, {"8": 0.9}], "中a88"),
        ([{"中": 0.9}, {"日": 0.9, "8": 0.09}, {"a": 0.9}], "中日a"),
        ([{"a": 0.9}, {"é": 0.9}, {"x": 0.9}], "aéx"),
        ([{"×": 0.9, "x": 0.09}], "×"),
    ],
)
def test_a_look_alike_of_another_script_is_read_in_the_script_of_its_line(
    frames: list[dict[str, float]], text: str
) -> None:
    found = best_reading(emissions(*frames), ALPHABET)
    assert found.text == text
    assert 0 < found.confidence <= 1


def test_spaces_are_likelier_between_words_than_among_chinese_characters() -> None:
    between = [{"a": 0.9}, {" ": 0.25}, {"x": 0.9}]
    assert best_reading(emissions(*between), ALPHABET).text == "a x"
    assert best_reading(emissions({"中": 0.9}, *between), ALPHABET).text == "中ax"
    assert best_reading(emissions({"a": 0.9}, {" ": 0.1}, {"x": 0.9}), ALPHABET).text == "ax"


def test_an_allowlist_has_the_last_word() -> None:
    frames = [{"a": 0.9}, {"a": 0.9}, {"×": 0.6, "x": 0.3}]
    assert best_reading(emissions(*frames), ALPHABET, allowlist=Allowlist("a×")).text == "aa×"


@pytest.mark.parametrize(("forced", "text"), [(False, "83"), (True, "8８3")])
def test_what_is_not_allowed_is_left_out_unless_something_allowed_is_likely(forced: bool, text: str) -> None:
    frames = [{"日": 0.7, "8": 0.2}, {"x": 0.98, "８": 0.015}, {"3": 0.9}]
    assert best_reading(emissions(*frames), ALPHABET, allowlist=Allowlist("8８3", forced)).text == text


def test_what_is_strange_in_a_line_of_ascii() -> None:
    assert all(map(is_strange, "×＝く日δⅩΑ−θ８ｱ"))
    assert not any(map(is_strange, "azé ß–—“”’€£"))


@pytest.mark.parametrize(
    ("read", "settled"),
    [
        ("41906～A", "41906~A"),
        ("-88-３33", "-88-333"),
        ("１２３", "１２３"),
        ("合计３元", "合计3元"),
        ("在３号楼２２３室等我", "在3号楼２２３室等我"),
        ("plain", "plain"),
    ],
)
def test_full_width_forms_that_are_none(read: str, settled: str) -> None:
    characters = tuple(Character(char, 0.9, n, n + 1) for n, char in enumerate(read))
    found = settle_widths(Recognition(read, 0.8, characters))
    assert found.text == "".join(c.char for c in found.characters) == settled
    assert found.confidence == 0.8


def test_figures_that_stand_close_are_half_width() -> None:
    places = {"共": 0, "计": 40, "２": 70, "０": 90, "５": 110, "元": 140, "整": 180}
    characters = tuple(Character(char, 0.9, place, place + 20) for char, place in places.items())
    found = settle_widths(Recognition("".join(places), 0.8, characters))
    assert found.text == "".join(places).translate(str.maketrans("２０５", "205"))
