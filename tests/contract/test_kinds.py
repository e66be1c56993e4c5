"""Kinds of images that text recognition is known to fail at: ten variations of each, drawn here, read whole.

A variation is right if at most 2 % of its characters are wrong; of each kind so many must be.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

from handler.layout import Detector
from handler.networks import Networks
from tests.documents import ideographs
from tests.plain import recognize_requests
from training.evaluation.metrics import edit_distance

ARCHIVE = Path(__file__).parents[2] / "model_store" / "auto.mar"
A4, A0 = (1653, 2339), (5940, 8400)
"""Pixels across and down: at 200 dots per inch, and what is left of them within 50 megapixels."""

PROSE = """
The harbour was built in stages over two centuries and each stage used stone from a different quarry so that
visitors can still tell the oldest wall by its colour while later repairs were made with granite and after
that barges arrived daily until the market moved closer to the water and became a garden
"""

Variation = tuple[Image.Image, str]


@cache
def networks() -> Networks:
    """Those of the archive that `make models` built, as they are served."""
    with TemporaryDirectory() as folder, zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
        return Networks.load(Path(folder), torch.device("cpu"))


@cache
def detector() -> Detector:
    return Detector()


def font(size: int, name: str = "DejaVu Sans") -> ImageFont.FreeTypeFont:
    """A font that comes with matplotlib, such as "DejaVu Sans:bold"."""
    return ImageFont.truetype(font_manager.findfont(name), size)


def read(image: Image.Image, **options: Any) -> str:
    """The text of an image, a row a line."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    given = json.dumps({"model": "auto", **options})
    ((status, answer),) = recognize_requests(networks(), detector(), [{"body": buffer.getvalue()}], [given])
    assert status == 200, answer
    rows: dict[int, list[str]] = {}
    for line in answer["lines"]:
        rows.setdefault(line["row"], []).append(line["text"])
    return "\n".join(" ".join(row) for row in rows.values())


def with_short_leaders(text: str) -> str:
    """The text with three dots, set apart, for more, and three underscores: their number tells nothing."""
    text = re.sub("_{3,}", "___", text)
    return re.sub(r" ?[.·・．](?: ?[.·・．]){2,} ?", " ... ", text.replace("…", "..."))


def sheet(size: tuple[int, int], *lines: tuple[tuple[int, int], int, str]) -> Variation:
    """A white page with lines at places, each so many pixels high; and what is to be read, top to bottom."""
    image = Image.new("L", size, 255)
    for place, height, text in lines:
        ImageDraw.Draw(image).text(place, text, 0, font(height))
    return image, "\n".join(text for _, _, text in sorted(lines, key=lambda line: line[0][1]))


def sparse_pages() -> Iterator[Variation]:
    """A total, a salutation, a page number, a header and a footer, small print; a drawing of the size A0."""
    yield sheet(A4, ((1380, 1210), 30, "118.40"))
    yield sheet(A4, ((200, 210), 30, "Dear customer,"))
    yield sheet(A4, ((760, 2240), 28, "Page 1"))
    yield sheet(A4, ((150, 90), 30, "Annual report 2024"), ((760, 2240), 28, "Page 17 of 212"))
    yield sheet(A4, ((150, 2200), 17, "Printed on recycled paper"), ((150, 2230), 17, "All prices in EUR"))
    yield sheet(A4, ((900, 700), 44, "Confidential"))
    yield sheet((3307, 4677), ((2700, 4500), 60, "Sheet 12"))
    yield sheet((2339, 1653), ((1100, 800), 33, "This page is left blank"))
    yield sheet(A0, ((60, 40), 33, "Site plan sheet 3"), ((60, 100), 33, "Scale 1:500"))
    yield sheet(A0, ((4700, 8200), 33, "Drawn by M. Lee"), ((4700, 8260), 33, "Checked 14.03.2025"))


