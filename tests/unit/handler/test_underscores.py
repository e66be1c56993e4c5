import numpy as np
import pytest

from handler.decode import Character, Recognition
from handler.image import Grey
from handler.layout import Box
from handler.underscores import settle_underscores, with_underscores

LETTERS = [(10, 25), (30, 45), (90, 105), (110, 125)]
"""Columns of letters, with room for two underscores between."""


def line(strokes: list[tuple[int, int]], top: int = 42) -> Grey:
    """Letters on a base line at row 40, and strokes from and to these columns."""
    page = np.full((56, 240), 255, np.uint8)
    for left, right in LETTERS:
        page[15:40, left:right] = 0
    for left, right in strokes:
        page[top : top + 3, left:right] = 0
    return page


def reading(*chars: tuple[str, int, int]) -> Recognition:
    characters = tuple(Character(char, 0.9, start, end) for char, start, end in chars)
    return Recognition("".join(char for char, *_ in chars), 0.9, characters)


READ = reading(("a", 10, 25), ("b", 30, 45), ("-", 50, 85), ("c", 90, 105), ("d", 110, 125))


@pytest.mark.parametrize(
    ("strokes", "text"), [([(48, 67), (69, 88)], "ab__cd"), ([(48, 88)], "ab__cd"), ([(56, 80)], "ab _ cd")]
)
def test_strokes_on_the_base_line_are_underscores(strokes: list[tuple[int, int]], text: str) -> None:
    assert settle_underscores(READ, line(strokes), 1.0).text == text


def test_their_extents_go_from_left_to_right() -> None:
    characters = settle_underscores(READ, line([(48, 88)]), 1.0).characters
    edges = [edge for char in characters for edge in (char.start, char.end)]
    assert edges == sorted(edges)


@pytest.mark.parametrize("top", [27, 0])
def test_a_dash_is_none(top: int) -> None:
    assert settle_underscores(READ, line([(56, 80)], top), 1.0) is READ


def test_a_rule_below_letters_is_none() -> None:
    assert settle_underscores(READ, line([(10, 46), (50, 86), (89, 126)]), 1.0) is READ


def test_a_box_reaches_over_underscores_at_its_end() -> None:
    (box,) = with_underscores([Box(67, 28, 122, 34)], line([(130, 150), (152, 172)]))
    assert 172 <= box.bounds()[2] <= 190
    assert box.bounds()[0] == 6
