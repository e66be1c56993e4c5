import numpy as np
import pytest

from handler.layout import Box
from handler.line_boxes import keep_apart, take_in_raised, take_in_small


def test_small_cents_and_a_sign_of_money_belong_to_the_figures_beside_them() -> None:
    sign, whole, cents = Box(40, 90, 24, 26), Box(125, 77, 148, 74), Box(224, 90, 42, 33)
    (price,) = take_in_small([sign, whole, cents])
    assert price.bounds() == (28, 40, 245, 114)


def test_columns_and_lines_of_other_sizes_stay_apart() -> None:
    columns = [Box(268, 257, 34, 430), Box(188, 256, 34, 430), Box(108, 102, 37, 126)]
    assert take_in_small(columns) == columns
    label = [Box(80, 67, 114, 64), Box(287, 76, 216, 26)]
    assert take_in_small(label) == label


@pytest.mark.parametrize(("gap", "is_cut"), [(30, True), (3, False)])
def test_a_box_that_reaches_into_the_line_below_is_cut_between_them(gap: int, is_cut: bool) -> None:
    page = np.full((300, 300), 255, np.uint8)
    page[40:100, 50:250:7] = page[100 + gap : 160 + gap, 50:250:7] = 0
    upper, lower = Box(150, 75, 220, 130), Box(150, 130 + gap, 220, 80)
    top, below = keep_apart(page, [upper, lower])
    assert (top.bounds()[3] < 100 + gap and top.bounds()[1] == 10) == is_cut
    assert below == lower or not is_cut


def test_a_number_beside_a_turned_label_is_no_exponent_of_it() -> None:
    label, number = Box(41, 274, 32, 188), Box(133, 171, 66, 38)
    assert set(take_in_raised([label, number])) == {label, number}
