"""Documents as users have them, drawn from known text, and how this text is to come out in each shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

SANS, SERIF, MONO = "DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"
PAPER, INK = 250, 20


class Document(NamedTuple):
    """What was typed, in three shapes, and a function that draws it."""

    draw: Callable[[], Image.Image]
    paragraphs: str
    markdown: str
    tsv: str


def _sheet(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("L", (width, height), PAPER)
    return page, ImageDraw.Draw(page)


def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_manager.findfont(name), size)


def ideographs(size: int, family: str = "Sans") -> ImageFont.FreeTypeFont:
    """A font with Chinese and Japanese, where the machine has one: see tests/browser/install."""
    name = f"{family}CJK-Regular"
    found = [Path(path) for path in font_manager.findSystemFonts() if name in path]
    if not found:
        pytest.skip("no font with Chinese is installed: see make browser")
    return ImageFont.truetype(min(found), size, index=2)


def _grid(
    rows: Sequence[Sequence[str]], lefts: Sequence[int], step: int, size: tuple[int, int]
) -> Image.Image:
    """Rows of cells at these left edges."""
    page, pen = _sheet(*size)
    for number, row in enumerate(rows):
        for left, cell in zip(lefts, row, strict=False):
            pen.text((left, 40 + step * number), cell, INK, font(SANS, 26))
    return page


_GOODS = [
    ["Milk 2 kg", "3.80"],
    ["Wholemeal bread", "4.25"],
    ["Green apples 1 kg", "5.60"],
    ["TOTAL", "13.65"],
]
_RECEIPT = [["RIVERSIDE MARKET"], ["12 Station Road, Hillford"], *_GOODS, ["Thank you and come again"]]
RECEIPT = Document(
    lambda: _grid(_RECEIPT, (60, 520), 48, (660, 420)),
    paragraphs="""\
RIVERSIDE MARKET
12 Station Road, Hillford

Milk 2 kg           3.80
Wholemeal bread     4.25
Green apples 1 kg   5.60
TOTAL              13.65

Thank you and come again""",
    markdown="""\
RIVERSIDE MARKET\\
12 Station Road, Hillford

|                   |       |
| ----------------- | ----: |
| Milk 2 kg         |  3.80 |
| Wholemeal bread   |  4.25 |
| Green apples 1 kg |  5.60 |
| TOTAL             | 13.65 |

Thank you and come again""",
    tsv="\n".join("\t".join(row) for row in _RECEIPT),
)

_TITLE, _HEADING = "The Storm of the Year", "After the water"
_FIRST = (
    "The harbour was quiet before the storm came in from the open sea, and every boat was tied up twice "
    "that day while people watched from the wall above the market place.",
    "Nobody had expected so much water in the streets. The bakers carried their flour upstairs, and the "
    "school stayed closed until the wind had turned to the north again.",
)
_SECOND = (
    "It took a week to dry the cellars and another to count what had been lost. Insurance paid for the "
    "boats, which were old, but not for the nets, which were new."
)


def _wrapped(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    rows = [""]
    for word in text.split():
        if rows[-1] and face.getlength(f"{rows[-1]} {word}") > width:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    return rows


def _draw_paper() -> Image.Image:
    page, pen = _sheet(1240, 620)
    pen.text((620, 40), _TITLE, INK, font(SERIF, 44), anchor="ma")
    pen.text((660, 140), _HEADING, INK, font(SERIF, 32))
    for left, top, paragraphs in ((80, 140, _FIRST), (660, 196, (_SECOND,))):
        for paragraph in paragraphs:
            for row in _wrapped(paragraph, font(SERIF, 24), 500):
                pen.text((left, top), row, INK, font(SERIF, 24))
                top += 36
            top += 24
    return page


_PAPER_TEXT = (_TITLE, *_FIRST, _HEADING, _SECOND)
COLUMNS = Document(
    _draw_paper,
    paragraphs="\n\n".join(_PAPER_TEXT),
    markdown="\n\n".join((f"# {_TITLE}", *_FIRST, f"## {_HEADING}", _SECOND)),
    tsv="\n".join(_PAPER_TEXT),
)

_STATIONS = [
    ["Station", "Height", "Opened"],
    ["Hillford", "212 m", "1887"],
    ["Lower Marsh", "8 m", "1902"],
    ["Riverside", "", "1911"],
    ["Kings Wood", "46 m", "1925"],
]
TABLE = Document(
    lambda: _grid(_STATIONS, (60, 380, 640), 60, (900, 360)),
    paragraphs="""\
Station      Height  Opened
Hillford      212 m    1887
Lower Marsh     8 m    1902
Riverside              1911
Kings Wood     46 m    1925""",
    markdown="""\
| Station     | Height | Opened |
| ----------- | -----: | -----: |
| Hillford    |  212 m |   1887 |
| Lower Marsh |    8 m |   1902 |
| Riverside   |        |   1911 |
| Kings Wood  |   46 m |   1925 |""",
    tsv="\n".join("\t".join(row) for row in _STATIONS),
)

_LISTING = """\
def total(items):
    result = 0
    for item in items:
        if item.price:
            result += item.price
    return result"""


def _draw_code() -> Image.Image:
    page, pen = _sheet(620, 320)
    for number, row in enumerate(_LISTING.split("\n")):
        pen.text((60, 40 + 40 * number), row, INK, font(MONO, 24))
    return page


CODE = Document(_draw_code, paragraphs=_LISTING, markdown=f"```\n{_LISTING}\n```", tsv=_LISTING)

_CHINESE_TITLE = "海边的早晨"
_CHINESE = (
    "天还没有亮，码头上已经有人在走动。渔民们把网搬上船，检查发动机和绳子，谁也不说话。",
    "太阳出来以后，海面变成了金色。孩子们跑到岸边，向远处的船挥手，直到它们看不见为止。",
)


def _draw_chinese() -> Image.Image:
    page, pen = _sheet(760, 480)
    top = 130
    pen.text((250, 40), _CHINESE_TITLE, INK, ideographs(44))
    for paragraph in _CHINESE:
        left = 160
        for char in paragraph:
            if left + 30 > 640 and char not in "，。":
                left, top = 100, top + 46
            pen.text((left, top), char, INK, ideographs(30))
            left += 30
        top += 46
    return page


CHINESE = Document(
    _draw_chinese,
    paragraphs="\n\n".join((_CHINESE_TITLE, *_CHINESE)),
    markdown="\n\n".join((f"# {_CHINESE_TITLE}", *_CHINESE)),
    tsv="\n".join((_CHINESE_TITLE, *_CHINESE)),
)

DOCUMENTS: Mapping[str, Document] = {
    "receipt": RECEIPT,
    "columns": COLUMNS,
    "table": TABLE,
    "code": CODE,
    "chinese": CHINESE,
}
SHAPES = ("paragraphs", "markdown", "tsv")

VERTICAL = ("春はあけぼの", "夏は夜", "冬はつとめて")


def draw_vertical() -> Image.Image:
    """Japanese in columns from right to left."""
    page, pen = _sheet(420, 480)
    for column, line in enumerate(VERTICAL):
        for row, char in enumerate(line):
            pen.text((320 - 90 * column, 50 + 56 * row), char, INK, ideographs(44))
    return page