def underscores() -> Iterator[Variation]:
    """Code with underscores: in several sizes, fonts and colours, dark and light."""
    lines = [
        "SELECT user_id FROM item_list",
        "for file_name in all_files:",
        "my_file_v2_final.txt",
        "MAX_LINE_WIDTH = 80",
    ]
    fonts = ("DejaVu Sans", "DejaVu Sans Mono", "DejaVu Serif")
    for number in range(10):
        ink, ground = [(20, 250), (235, 30), (90, 255)][number % 3]
        size, shown = 16 + 3 * number, [lines[(number + n) % 4] for n in range(3)]
        image = Image.new("L", (40 + 22 * size, 8 * size), ground)
        for row, line in enumerate(shown):
            place = (size, size + round(2.2 * size) * row)
            ImageDraw.Draw(image).text(place, line, ink, font(size, fonts[number % 3]))
        yield image, "\n".join(shown)


def raised_figures() -> Iterator[Variation]:
    """Units and exponents, set smaller and higher than their line."""
    parts = [
        ("Area 25 m", "²", ", volume 3 m", "³"), ("Weight 80 g/m", "²", ""), ("Flow 12 m", "³", " per hour"),
        ("Floor 118 m", "²", ", garden 40 m", "²"), ("Pressure 5 kN/m", "²", ""),
    ]  # fmt: skip
    for number in range(10):
        size = 22 + 4 * number
        image = Image.new("L", (22 * size, 4 * size), 255)
        pen, across = ImageDraw.Draw(image), float(size)
        for part in parts[number % 5]:
            figure = {"²": "2", "³": "3"}.get(part)
            face = font(
                round(0.62 * size) if figure else size, "DejaVu Sans:bold" if number > 6 else "DejaVu Sans"
            )
            down = size * (0.72 if figure else 1.0)
            pen.text((across, down), figure or part, 0, face)
            across += pen.textlength(figure or part, face)
        yield image, "".join(parts[number % 5])


def identifiers() -> Iterator[Variation]:
    """Names of Python with underscores in a row and at their ends: alone or two, in fonts of one width and
    of several."""
    names = ["def __init__(self):", "__all__ = names", "self.__dict__", "_private = 1", "import __future__"]
    fonts = ("DejaVu Sans Mono", "DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono:bold")
    for number in range(10):
        ink, ground = [(20, 250), (235, 30), (90, 255)][number % 3]
        size, shown = 16 + 3 * number, [names[(number + n) % 5] for n in range(1 + number % 2)]
        image = Image.new("L", (18 * size, 6 * size), ground)
        for row, line in enumerate(shown):
            place = (2 * size, size + round(1.8 * size) * row)
            ImageDraw.Draw(image).text(place, line, ink, font(size, fonts[number % 4]))
        yield image, "\n".join(shown)


def blanks() -> Iterator[Variation]:
    """Fields of a form to be filled in."""
    fields = ["Name: ________", "Date: ____ / ____", "Signed ____________", "Total: ______ EUR", "No. _____"]
    for number in range(10):
        size, face = 18 + 2 * number, ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono")[number % 3]
        image = Image.new("L", (20 * size, 6 * size), (255, 240)[number % 2])
        shown = [fields[number % 5], fields[(number + 2) % 5]]
        for row, line in enumerate(shown):
            ImageDraw.Draw(image).text((2 * size, size + 2 * size * row), line, 20, font(size, face))
        yield image, "\n".join(shown)


def exponents() -> Iterator[Variation]:
    """Formulas with exponents, smaller and higher than their line; each alone or two, dark and light."""
    formulas = ["E = mc²", "x² + y² = z²", "2⁸ = 256", "10⁶ Hz", "9.81 m/s²", "a³ + b³", "Load 4 kN/m²"]
    plain = dict(zip("²³⁶⁸", "2368", strict=True))
    for number in range(10):
        size, shown = 24 + 3 * number, [formulas[(3 * number + n) % 7] for n in range(1 + number % 2)]
        image = Image.new("L", (14 * size, 6 * size), (255, 30)[number % 3 == 1])
        pen, ink = ImageDraw.Draw(image), (20, 235)[number % 3 == 1]
        name = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans:bold")[number % 3]
        raised = 0.33 + 0.05 * (number % 3)
        for row, line in enumerate(shown):
            across, base = 2.0 * size, 2 * size + 2 * size * row
            for char in line:
                face = font(round(0.6 * size) if char in plain else size, name)
                down = base - raised * size if char in plain else base
                pen.text((across, down), plain.get(char, char), ink, face, "ls")
                across += pen.textlength(plain.get(char, char), face)
        yield image, "\n".join(shown)


