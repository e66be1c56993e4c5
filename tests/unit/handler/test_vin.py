"""Vehicle identification numbers have no I, O and Q."""

from __future__ import annotations

import string

import pytest
import torch

from handler.decode import best_path
from handler.emissions import Emissions
from handler.vin import has_right_check_digit, settle_vins

READ = string.ascii_uppercase + string.digits + string.ascii_lowercase + " :"


def settled(text: str, doubt: float) -> str:
    """A line that is read so, where 0 and 1 have this part of the probability of O and Q, and I."""
    rows = []
    for char in text:
        row = torch.full((1 + len(READ),), 1e-9)
        row[READ.index(char) + 1] = 0.9
        if char in "IOQ":
            row[READ.index("1" if char == "I" else "0") + 1] = 0.9 * doubt
        rows += [row, torch.eye(1 + len(READ))[0] + 1e-9]
    found = Emissions.everywhere(torch.stack(rows).log())
    reading = settle_vins(best_path(found, READ), found, READ)
    assert reading.text == "".join(char.char for char in reading.characters)
    return reading.text


@pytest.mark.parametrize("number", ["1HGBH41JXMN109186", "11111111111111111", "1M8GDM9AXKP042788"])
def test_check_digits(number: str) -> None:
    assert has_right_check_digit(number)
    assert not has_right_check_digit(number[:-1] + ("7" if number[-1] != "7" else "5"))


@pytest.mark.parametrize("doubt", [1e-6, 0.1])
@pytest.mark.parametrize("read", ["1HGBH41JXMN1O9186", "IHGBH41JXMNIQ9I86", "VIN: 1HGBH41JXMN1O9186 ok"])
def test_with_a_right_check_digit_figures_stand_however_sure_the_letters_were(
    read: str, doubt: float
) -> None:
    expected = "VIN: 1HGBH41JXMN109186 ok" if read.startswith("VIN") else "1HGBH41JXMN109186"
    assert settled(read, doubt) == expected


def test_without_one_it_takes_figures_that_are_about_as_probable() -> None:
    assert settled("WVWZZZ1JZ3W38O752", 0.1) == "WVWZZZ1JZ3W380752"
    assert settled("WVWZZZ1JZ3W38O752", 1e-4) == "WVWZZZ1JZ3W38O752"


@pytest.mark.parametrize(
    "text",
    [
        "1HGBH41JXMN1O918",
        "1HGBH41JXMN1O91867",
        "POLICIESOFQUALITY",
        "IHGBH41JXMN1O9186x",
        "12345678901234O67",
    ],
)
def test_what_is_no_vehicle_number_stays(text: str) -> None:
    assert settled(text, 0.5) == text
