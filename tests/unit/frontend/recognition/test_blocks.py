"""Blocks of a page, and its text in the shapes that `text_format` names, from lines as they are read."""

from __future__ import annotations

from typing import Any

import pytest

from frontend.recognition.blocks import Block, find_blocks
from frontend.recognition.text_formats import TEXT_FORMATS
from tests.unit.frontend.fake_torchserve import line

LETTER, PITCH = 10, 26
"""Pixels: the width of a character in line(), and from one row to the next."""


def page(
    *rows: str | tuple[tuple[float, str], ...], left: float = 40, top: float = 40
) -> list[dict[str, Any]]:
    """Lines below each other; a row may be parts, each with its left edge, and an empty one is a gap."""
    lines = []
    for number, row in enumerate(rows):
        indented = len(row) - len(row.lstrip()) if isinstance(row, str) else 0
        parts = ((left + LETTER * indented, row.strip()),) if isinstance(row, str) else row
        lines += [line(text, x, top + PITCH * number, row=number) for x, text in parts if text]
    return lines


def shaped(text_format: Any, lines: list[dict[str, Any]]) -> str:
    return TEXT_FORMATS[text_format](lines, "text")


def sized(lines: list[dict[str, Any]], factor: float) -> list[dict[str, Any]]:
    """Lines in a larger font, at the same place."""
    for read in lines:
        (left, top), (right, bottom) = read["bbox"]
        right, bottom = left + factor * (right - left), top + factor * (bottom - top)
        read["bbox"] = [[left, top], [right, bottom]]
        read["polygon"] = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return lines


def kinds(blocks: list[Block]) -> list[str]:
    return [block["type"] for block in blocks]


PROSE = (
    "The harbour was quiet before the",
    "storm came in from the open sea,",
    "and every boat was tied up twice.",
)


def test_wrapped_lines_are_one_paragraph() -> None:
    assert shaped("paragraphs", page(*PROSE)) == " ".join(PROSE)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (("a measure-", "ment of it"), "a measurement of it"),
        (("well-known, and a well-", "known one"), "well-known, and a well-known one"),
        (("of Saint-", "Denis then"), "of Saint-Denis then"),
        (("from 1914-", "1918 there"), "from 1914-1918 there"),
    ],
)
def test_hyphens_that_divide_a_word_are_taken_out(rows: tuple[str, ...], text: str) -> None:
    assert shaped("paragraphs", page(*(f"{row:>12}".strip() for row in rows))) == text


def test_a_divided_word_goes_on_in_the_next_row_however_short_its_row_is() -> None:
    rows = ("A committee that was inter-", "national met in the afternoon, and was there until")
    assert (
        shaped("paragraphs", page(*rows))
        == "A committee that was international met in the afternoon, and was there until"
    )


def test_ideographs_are_joined_without_spaces() -> None:
    lines = [
        sized([line(text, 40, 40 + 40 * n, row=n)], 2)[0]
        for n, text in enumerate(["天还没有亮，码头上", "已经有人在走动。"])
    ]
    assert shaped("paragraphs", lines) == "天还没有亮，码头上已经有人在走动。"


def test_a_gap_an_indent_and_a_short_row_end_a_paragraph() -> None:
    second = ("It took a week to dry the cellars", "and another to count.")
    text = f"{' '.join(PROSE)}\n\n{' '.join(second)}"
    assert shaped("paragraphs", page(*PROSE, "", *second)) == text
    indented = page(*PROSE, f"  {second[0]}", *second[1:])
    assert shaped("paragraphs", indented) == text
    assert (
        shaped("paragraphs", page(*PROSE[:2], "and sank.", *second))
        == f"{' '.join(PROSE[:2])} and sank.\n\n{' '.join(second)}"
    )


def test_breaks_that_were_meant_are_kept() -> None:
    address = page("Riverside Market", "12 Station Road", "Hillford HF1 2AB", "", PROSE[0], PROSE[1])
    assert shaped("paragraphs", address).startswith(
        "Riverside Market\n12 Station Road\nHillford HF1 2AB\n\nThe"
    )
    assert shaped("markdown", address).startswith("Riverside Market\\\n12 Station Road\\\nHillford")


def test_columns_are_not_mixed_and_a_paragraph_goes_on_in_the_next() -> None:
    left = page("The harbour was quiet", "before the storm came", "in from the open sea")
    right = page("and every boat was", "tied up twice that day", "while people watched.", left=400)
    for n, read in enumerate(right):
        read["row"] = 3 + n
    assert shaped("paragraphs", left + right) == (
        "The harbour was quiet before the storm came in from the open sea and every boat was tied up twice "
        "that day while people watched."
    )


TABLE = (
    ((40, "Station"), (260, "Height"), (420, "Opened")),
    ((40, "Hillford"), (270, "212 m"), (440, "1887")),
    ((40, "Lower Marsh"), (290, "8 m"), (440, "1902")),
    ((40, "Riverside"), (440, "1911")),
)  # fmt: skip


def test_a_table() -> None:
    lines = page("Stations of the line", "", *TABLE, "", "All heights above the sea")
    table = find_blocks(lines)[1]
    assert kinds(find_blocks(lines)) == ["paragraph", "table", "paragraph"]
    assert table["header"] is True
    assert table["rows"] == [
        ["Station", "Height", "Opened"],
        ["Hillford", "212 m", "1887"],
        ["Lower Marsh", "8 m", "1902"],
        ["Riverside", "", "1911"],
    ]
    assert [lines[number]["text"] for number in table["lines"]][:4] == [
        "Station",
        "Height",
        "Opened",
        "Hillford",
    ]
    assert table["bbox"] == [[40, 92], [480, 190]]