def leaders() -> Iterator[Variation]:
    """Tables of contents: entries, dots, and numbers of one to three figures, flush right."""
    entries = ["1 Introduction", "2 Measuring the field", "2.1 Instruments", "3 Results", "Appendix", "Index"]
    for number in range(10):
        size, dot = 20 + 2 * number, (".", ". ", "·")[number % 3]
        face = font(size, ("DejaVu Serif", "DejaVu Sans")[number % 2])
        image, shown = Image.new("L", (34 * size, 13 * size), 255), []
        pen = ImageDraw.Draw(image)
        for row, (entry, page) in enumerate(zip(entries, (1, 7, 14, 105, 211, 9 + number), strict=True)):
            down, right = size + 2 * size * row, 33 * size - pen.textlength(str(page), face)
            dots = dot * int((right - pen.textlength(entry, face) - 2 * size) / pen.textlength(dot, face))
            pen.text((size, down), entry, 0, face)
            pen.text((right - size / 3 - pen.textlength(dots, face), down), dots, 0, face)
            pen.text((right, down), str(page), 0, face)
            shown.append(f"{entry} ... {page}")
        yield image, "\n".join(shown)


def close_columns() -> Iterator[Variation]:
    """Two justified columns with little room between them, whose lines are level."""
    words = PROSE.split()
    for number in range(10):
        size, face = 18 + 2 * number, font(18 + 2 * number, ("DejaVu Serif", "DejaVu Sans")[number % 2])
        width, gap = 17 * size, round((1.0 + 0.06 * number) * size)
        image = Image.new("L", (2 * width + gap + 4 * size, 18 * size), 255)
        pen, shown, waiting = ImageDraw.Draw(image), [], iter(words[number:] + words)
        for column in range(2):
            for row in range(7):
                line = [next(waiting)]
                while pen.textlength(" ".join(line), face) < 0.86 * width:
                    line.append(next(waiting))
                line = line[:-1] if pen.textlength(" ".join(line), face) > width else line
                free = width - sum(pen.textlength(word, face) for word in line)
                across = 2 * size + column * (width + gap)
                for word in line:
                    pen.text((across, 2 * size + 2 * size * row), word, 0, face)
                    across += pen.textlength(word, face) + free / max(1, len(line) - 1)
                shown.append(" ".join(line))
        yield image, "\n".join(shown)


def turned_labels() -> Iterator[Variation]:
    """Short labels of a drawing, one of each row turned by a quarter to either side."""
    for number in range(10):
        size, image = 22 + 2 * number, Image.new("L", (1000, 520), 255)
        labels = [
            [f"R{101 + number}", f"C{77 + row}", f"IC{2 + number}", f"Q{200 + 10 * row}"] for row in range(3)
        ]
        for row, names in enumerate(labels):
            for column, name in enumerate(names):
                label = Image.new("L", (150, 60), 255)
                ImageDraw.Draw(label).text((75, 30), name, 0, font(size), "mm")
                turned = label.rotate((90, 270)[number % 2], expand=True, fillcolor=255)
                shown = turned if column == 1 + row % 2 else label
                image.paste(shown, (40 + 240 * column, 20 + 170 * row + (60 if shown is label else 0)))
        yield image, "\n".join(" ".join(names) for names in labels)


def lone_turned_labels() -> Iterator[Variation]:
    """A label of two characters, turned by a quarter to either side, between two that are upright."""
    for number in range(10):
        size, image = 24 + 3 * number, Image.new("L", (800, 240), 255)
        names = [
            f"{'RTUM'[number % 4]}{5 + number}",
            f"{'LKAHPF'[number % 6]}{(4 + 5 * number) % 9 + 1}",
            "C12",
        ]
        for column, name in enumerate(names):
            label = Image.new("L", (200, 100), 255)
            face = font(size, ("DejaVu Sans", "DejaVu Sans Mono", "DejaVu Sans:bold")[number % 3])
            ImageDraw.Draw(label).text((100, 50), name, 0, face, "mm")
            turned = label.rotate((90, 270)[number % 2], expand=True, fillcolor=255)
            shown, place = (turned, (360, 20)) if column == 1 else (label, (20 + 260 * column, 70))
            image.paste(shown, place)
        yield image, " ".join(names)


