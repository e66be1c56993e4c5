"""Boxes of vertical lines, on drawn ones: blocks of ink one above the other."""

from __future__ import annotations

import numpy as np
import pytest

from handler.column_reading import are_columns
from handler.columns import columns_apart, narrowed
from handler.decode import Recognition
from handler.image import Pixels
from handler.layout import Box

ALL = Box(150, 250, 300, 500)


def page(*columns: tuple[int, int, int]) -> Pixels:
    """(500, 300): columns from `left`, 40 pixels wide, of blocks from `top` to `bottom`."""
    image = np.full((500, 300), 255, np.uint8)
    for left, top, bottom in columns:
        for row in range(top, bottom, 50):
            image[row : row + 40, left : left + 40] = 0
    return image


def bounds(boxes: list[Box]) -> list[tuple[int, ...]]:
    return sorted(tuple(round(side) for side in box.bounds()) for box in boxes)


def test_columns_in_one_box_are_parted_and_as_high_as_their_ink() -> None:
    found = columns_apart(page((60, 50, 440), (140, 50, 190)), [ALL])
    assert bounds(found) == [(58, 48, 102, 442), (138, 48, 182, 192)]


def test_a_column_is_as_wide_as_its_ink() -> None:
    image = page((100, 50, 440))
    box = Box(120, 245, 90, 400)
    assert bounds([narrowed(image, box)]) == bounds(columns_apart(image, [box])) == [(98, 45, 142, 445)]


def test_what_is_slim_beside_a_column_is_a_part_of_it() -> None:
    image = page((100, 50, 440))
    image[60:300, 160:170] = 0  # such as small kana that tell how it is said
    assert bounds(columns_apart(image, [ALL])) == [(96, 0, 174, 500)]


@pytest.mark.parametrize(("gap", "count"), [(-30, 1), (8, 1), (60, 2)])
def test_parts_of_a_column_are_put_together(gap: int, count: int) -> None:
    upper, lower = Box(120, 150, 44, 200), Box(120, 250 + gap + 20, 40, 40, 2.1)
    assert len(columns_apart(np.full((500, 300), 255, np.uint8), [lower, upper])) == count


def test_a_heading_above_a_column_stays_apart() -> None:
    boxes = [Box(120, 40, 120, 40), Box(120, 270, 44, 400)]
    assert len(columns_apart(np.full((500, 300), 255, np.uint8), boxes)) == 2


def test_level_lines_stay_as_they_are() -> None:
    boxes = [Box(150, 100, 200, 30), Box(150, 140, 200, 30)]
    assert columns_apart(page((100, 50, 440)), boxes) == boxes


def readings(*texts: str) -> list[Recognition]:
    return [Recognition(text, 0.5, ()) for text in texts]


@pytest.mark.parametrize(
    ("right", "left", "down", "verdict"),
    [
        ("。捌スり7り", "雪がしんしんと降る", "雪がしんしんと降る。", True),
        ("東京、大阪、", "", "阪大京東", False),
        ("雪が降る", "04ス", "む7ん", None),
        ("HOTEL", "10", "HOTEL", None),  # other letters than these are not read lying on their side
    ],
)
def test_columns_say_the_same_turned_to_the_left_and_laid_down(
    right: str, left: str, down: str, verdict: bool | None
) -> None:
    assert are_columns(readings(right), readings(left), readings(down)) is verdict
