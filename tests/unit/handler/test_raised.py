import numpy as np
import pytest

from handler.decode import Character, Recognition
from handler.image import Grey
from handler.raised import settle_raised


def read(text: str, bounds: list[tuple[int, int]]) -> tuple[Recognition, Grey]:
    """A line whose characters, 20 pixels wide, have ink between these rows; the base line is at row 44."""
    line, characters = np.full((48, 24 * len(text)), 255, np.uint8), []
    for place, (char, (top, bottom)) in enumerate(zip(text, bounds, strict=True)):
        start = 24 * place
        line[top:bottom, start + 2 : start + 20] = 0
        characters.append(Character(char, 0.9, start, start + 24))
    return Recognition(text, 0.9, tuple(characters)), line


FULL, HIGH, SIGN = (12, 44), (6, 24), (14, 17)


@pytest.mark.parametrize(
    ("text", "bounds", "shown"),
    [
        ("mcm2", [FULL, FULL, FULL, HIGH], "mcm²"),
        ("10-3", [FULL, FULL, SIGN, HIGH], "10⁻³"),
        ("mcm²", [FULL, FULL, FULL, FULL], "mcm2"),
        ("mcm2", [FULL, FULL, FULL, FULL], "mcm2"),
        ("9.82", [FULL, (40, 44), FULL, HIGH], "9.82"),
        ("y=x¹5", [(18, 46), (21, 32), (18, 38), (2, 18), (2, 18)], "y=x¹⁵"),  # its base line is not found
        ("y=x¹5", [(18, 46), (21, 32), (18, 38), (2, 18), (8, 38)], "y=x¹5"),
        ("A887", [FULL, FULL, HIGH, FULL], "A887"),
    ],
)
def test_what_is_small_and_high_is_raised_behind_a_letter_or_whole_number(
    text: str, bounds: list[tuple[int, int]], shown: str
) -> None:
    assert settle_raised(*read(text, bounds)).text == shown