def turned_tables() -> Iterator[Variation]:
    """A table turned by a quarter on a sheet whose head and page number are upright."""
    for number in range(10):
        rows = [f"Span {2 + n}.{number} m   {3 + n}.{9 - number} kN" for n in range(4)]
        table = Image.new("L", (620, 320), 255)
        for row, text in enumerate(rows):
            ImageDraw.Draw(table).text((20, 20 + 70 * row), text, 0, font(30))
        sheet_, pen = Image.new("L", (700, 1000), 255), None
        sheet_.paste(table.rotate((90, 270)[number % 2], expand=True), (190, 180))
        pen = ImageDraw.Draw(sheet_)
        pen.text((200, 40), f"3.{number} Load table", 0, font(30))
        pen.text((330, 930), str(17 + number), 0, font(28))
        shown = [f"3.{number} Load table", *(" ".join(row.split()) for row in rows), str(17 + number)]
        yield sheet_, "\n".join(shown)


def prices() -> Iterator[Variation]:
    """A price with a small sign of money and small cents, in colour, and what it was, struck."""
    for number in range(10):
        size, (sign, whole, cents) = (
            44 + 8 * number,
            ("¥€$£€"[number % 5], str(7 + 23 * number), f".{49 + 5 * number}"),
        )
        faces = [font(round(part * size), "DejaVu Sans:bold") for part in (0.4, 1.0, 0.42)]
        image = Image.new("RGB", (8 * size, 3 * size), "white")
        pen, across, ink = ImageDraw.Draw(image), float(size), ("red", "black", "darkgreen")[number % 3]
        for part, face in zip((sign, whole, cents), faces, strict=True):
            pen.text((across, 2 * size), part, ink, face, "ls")
            across += pen.textlength(part, face) + 0.06 * size
        yield image, f"{sign}{whole}{cents}"


