"""Reading order of boxes, without a model: columns, tables, receipts, vertical lines."""

from __future__ import annotations

import time

import numpy as np
import pytest

from handler.layout import Box
from handler.reading_order import page_skew, reading_order

HEIGHT = 20
LEADING = 30


def box(left: float, top: float, width: float, height: float = HEIGHT) -> Box:
    return Box(left + width / 2, top + height / 2, width, height)


def column(left: float, lines: int, width: float = 300, top: float = 100) -> list[Box]:
    """Lines of running text; the last one is shorter."""
    full = [box(left, top + LEADING * n, width) for n in range(lines - 1)]
    return [*full, box(left, top + LEADING * (lines - 1), width / 3)]


def order(boxes: list[Box], vertical: list[bool] | None = None) -> list[list[int]]:
    """The order, found from boxes that come shuffled, told in their places in the list given."""
    shuffled = np.random.default_rng(0).permutation(len(boxes)).tolist()
    marks = vertical or [False] * len(boxes)
    rows = reading_order([boxes[n] for n in shuffled], [marks[n] for n in shuffled])
    return [[shuffled[place] for place in row] for row in rows]


def rotated(boxes: list[Box], degrees: float) -> list[Box]:
    radians = np.radians(degrees)
    cos, sin = np.cos(radians), np.sin(radians)
    return [Box(b.x * cos - b.y * sin, b.x * sin + b.y * cos, b.width, b.height, degrees) for b in boxes]


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("degrees", [0, 2.5, -4])
def test_columns_of_running_text_come_one_after_the_other(columns: int, degrees: float) -> None:
    boxes = [line for n in range(columns) for line in column(100 + 340 * n, 7)]
    assert order(rotated(boxes, degrees)) == [[n] for n in range(len(boxes))]


def test_a_heading_over_two_columns_comes_first_and_one_between_them_in_its_place() -> None:
    boxes = [
        box(150, 40, 500, 40),
        *column(100, 5), *column(440, 5),
        box(200, 270, 420, 30),
        *column(100, 4, top=320), *column(440, 4, top=320),
        box(390, 480, 60),
    ]  # fmt: skip
    assert order(boxes) == [[n] for n in range(len(boxes))]


@pytest.mark.parametrize("degrees", [0, 2.5, -4])
def test_a_table_is_read_row_by_row(degrees: float) -> None:
    """Its cells are as narrow as what stands in them, also in the row of headings."""
    widths = [[120, 60, 90], [160, 40, 50], [90, 40, 60], [200, 30, 50], [140, 60, 70]]
    boxes = [box(100 + 250 * c, 100 + 40 * r, w) for r, row in enumerate(widths) for c, w in enumerate(row)]
    assert order(rotated(boxes, degrees)) == [[3 * n, 3 * n + 1, 3 * n + 2] for n in range(5)]


def test_items_of_a_receipt_stand_in_one_row_with_their_prices() -> None:
    names = [260, 310, 190, 290, 240, 300]
    boxes = [box(200, 20, 240, 36), box(180, 70, 280)]
    for row, name in enumerate(names):
        boxes += [box(60, 130 + 28 * row, name), box(520, 133 + 28 * row, 70)]
    boxes += [box(60, 310, 90), box(500, 308, 90)]
    pairs = [[2 + 2 * n, 3 + 2 * n] for n in range(7)]
    assert order(boxes) == [[0], [1], *pairs]


def test_lines_that_touch_are_not_of_one_row() -> None:
    """Tight leading: boxes overlap by a third of their height."""
    boxes = [box(100, 100 + 14 * n, 300 - 20 * (n % 3)) for n in range(6)]
    assert order(boxes) == [[n] for n in range(6)]


def test_vertical_lines_are_read_from_right_to_left_below_their_heading() -> None:
    boxes = [box(100, 40, 300, 30), *(box(400 - 40 * n, 100, 28, 300 - 60 * (n == 4)) for n in range(5))]
    assert order(boxes, [False] + [True] * 5) == [[0], [1], [2], [3], [4], [5]]


def test_nothing_has_no_order() -> None:
    assert reading_order([], []) == []
    assert page_skew([]) == 0


def test_a_thousand_lines_are_put_into_order_in_a_moment() -> None:
    places = np.random.default_rng(1).uniform(0, 4000, (1000, 2))
    boxes = [box(x, y, 60 + x % 200) for x, y in places]
    started = time.process_time()
    rows = reading_order(boxes, [False] * len(boxes))
    assert sorted(n for row in rows for n in row) == list(range(1000))
    assert time.process_time() - started < 20


@pytest.mark.parametrize(("step", "rows"), [(110, [[0], [1]]), (400, [[1, 0]])])
def test_vertical_lines_far_apart_are_blocks_of_their_own(step: int, rows: list[list[int]]) -> None:
    """Of a couplet each line has room beside it: a character's width, or two."""
    boxes = [Box(600, 400, 40, 600), Box(600 - step, 400, 40, 600)]
    assert order(boxes, [True, True]) == rows


@pytest.mark.parametrize("angle", [8, -12, 28])
def test_a_stamp_stays_out_of_the_row_that_it_lies_beside(angle: float) -> None:
    boxes = [box(100, 100, 160), box(700, 100, 80), box(100, 140, 200), Box(500, 108, 140, 28, angle)]
    rows = order(boxes)
    assert [0, 1] in rows
    assert [3] in rows
