"""Vehicle identification numbers (ISO 3779): 17 letters and figures, none of them I, O or Q."""

import math
import re
import string

from handler.decode import Recognition
from handler.emissions import Emissions
from handler.mrz import scores_of, with_text

NUMBER = re.compile(r"(?<![A-Za-z0-9])[A-Z0-9]{17}(?![A-Za-z0-9])")
MIXED = 3
"""Letters, and figures, that a number has at least."""
FIGURES = {"I": "1", "O": "0", "Q": "0"}
POSSIBLE = math.log(100)
"""How much less probable a figure may be, in logs, than the letter that was read."""
_CHECK_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
_CHECK_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def settle_vins(reading: Recognition, emissions: Emissions, alphabet: str) -> Recognition:
    """The reading, extents in frames, with figures in its vehicle numbers where letters cannot stand.

    Other numbers may be as long: the check digit must be right then, or each figure about as probable.
    """
    text = reading.text
    for found in NUMBER.finditer(text):
        number = found.group()
        letters = sum(char in string.ascii_uppercase for char in number)
        if not (set(number) & set(FIGURES) and MIXED <= letters <= len(number) - MIXED):
            continue
        figures = "".join(FIGURES.get(char, char) for char in number)
        if has_right_check_digit(figures) or _may_be_figures(reading, found.span(), emissions, alphabet):
            text = text[: found.start()] + figures + text[found.end() :]
    return reading if text == reading.text else with_text(reading, text)


def _may_be_figures(reading: Recognition, span: tuple[int, int], emissions: Emissions, alphabet: str) -> bool:
    for char in reading.characters[slice(*span)]:
        if char.char in FIGURES:
            scores = scores_of(char, emissions, alphabet)
            if scores[char.char] - scores[FIGURES[char.char]] >= POSSIBLE:
                return False
    return True


def has_right_check_digit(number: str) -> bool:
    """Whether the ninth place of a number without I, O and Q is the rest of the weighted sum modulo 11."""
    values = [_CHECK_VALUES.get(char) or int(char) for char in number]
    rest = sum(value * weight for value, weight in zip(values, _CHECK_WEIGHTS, strict=True)) % 11
    return number[8] == "0123456789X"[rest]
