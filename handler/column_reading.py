"""Vertical lines: told from rows that run upwards or downwards, and read again with what may be a mark that
lies turned by a quarter turned back."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from math import prod
from statistics import fmean

from handler.crop import Column, Crop, laid
from handler.decode import Character, Recognition
from handler.scripts import is_ideograph
from handler.vertical_marks import is_kana, with_marks

SAME_SHARE = 0.5
"""How much of two readings is the same at least, for them to be of the same characters."""


def are_columns(
    right: Sequence[Recognition], left: Sequence[Recognition], down: Sequence[Recognition]
) -> bool | None:
    """Whether lines are set vertically, from their readings turned to the right, to the left and laid down.

    Networks read Chinese and Japanese characters that lie on their left side nearly as well as upright ones,
    but for marks. So columns say the same turned to the left and laid down, and rows that run upwards say it
    backwards laid down. None where neither is so, as in other scripts: then the confidence has to tell.
    """
    same = fmean(_likeness(a.text, b.text) for a, b in zip(left, down, strict=True))
    backwards = fmean(_likeness(a.text, b.text[::-1]) for a, b in zip(right, down, strict=True))
    return same > backwards if max(same, backwards) >= SAME_SHARE else None


def _likeness(one: str, other: str) -> float:
    first, second = ([char for char in text if is_kana(char) or is_ideograph(char)] for text in (one, other))
    return SequenceMatcher(None, first, second, autojunk=False).ratio() if first and second else 0.0


def with_turned_marks(
    crops: list[Crop], upright: list[Recognition]
) -> Generator[list[Crop], list[Recognition], list[Recognition]]:
    """Readings of `crops`, of which the vertical ones are read again: yields them with what may be turned
    turned back, and is sent their readings. Those that have such marks are laid down anew in `crops`."""
    readings = list(upright)
    columns = {n: crop.column for n, crop in enumerate(crops) if crop.column}
    tried = {n: column.marks() for n, column in columns.items()}
    ways = {n: laid(columns[n], places) for n, places in tried.items() if places}
    turned = dict(zip(ways, (yield list(ways.values())), strict=True))
    for n, column in columns.items():
        crop, reading = crops[n], readings[n]
        by_place = (_by_place(column, crop, read) for read in (reading, turned.get(n, reading)))
        found = with_marks(tried[n], *by_place)
        if marks := [place for place, (_, is_turned) in found.items() if is_turned]:
            crops[n] = laid(column, marks)
        readings[n] = _of_characters(reading, tuple(c for place in sorted(found) for c in found[place][0]))
    return readings


def _by_place(column: Column, crop: Crop, reading: Recognition) -> dict[int, list[Character]]:
    """The characters that were read in each place of a column that was laid down as `crop`."""
    places: dict[int, list[Character]] = {}
    for char in reading.characters:
        places.setdefault(column.place(crop, char.middle), []).append(char)
    return places


def _of_characters(reading: Recognition, characters: tuple[Character, ...]) -> Recognition:
    """The reading with these characters; if they differ, with the probability that each of them is right."""
    text = "".join(char.char for char in characters)
    if text == reading.text:
        return reading
    return replace(
        reading, text=text, characters=characters, confidence=prod(char.confidence for char in characters)
    )
