"""The text of lines, as `text_format` asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from frontend.recognition.listings import as_code
from frontend.recognition.text_formats import as_lines
from tests.unit.frontend.fake_torchserve import line


def typed(*rows: str, left: float = 60, width: float = 10) -> list[dict[str, Any]]:
    """The lines of a listing, as they are read: each begins at its first character, and has single spaces."""
    return [_typed(row, number, left, width) for number, row in enumerate(rows)]


def _typed(row: str, number: int, left: float, width: float) -> dict[str, Any]:
    found, column = [], 0
    for char in row:
        cells = 2 if ord(char) > 0x2E80 else 1
        box = [[left + width * column, 20.0 * number], [left + width * (column + cells), 20.0 * number + 15]]
        if char != " " or (found and found[-1]["char"] != " "):
            found.append({"char": char, "confidence": 0.9, "bbox": box})
        column += cells
    text = "".join(char["char"] for char in found)
    return {**line(text), "row": number, "bbox": [found[0]["bbox"][0], found[-1]["bbox"][1]], "chars": found}


LISTINGS = [
    ["def f(x):", "    if x:", "        return 1", "    return 2"],
    ["name    amount   price", "tea          2    3.50", "coffee      12   14.00"],
    ["    indented throughout", "        more", "    and back"],
    ["for k in 名前:", "    print(k)    # 印刷", "  x = 1"],
]


@pytest.mark.parametrize("width", [7.3, 10, 24])
@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing[0].strip())
def test_code_keeps_indentation_and_gaps(listing: list[str], width: float) -> None:
    least = min(len(row) - len(row.lstrip()) for row in listing)
    assert as_code(typed(*listing, width=width)) == "\n".join(row[least:] for row in listing)


def test_parts_of_a_row_are_as_far_apart_as_they_stand() -> None:
    lines = [line("x = 1", 10, row=0), line("# one", 110, row=0), line("yy", 50, 50, row=1)]
    assert as_code(lines) == "x = 1     # one\n    yy"
    assert as_lines(lines) == "x = 1 # one\nyy"


def test_edges_that_differ_by_less_than_half_a_character_are_the_same() -> None:
    lefts = [10, 45.2, 44.6, 12, 46]
    lines = [line("begin", left, 30 * n, row=n) for n, left in enumerate(lefts)]
    assert as_code(lines).count("\n    begin") + as_code(lines).count("\n   begin") == 3
    assert len({row for row in as_code(lines).splitlines() if row.startswith(" ")}) == 1


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_a_listing_that_lies_on_its_side(angle: int) -> None:
    """Positions are those of the image as sent; lines say how far it was turned to be read."""
    turned = {
        0: lambda x, y: (x, y), 90: lambda x, y: (y, 900 - x),
        180: lambda x, y: (900 - x, 900 - y), 270: lambda x, y: (900 - y, x),
    }[angle]  # fmt: skip
    lines = typed("if a:", "    b = 1")
    for read in lines:
        read["angle"] = angle
        for part in [read, *read["chars"]]:
            corners = [turned(*corner) for corner in part["bbox"]]
            part["bbox"] = [list(map(min, *corners)), list(map(max, *corners))]
    assert as_code(lines) == "if a:\n    b = 1"


def test_without_characters_their_places_are_taken_from_the_line() -> None:
    lines = [{**line("def f():", row=0), "chars": []}, {**line("return 1", 50, 50, row=1), "chars": []}]
    assert as_code(lines) == "def f():\n    return 1"


def test_of_nothing() -> None:
    assert (as_code([]), as_lines([])) == ("", "")