def watermarks() -> Iterator[Variation]:
    """Lines of text under a light slanted word, once or in rows."""
    words = PROSE.split()
    for number in range(10):
        size, image = 20 + 2 * number, Image.new("L", (1000, 60 * (4 + number // 2)), 255)
        mark = Image.new("L", (520, 90), 255)
        shade = 205 + 4 * (number % 5)
        ImageDraw.Draw(mark).text(
            (10, 10), ("CONFIDENTIAL", "DRAFT COPY")[number % 2], shade, font(40 + 2 * number)
        )
        turned = mark.rotate((28, 35, -30)[number % 3], expand=True, fillcolor=255)
        for place in ((420, -60), (40, 20))[: 1 + number % 2]:
            image.paste(shade, place, turned.point(lambda level: 255 if level < 250 else 0))
        shown = [" ".join(words[5 * row + number : 5 * row + number + 5]) for row in range(3)]
        for row, line in enumerate(shown):
            ImageDraw.Draw(image).text((40, 24 + round(2 * size) * row), line, 0, font(size))
        yield image, "\n".join(shown)


def words_in_chinese() -> Iterator[Variation]:
    """Latin words, with spaces around them, in Chinese; every third line has none, and none is to come."""
    spaced = ["使用 Python 编写脚本", "请下载 App 后登录", "打开 Word 文档", "支持 Windows 和 Linux 系统"]
    close = ["使用Python编写脚本", "请下载App后登录", "总价128.50元"]
    for number in range(10):
        size, lines = 20 + 3 * number, close if number % 3 == 2 else spaced
        shown = [lines[(number + n) % len(lines)] for n in range(2)]
        image = Image.new("L", (18 * size, 6 * size), 255)
        for row, line in enumerate(shown):
            place = (2 * size, size + 2 * size * row)
            ImageDraw.Draw(image).text(place, line, 20, ideographs(size))
        yield image, "\n".join(shown)


def columns_of_japanese() -> Iterator[Variation]:
    """Vertical lines with small kana, brackets and full stops at their ends, from right to left."""
    if not features.check("raqm"):
        pytest.skip("Pillow sets no vertical lines here: libraqm is missing")
    lines = [
        "「ちょっと待って」と彼は言った。",
        "コーヒーを飲みながら本を読む。",
        "ゆっくりと立ち上がり、窓を開けた。",
        "がんばって走っても、間に合わなかった。",
        "去年の夏、家族でキャンプに行った。",
    ]
    for number in range(10):
        size, shown = 22 + 3 * number, [lines[(number + n) % 5] for n in range(1 + number % 3)]
        image = Image.new("L", (9 * size, 23 * size), 255)
        for column, line in enumerate(shown):
            place = (round((6 - 2.1 * column) * size), 2 * size)
            ImageDraw.Draw(image).text(place, line, 20, ideographs(size), direction="ttb", language="ja")
        yield image, "\n".join(shown)


def short_columns() -> Iterator[Variation]:
    """Vertical lines of few characters, alone or close beside others, in both kinds of type."""
    if not features.check("raqm"):
        pytest.skip("Pillow sets no vertical lines here: libraqm is missing")
    lines = [
        "サーバー（注）", "雪がしんしんと降る。", "スーパーマーケット", "「ええ、そうです。」",
        "東京、大阪、京都。", "彼は「はい」と答えた。", "ラーメン（大盛）", "どうぞ、こちらへ。",
    ]  # fmt: skip
    for number in range(16):
        size, shown = 24 + 9 * (number % 5), [lines[(number + 3 * n) % 8] for n in range(1 + number % 3)]
        image = Image.new("L", (round(len(shown) * 1.8 * size) + (120, 900)[number % 2], 900), 255)
        face = ideographs(size, "Sans" if number // 2 % 2 else "Serif")
        for column, line in enumerate(shown):
            place = (60 + round((len(shown) - 1 - column) * 1.8 * size), 50)
            ImageDraw.Draw(image).text(place, line, 20, face, direction="ttb", language="ja")
        yield image, "\n".join(shown)


def seals() -> Iterator[Variation]:
    """A round seal with a star, in red, blue or green, over the ends of black lines."""
    words = PROSE.split()
    for number in range(10):
        size = 20 + 2 * number
        image = Image.new("RGB", (30 * size, 11 * size), "white")
        pen, face = ImageDraw.Draw(image), font(size, ("DejaVu Serif", "DejaVu Sans")[number % 2])
        shown = [" ".join(words[4 * row + number : 4 * row + number + 4]) for row in range(4)]
        for row, line in enumerate(shown):
            pen.text((size, size + 2 * size * row), line, "black", face)
        seal = Image.new("L", image.size, 0)
        stamp, (x, y), radius = ImageDraw.Draw(seal), (12 * size, 5 * size), 4 * size
        stamp.ellipse((x - radius, y - radius, x + radius, y + radius), outline=200, width=max(3, size // 7))
        stamp.regular_polygon((x, y, size), 5, rotation=20 * number, fill=200)
        image.paste(((214, 30, 40), (40, 70, 210), (20, 140, 60))[number % 3], mask=seal)
        yield image, "\n".join(shown)


def codes() -> Iterator[Variation]:
    """Serial numbers and keys with noughts and without the letter O, which is much wider."""
    serials = [
        "SN 00AE8F0PDN", "C02XG0FDJGH5", "KEY 8K0X2-Q0D2T-0GP5Z",
        "X0T20KJ0PDQ", "Batch 0B0012-80", "S/N Q0D07G0R4",
    ]  # fmt: skip
    for number in range(10):
        size, text = 20 + 3 * number, serials[number % 6]
        image = Image.new("L", (20 * size, 3 * size), (255, 235)[number % 2])
        name = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans:bold")[number % 3]
        ImageDraw.Draw(image).text((size, size), text, 20, font(size, name))
        yield image, text


def faint_receipts() -> Iterator[Variation]:
    """Receipts whose print is hardly darker than the paper, with grain and uneven light."""
    rows = [("RIVERSIDE MINI MART", ""), ("Oat milk", "3.98"), ("Bread", "2.75"), ("Total", "6.73")]
    for number in range(10):
        size, grain = 18 + 2 * number, np.random.default_rng(number)
        face = font(size, ("DejaVu Sans Mono", "DejaVu Sans")[number % 2])
        paper = Image.new("L", (20 * size, 10 * size), 232)
        pen, ink, shown = ImageDraw.Draw(paper), 232 - 13 - number % 3, []
        for row, (name, amount) in enumerate(rows[number % 2 :]):
            pen.text((size, size + 1.7 * size * row), name, ink, face)
            pen.text((15 * size, size + 1.7 * size * row), amount, ink + 3, face)
            shown.append(f"{name} {amount}".strip())
        blurred = np.asarray(paper.filter(ImageFilter.GaussianBlur(0.7)), np.float32)
        light = np.linspace(-5, 5, paper.width)[None] + grain.normal(0, 2.2, blurred.shape)
        yield Image.fromarray(np.clip(blurred + light, 0, 255).astype(np.uint8)), "\n".join(shown)


def signs() -> Iterator[Variation]:
    """Two lines in capitals that leave nothing of the image free, as on a sign or a label."""
    pairs = [
        ("OPEN DAILY", "TILL NINE"),
        ("ZIMMER", "FREI"),
        ("FRESH MILK", "AND BREAD"),
        ("MIND", "THE GAP"),
    ]
    for number in range(10):
        size, lines = 40 + 6 * number, pairs[number % 4]
        face = font(size, ("DejaVu Sans:bold", "DejaVu Serif", "DejaVu Sans")[number % 3])
        bounds = [face.getbbox(line) for line in lines]
        high = sum(round(bottom - top) for _, top, _, bottom in bounds) + round(0.3 * size)
        image = Image.new("RGB", (9 * size, high), ("white", "#ffd800", "#103060")[number % 3])
        pen, ink = ImageDraw.Draw(image), ("black", "#202020", "white")[number % 3]
        pen.text((size, round(0.06 * size)), lines[0], ink, face, "lt")
        pen.text((size, high - round(0.06 * size)), lines[1], ink, face, "lb")
        yield image, "\n".join(lines)


KINDS: Sequence[tuple[Callable[[], Iterator[Variation]], int]] = [
    (sparse_pages, 10),
    (underscores, 9),
    (identifiers, 8),
    (blanks, 8),
    (raised_figures, 8),
    (exponents, 8),
    (leaders, 8),
    (close_columns, 9),
    (turned_labels, 9),
    (lone_turned_labels, 9),
    (turned_tables, 8),
    (prices, 7),
    (watermarks, 7),
    (words_in_chinese, 7),
    (columns_of_japanese, 8),
    (short_columns, 14),
    (seals, 9),
    (codes, 7),
    (faint_receipts, 8),
    (signs, 10),
]


@pytest.mark.parametrize(("kind", "least"), KINDS, ids=lambda given: getattr(given, "__name__", None))
def test_variations(kind: Callable[[], Iterator[Variation]], least: int) -> None:
    results = [(with_short_leaders(read(image)), with_short_leaders(text)) for image, text in kind()]
    wrong = [(got, text) for got, text in results if edit_distance(got, text) > 0.02 * len(text)]
    assert len(results) - len(wrong) >= least, wrong


@pytest.mark.parametrize("seed", [3, 9, 15])
def test_faint_marks_are_no_text(seed: int) -> None:
    grain = np.random.default_rng(900 + seed)
    paper = np.full((500 + 5 * seed, 700), 240.0)
    for _ in range(25):
        x, y = grain.integers(0, 640), grain.integers(0, 440 + 5 * seed)
        paper[y : y + grain.integers(2, 50), x : x + grain.integers(2, 50)] -= grain.integers(5, 14)
    assert not read(Image.fromarray((paper + grain.normal(0, 1, paper.shape)).clip(0, 255).astype(np.uint8)))
