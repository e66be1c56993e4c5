import numpy as np

from handler.decode import Character
from handler.layout import Box
from handler.vertical_marks import cells_in_row, may_be_turned, reach_ends, with_marks

CUTS = [0, 40, 80, 120]


def column() -> np.ndarray:
    """40 pixels wide: a square, a bar that stands, a comma at the top right."""
    image = np.full((120, 40), 255, np.uint8)
    image[4:36, 4:36] = 0
    image[44:76, 18:22] = 0
    image[84:92, 28:36] = 0
    return image


def char(text: str, confidence: float = 0.9) -> list[Character]:
    return [Character(text, confidence, 0.0, 1.0)]


def test_what_is_slim_or_flat_may_lie_turned_and_a_comma_does_not() -> None:
    assert may_be_turned(column(), CUTS) == [1]


def test_a_mark_is_turned_back_and_knows_where_it_stood() -> None:
    cell = cells_in_row(column(), CUTS, [1])[1]
    rows, columns = np.nonzero(cell.image == 0)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (4, 32)
    corners = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]], float)
    assert cell.to_column(corners).tolist() == [[22, 4], [18, 36]]


def test_a_comma_stands_at_the_left_below() -> None:
    cell = cells_in_row(column(), CUTS)[2]
    rows, columns = np.nonzero(cell.image == 0)
    assert columns.max() < 20 < rows.min()
    assert cell.to_column(np.array([[columns.min(), rows.min()]], float)).tolist() == [[28, 4]]


def test_a_dash_that_stands_lengthens_a_vowel_and_one_that_lies_is_the_number_one() -> None:
    upright = {0: char("コ"), 1: char("|"), 2: char("ー")}
    found = with_marks([1], upright, {0: char("コ"), 1: char("一"), 2: char("|")})
    assert "".join(c.char for cell, _ in found.values() for c in cell) == "コー一"
    assert [turned for _, turned in found.values()] == [False, True, False]


def test_a_bracket_is_one_unless_a_kana_is_surer() -> None:
    turned = {0: char("「", 0.8)}
    assert with_marks([0], {0: char("¬", 0.95)}, turned)[0][1]
    assert not with_marks([0], {0: char("へ", 0.95)}, turned)[0][1]


def test_a_column_reaches_over_the_mark_below_it() -> None:
    page = np.full((200, 100), 255, np.uint8)
    page[20:120, 40:60] = 0
    page[130:136, 52:58] = 0
    box, mark = Box(50, 70, 30, 110), Box(55, 133, 10, 10)
    (reached,) = reach_ends(page, [box, mark])
    assert reached.bounds()[1] == box.bounds()[1]
    assert 140 < reached.bounds()[3] < 160
    assert reach_ends(page, [Box(50, 70, 30, 130)]) == [Box(50, 70, 30, 130)]
