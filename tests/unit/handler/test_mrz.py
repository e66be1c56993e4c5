"""Machine-readable zones; specimens are those of ICAO 9303, parts 4 to 7."""

from __future__ import annotations

import math
import random

import pytest
import torch

from handler.decode import best_path
from handler.emissions import Emissions
from handler.mrz import ALPHABET, LIKE_FIGURES, check_digit, fitted, read_zone, zones
from training.text import mrz

TD3 = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]
TD2 = ["I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"]
TD1 = ["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"]
MRV_A = ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"]
MRV_B = ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"]
SPECIMENS = {"TD3": TD3, "TD2": TD2, "TD1": TD1, "MRV-A": MRV_A, "MRV-B": MRV_B}
READ = ALPHABET + " くx中"


def emissions(text: str) -> Emissions:
    """A line that a network reads surely, a blank frame after each character."""
    rows = []
    for char in text:
        row = torch.full((1 + len(READ),), 1e-7)
        row[READ.index(char) + 1] = 0.9
        if char in "O0":
            row[READ.index({"O": "0", "0": "O"}[char]) + 1] = 0.05
        if char == "く":
            row[READ.index("<") + 1] = 0.04
        rows += [row, torch.eye(1 + len(READ))[0] + 1e-7]
    return Emissions.everywhere(torch.stack(rows).log())


def read(text: str) -> str:
    found = emissions(text)
    reading = read_zone(best_path(found, READ), found, READ)
    assert reading.text == "".join(char.char for char in reading.characters)
    assert 0 <= reading.confidence <= 1
    return reading.text


@pytest.mark.parametrize("line", [line for lines in SPECIMENS.values() for line in lines])
def test_a_line_that_is_right_stays(line: str) -> None:
    assert read(line) == line


@pytest.mark.parametrize("seed", range(12))
def test_figures_and_letters_are_told_apart_by_their_places(seed: int) -> None:
    """A look-alike where only the other may stand is put right, however sure it was."""
    rng = random.Random(seed)
    for line in [line for lines in SPECIMENS.values() for line in lines]:
        confused = {**LIKE_FIGURES, "O": "0", "I": "1", "Z": "2", "S": "5", "G": "6", "B": "8"}
        places = [n for n, char in enumerate(line) if char in confused and _only_one_may_stand(line, n)]
        if places:
            place = rng.choice(places)
            wrong = line[:place] + rng.choice(confused[line[place]]) + line[place + 1 :]
            assert read(wrong) == line


def _only_one_may_stand(line: str, place: int) -> bool:
    """Not in a number or an optional field; a line of names has letters alone."""
    if not any(char.isdigit() for char in line):
        return True
    if len(line) == 30:
        return place < 5 if line[0] == "I" else place < 18
    return 9 <= place < 28


def test_names_whose_fillers_were_miscounted_have_letters_alone() -> None:
    assert read("ITO<<G0R0" + "<" * 21) == "ITO<<GORO" + "<" * 21
    assert read("P<UTOIT0<<G0R0" + "<" * 31) == "P<UTOITO<<GORO" + "<" * 31


def test_fillers_that_were_taken_for_something_else() -> None:
    assert read(TD3[0][:-9] + "く" * 9) == TD3[0]


def test_a_number_whose_check_digit_is_wrong_otherwise() -> None:
    assert read("L8989O2C36" + TD3[1][10:]) == TD3[1]
    assert read("L898902C37" + TD3[1][10:]) == "L898902C37" + TD3[1][10:]


def test_what_is_no_zone_stays() -> None:
    for text in [
        "O0I1 < O0",
        "x" * 30 + "<" * 14,
        "0O0O0O0O0O0O0O0O0O0O0O0O0O0O0O0O0O0O",
        "中" * 20 + "<<" + "O0" * 9,
    ]:
        assert read(text) == text


def test_a_line_that_fits_no_layout_stays() -> None:
    line = "7" * 20 + "<" * 24
    assert fitted(line, [dict.fromkeys(ALPHABET, -math.inf) | {char: 0.0} for char in line]) == line


@pytest.mark.parametrize("form", SPECIMENS)
def test_zones_are_reported_with_their_check_digits(form: str) -> None:
    lines = ["PASSPORT", *SPECIMENS[form], "below"]
    (zone,) = zones(lines)
    assert (zone["format"], zone["lines"]) == (form, SPECIMENS[form])
    assert zone["check_digits"]
    assert all(zone["check_digits"].values())


def test_a_wrong_check_digit_is_told() -> None:
    (zone,) = zones([TD3[0], TD3[1].replace("7408122", "7408123")])
    assert {name for name, right in zone["check_digits"].items() if not right} == {"birth", "composite"}


def test_no_zone_without_its_other_line() -> None:
    assert list(zones([TD3[1], TD3[0]])) == list(zones([TD3[0]])) == list(zones([])) == []


def test_check_digits_are_those_of_the_lines_that_are_made() -> None:
    rng = random.Random(5)
    for _ in range(50):
        field = "".join(rng.choices(ALPHABET, k=rng.randint(1, 20)))
        assert check_digit(field) == mrz.check(field)