def test_a_table_as_text() -> None:
    lines = page(*TABLE[1:])
    assert shaped("paragraphs", lines).splitlines() == [
        "Hillford     212 m  1887",
        "Lower Marsh    8 m  1902",
        "Riverside           1911",
    ]
    assert shaped("markdown", page(*TABLE)).splitlines() == [
        "| Station     | Height | Opened |",
        "| ----------- | -----: | -----: |",
        "| Hillford    |  212 m |   1887 |",
        "| Lower Marsh |    8 m |   1902 |",
        "| Riverside   |        |   1911 |",
    ]
    assert shaped("tsv", lines).splitlines()[2] == "Riverside\t\t1911"


def test_a_receipt_is_a_table_without_a_header() -> None:
    lines = page("RIVERSIDE MARKET", ((40, "Milk 2 kg"), (300, "3.80")), ((40, "TOTAL"), (290, "13.65")))
    assert shaped("markdown", lines).splitlines()[2:] == [
        "|           |       |",
        "| --------- | ----: |",
        "| Milk 2 kg |  3.80 |",
        "| TOTAL     | 13.65 |",
    ]


def test_formulas_are_text_in_csv() -> None:
    lines = page(((40, "=SUM(A1)"), (300, "-3.80")), ((40, 'say "no", x'), (300, "4.25")))
    assert shaped("csv", lines) == '\'=SUM(A1),\'-3.80\r\n"say ""no"", x",4.25\r\n'


def test_headings_by_their_size() -> None:
    lines = page("The Storm", "", "", PROSE[0], PROSE[1], "", "Afterwards", "", *PROSE)
    sized(lines[:1], 2)
    sized(lines[3:4], 1.4)
    assert kinds(find_blocks(lines)) == ["heading", "paragraph", "heading", "paragraph"]
    assert [row for row in shaped("markdown", lines).splitlines() if row.startswith("#")] == [
        "# The Storm",
        "## Afterwards",
    ]


def test_lists_are_kept() -> None:
    lines = page(
        "Before you leave the house:", "• close all windows and the", "  door of the cellar", "• feed the cat"
    )
    assert shaped("paragraphs", lines).splitlines()[2:] == [
        "• close all windows and the door of the cellar",
        "• feed the cat",
    ]
    assert shaped("markdown", lines).splitlines()[2:] == [
        "- close all windows and the door of the cellar",
        "- feed the cat",
    ]


@pytest.mark.parametrize(
    ("rows", "found", "first"),
    [
        (("1. Walk there", "2. Come back"), "list", "1. Walk there"),
        (("(3) Walk there", "(4) Come back"), "list", "3. Walk there"),
        (("a) Walk there", "b) Come back"), "list", "- a) Walk there"),
        (("一、带上雨伞", "二、早点回家"), "list", "- 一、带上雨伞"),
        (("1. Walk there", "7. Come back"), "paragraph", "1\\. Walk there\\"),
        (("3.80 for milk", "4.25 for bread"), "paragraph", "3.80 for milk\\"),
        (("- 5 degrees", "and colder at night"), "paragraph", "\\- 5 degrees\\"),
    ],
)  # fmt: skip
def test_what_is_a_list(rows: tuple[str, ...], found: str, first: str) -> None:
    lines = page(*rows, "", PROSE[0])
    assert find_blocks(lines)[0]["type"] == found
    assert shaped("markdown", lines).splitlines()[0] == first


def test_code_keeps_its_indentation() -> None:
    rows = ("def total(items):", "    result = 0", "    for item in items:", "        result += item.price")
    assert shaped("paragraphs", page(*rows)) == "\n".join(rows)
    assert shaped("markdown", page(*rows)) == "\n".join(["```", *rows, "```"])


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_may_be_turned(degrees: int) -> None:
    turn = {
        0: lambda x, y: [x, y], 90: lambda x, y: [900 - y, x],
        180: lambda x, y: [900 - x, 900 - y], 270: lambda x, y: [y, 900 - x],
    }[degrees]  # fmt: skip
    lines = page(*PROSE, "", *TABLE)
    for read in lines:
        read["polygon"] = [turn(x, y) for x, y in read["polygon"]]
        read["bbox"] = [list(map(min, *read["polygon"])), list(map(max, *read["polygon"]))]
        del read["chars"]
    assert shaped("markdown", lines) == shaped("markdown", page(*PROSE, "", *TABLE))


def test_what_markdown_would_take_for_signs_of_its_own_is_escaped() -> None:
    assert shaped("markdown", page("# not *a* heading & snake_case <b>", "", PROSE[0])).splitlines()[0] == (
        "\\# not \\*a\\* heading & snake_case \\<b>"
    )


def test_a_large_page_is_quick_enough_and_every_line_is_in_one_block() -> None:
    lines = [line(f"word {n} and more", 40 + 300 * c, PITCH * n, row=n) for n in range(300) for c in range(5)]
    blocks = find_blocks(lines)
    assert sorted(number for block in blocks for number in block["lines"]) == list(range(1500))


@pytest.mark.parametrize("text_format", TEXT_FORMATS)
def test_of_nothing(text_format: str) -> None:
    assert shaped(text_format, []) == ""
    assert find_blocks([]) == []
