from handler.layout import Box
from handler.line_boxes import take_in_small


def test_small_cents_and_a_sign_of_money_belong_to_the_figures_beside_them() -> None:
    sign, whole, cents = Box(40, 90, 24, 26), Box(125, 77, 148, 74), Box(224, 90, 42, 33)
    (price,) = take_in_small([sign, whole, cents])
    assert price.bounds() == (28, 40, 245, 114)


def test_columns_and_lines_of_other_sizes_stay_apart() -> None:
    columns = [Box(268, 257, 34, 430), Box(188, 256, 34, 430), Box(108, 102, 37, 126)]
    assert take_in_small(columns) == columns
    label = [Box(80, 67, 114, 64), Box(287, 76, 216, 26)]
    assert take_in_small(label) == label
