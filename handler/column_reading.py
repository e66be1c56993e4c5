"""Vertical lines read again with what may be a mark that lies turned by a quarter turned back."""

from collections.abc import Generator
from dataclasses import replace
from math import prod

from handler.crop import Column, Crop, laid
from handler.decode import Character, Recognition
from handler.vertical_marks import with_marks


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
