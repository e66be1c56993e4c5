"""Whole pages through the handler's functions, with the real detector and model: found, upright, in order."""

from __future__ import annotations

import io
import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
import torch
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from handler import crnn_handler, engine
from handler.crnn_handler import read_requests, response_to
from handler.image import Pixels, to_pixels, turn_points
from handler.layout import Box, Detector
from handler.networks import Networks
from handler.page import find_lines
from handler.reading import read_pages
from tests.e2e import lines as line_images
from tests.e2e.pages import pdf
from tests.golden import PAGE
from tests.plain import recognize_requests

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
MODEL = "crnn_v2"
FONTS = ("DejaVu Sans", "DejaVu Serif")
"""Proportional fonts that come with matplotlib."""
Placed = tuple[str, tuple[float, float, float, float]]
RECEIPT = [
    ("RIVERSIDE MARKET", ""),
    ("12 Station Road, Hillford", ""),
    ("Milk 2 kg", "3.80"),
    ("Wholemeal bread", "4.25"),
    ("Green apples 1 kg", "5.60"),
    ("TOTAL", "13.65"),
    ("Thank you and come again", ""),
]
ARTICLE = [
    "The harbour was quiet",
    "before the storm came",
    "in from the open sea",
    "and every boat was",
    "tied up twice that day",
    "while people watched",
]


@cache
def networks() -> Networks:
    weights = ROOT / "model_store" / "weights" / f"{MODEL}.safetensors"
    loaded, facts = engine.load(weights, torch.device("cpu"))
    return Networks({MODEL: loaded}, {MODEL: facts})


@cache
def detector() -> Detector:
    return Detector()


def ask(image: Image.Image | bytes, **options: Any) -> dict[str, Any]:
    ((status, answer),) = recognize_requests(
        networks(), detector(), [{"body": encode(image)}], [json.dumps(options)]
    )
    assert status == 200, answer
    return answer


def encode(image: Image.Image | bytes) -> bytes:
    if isinstance(image, bytes):
        return image
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_manager.findfont(name), size)


def draw(
    texts: list[tuple[float, float, str]], size: tuple[int, int], face: str = FONTS[0], high: int = 26
) -> tuple[Image.Image, list[list[Placed]]]:
    """A page with texts at (left, top), and each one's characters with the boxes of their ink."""
    page, placed = Image.new("L", size, 250), []
    pen, used = ImageDraw.Draw(page), font(face, high)
    for left, top, text in texts:
        pen.text((left, top), text, 20, used)
        boxes = []
        for place, char in enumerate(text):
            x = left + used.getlength(text[: place + 1]) - used.getlength(char)
            boxes.append((char, pen.textbbox((x, top), char, used)))
        placed.append(boxes)
    return page, placed


def receipt() -> Image.Image:
    texts = []
    for row, (item, price) in enumerate(RECEIPT):
        texts += [(60, 40 + 48 * row, item), *([(520, 40 + 48 * row, price)] if price else [])]
    return draw(texts, (660, 420))[0]


def rows(answer: dict[str, Any]) -> list[str]:
    """The answer's text, row by row."""
    numbers = [line["row"] for line in answer["lines"]]
    assert numbers == sorted(numbers)
    return [
        " ".join(line["text"] for line in answer["lines"] if line["row"] == number)
        for number in range(max(numbers, default=-1) + 1)
    ]


@pytest.mark.parametrize("mode", ["auto", "page"])
def test_a_receipt_is_read_row_by_row(mode: str) -> None:
    answer = ask(receipt(), mode=mode)
    assert rows(answer) == [f"{item} {price}".strip() for item, price in RECEIPT]
    assert answer["angle"] == 0


def in_colours(ink: tuple[int, int, int], ground: tuple[int, int, int]) -> Image.Image:
    page = Image.new("RGB", receipt().size, ground)
    page.paste(ink, mask=receipt().point(lambda level: 250 - level))
    return page


@pytest.mark.parametrize(
    ("ink", "ground"),
    [((255, 0, 0), (0, 130, 0)), ((40, 40, 255), (90, 50, 0)), ((255, 240, 0), (250, 250, 250))],
)
def test_ink_as_bright_as_its_ground_is_read(ink: tuple[int, int, int], ground: tuple[int, int, int]) -> None:
    assert rows(ask(in_colours(ink, ground))) == rows(ask(receipt()))


def test_white_ink_on_nothing_is_read() -> None:
    page = Image.new("RGBA", receipt().size, "white")
    page.putalpha(receipt().point(lambda level: 250 - level))
    assert rows(ask(page)) == rows(ask(receipt()))


def test_the_golden_page_is_read_as_labelled() -> None:
    assert rows(ask(PAGE.path.read_bytes())) == PAGE.text.splitlines()


def test_lines_that_stand_are_read_downwards_and_from_right_to_left() -> None:
    """Set in Noto Sans SC: 36 px high, 44 px apart, lines 80 px apart from x = 250 on, y = 30 on."""
    texts = ["床前明月光疑是地上霜", "举头望明月低头思故乡", "静夜思"]
    answer = ask((GOLDEN / "vertical.png").read_bytes())
    assert rows(answer) == texts
    assert (answer["angle"], [line["angle"] for line in answer["lines"]]) == (0, [0, 0, 0])
    for column, line in enumerate(answer["lines"]):
        for place, char in enumerate(line["chars"]):
            (left, top), (right, bottom) = char["bbox"]
            middle = 250 - 80 * column + 18, 30 + 44 * place + 27
            assert np.hypot((left + right) / 2 - middle[0], (top + bottom) / 2 - middle[1]) < 12, char


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_columns_are_read_one_after_the_other(columns: int) -> None:
    texts = [
        (40 + 360 * number, 60 + 40 * row, line)
        for number in range(columns)
        for row, line in enumerate(ARTICLE)
    ]
    page, _ = draw(texts, (40 + 360 * columns, 340))
    assert rows(ask(page)) == ARTICLE * columns


def test_a_table_is_read_row_by_row() -> None:
    cells = [
        ["Item", "Size", "Price"],
        ["Tea", "200 g", "6.40"],
        ["Rice", "5 kg", "21.00"],
        ["Oil", "12 kg", "9.75"],
    ]
    texts = [(60 + 260 * c, 50 + 50 * r, cell) for r, row in enumerate(cells) for c, cell in enumerate(row)]
    assert rows(ask(draw(texts, (800, 280))[0])) == [" ".join(row) for row in cells]


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_turned_page_is_read_upright_and_its_boxes_lie_on_the_image_as_sent(angle: int) -> None:
    upright, page = ask(receipt()), receipt().transpose(getattr(Image.Transpose, f"ROTATE_{angle}"))
    answer = ask(page)
    assert (answer["width"], answer["height"]) == page.size
    assert rows(answer) == rows(upright)
    assert answer["angle"] == angle  # Pillow turns against the clock, and so the way back is with it
    assert {line["angle"] for line in answer["lines"]} == {angle}
    for line, seen in zip(answer["lines"], upright["lines"], strict=True):
        corners = turn_points(np.array(seen["bbox"]), -angle, upright["height"], upright["width"])
        expected = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
        assert np.abs(np.ravel(line["bbox"]) - expected).max() < 6


@pytest.mark.parametrize("degrees", [-15, -7, 10, 15])
def test_a_skewed_page_is_straightened(degrees: float) -> None:
    page = receipt().rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=250)
    answer = ask(page)
    assert rows(answer) == [f"{item} {price}".strip() for item, price in RECEIPT]
    (x0, y0), (x1, y1), *_ = answer["lines"][1]["polygon"]
    assert np.degrees(np.arctan2(y1 - y0, x1 - x0)) == pytest.approx(-degrees, abs=1.5)


def test_one_line_upside_down_on_an_upright_page() -> None:
    page = receipt()
    strip = page.crop((50, 134, 400, 174))
    page.paste(strip.transpose(Image.Transpose.ROTATE_180), (50, 134))
    answer = ask(page)
    assert answer["angle"] == 0
    assert [line["angle"] for line in answer["lines"] if line["text"] == "Milk 2 kg"] == [180]


@pytest.mark.parametrize("face", FONTS)
@pytest.mark.parametrize("turn", [0, 90])
def test_each_character_has_its_box(face: str, turn: int) -> None:
    """`i` beside `W`; 95 of 100 overlap the ink's columns by half at least (intersection over union)."""
    texts = [
        "Wild willow will win",
        "MiWi ill Wim Williams",
        "Illinois WIFI minimum",
        "jelly fill Www iiWWii",
    ]
    page, placed = draw([(60, 50 + 70 * n, text) for n, text in enumerate(texts)], (640, 340), face, 36)
    answer = ask(page.transpose(Image.Transpose.ROTATE_90) if turn else page)
    assert [line["text"] for line in answer["lines"]] == texts
    overlaps = []
    for line, boxes in zip(answer["lines"], placed, strict=True):
        for found, (char, box) in zip(line["chars"], boxes, strict=True):
            assert found["char"] == char
            (left, top), (right, bottom) = found["bbox"]
            if turn:  # against the clock: x was page.width - y
                left, right = page.width - bottom, page.width - top
            shared = min(right, box[2]) - max(left, box[0])
            if char != " ":
                overlaps.append(shared / (max(right, box[2]) - min(left, box[0])))
    assert np.mean(np.array(overlaps) >= 0.5) >= 0.95


def test_a_page_on_which_nothing_is_found_once_it_is_turned_is_read_all_the_same() -> None:
    page = np.asarray(
        draw([(40, 40, "Turned by a quarter")], (420, 120))[0].transpose(Image.Transpose.ROTATE_90)
    )
    seen = iter([detector()(page), []])
    (read,) = read_pages(networks().readers[MODEL], lambda _: next(seen), [page], ["page"])
    assert [[line.reading.text for line in row] for row in read.rows] == [["Turned by a quarter"]]
    assert read.angle == 90


def test_small_and_large_text_on_one_page() -> None:
    page, _ = draw(
        [(40, 300, "Footnote in very small print"), (40, 340, "and one line more")], (900, 400), high=11
    )
    pen = ImageDraw.Draw(page)
    pen.text((40, 60), "BIG SALE", 20, font(FONTS[0], 110))
    assert rows(ask(page)) == ["BIG SALE", "Footnote in very small print", "and one line more"]


def test_a_page_larger_than_a_tile_loses_nothing_at_the_seams() -> None:
    texts = [(100 + 900 * c, 100 + 230 * r, f"Row {r} of block {c}") for r in range(12) for c in range(4)]
    answer = ask(draw(texts, (3600, 3000), high=48)[0])
    assert sorted(line["text"] for line in answer["lines"]) == sorted(text for *_, text in texts)


@pytest.mark.parametrize("name", ["receipt.jpg", "sign.jpg", "dark.png"])
def test_one_line_reads_in_auto_as_in_line(name: str) -> None:
    data = (GOLDEN / name).read_bytes()
    assert ask(data) == ask(data, mode="line")


@pytest.mark.parametrize("number", range(12))
def test_a_lone_line_in_a_larger_picture_is_found_there(number: int) -> None:
    """A subtitle, a plate, a caption, a price: what stands around the line is not read with it."""
    chance = random.Random(number)
    text = chance.choice(
        ["Scan to pay", "HX 51 KLM", "Total 48.20", "Chapter two", "4 006381 333931", "Room 12"]
    )
    high = chance.randint(22, 40)
    width, height = chance.randint(500, 900), chance.randint(300, 600)
    ground = np.random.default_rng(number).integers(60, 200, (8, 8), np.uint8)
    picture = Image.fromarray(ground).resize((width, height), Image.Resampling.BICUBIC)
    left, top = chance.randint(20, width - 13 * high), chance.randint(height // 8, height - 3 * high)
    pen, used = ImageDraw.Draw(picture), font(FONTS[number % 2], high)
    pen.rectangle((left - 12, top - 8, left + used.getlength(text) + 12, top + 1.4 * high), fill=250)
    pen.text((left, top), text, 10, used)
    answer = ask(picture)
    assert rows(answer) == [text]
    (line,) = answer["lines"]
    (x, y), (right, bottom) = line["bbox"]
    assert left - 25 <= x < right <= left + used.getlength(text) + 25
    assert top - 25 <= y < bottom <= top + 2 * high


def no_search(_: Pixels) -> list[Box]:
    raise AssertionError("searched for lines")


@pytest.mark.parametrize(
    ("text", "size", "high"),
    [("HARVEST", (440, 130), 90), ("OPEN 24", (640, 180), 120), ("a" * 60, (2200, 90), 40)],
)
def test_what_can_be_seen_to_be_one_line_is_read_without_a_search(
    text: str, size: tuple[int, int], high: int
) -> None:
    page, _ = draw([(20, 10, text)], size, high=high)
    assert find_lines(no_search, to_pixels(page), "auto").boxes == []


def test_a_line_beside_a_tall_sign_is_not_taken_for_one_line() -> None:
    page, _ = draw([(180, 20, "Harvest goods"), (180, 90, "and more of it")], (520, 150), high=26)
    ImageDraw.Draw(page).ellipse((20, 20, 140, 140), fill=40)
    ImageDraw.Draw(page).ellipse((50, 50, 110, 110), fill=200)
    assert [row.removeprefix("○ ") for row in rows(ask(page))] == ["Harvest goods", "and more of it"]


def test_only_the_characters_allowed_come_out() -> None:
    answer = ask((GOLDEN / "cashier.png").read_bytes(), allowlist="0123456789/ ")
    (line,) = answer["lines"]
    assert "12/03/2024" in line["text"]
    assert set(line["text"]) <= set("0123456789/ ")


def test_nothing_is_invented_where_no_allowed_character_is_likely_unless_forced() -> None:
    image = line_images.png("TOTAL RM 48.60")
    dropped, forced = (
        ask(image, mode="line", allowlist="0123456789.", allowlist_mode=mode)["lines"][0]["text"]
        for mode in ("drop", "force")
    )
    assert dropped == "48.60"
    assert forced.endswith("48.60")
    assert len(forced) > len(dropped)


def test_options_of_one_request_do_not_touch_another() -> None:
    data = (GOLDEN / "cashier.png").read_bytes()
    options = [{}, {"allowlist": "0123456789"}, {}, {"mode": "page"}]
    answers = recognize_requests(
        networks(), detector(), [{"body": data}] * 4, [json.dumps(option) for option in options]
    )
    assert [answer for _, answer in answers] == [ask(data, **option) for option in options]


def test_pages_of_a_batch_read_as_each_alone() -> None:
    pages = [
        receipt(),
        receipt().transpose(Image.Transpose.ROTATE_180),
        draw([(40, 40, "One line")], (400, 300))[0],
    ]
    together = recognize_requests(networks(), detector(), [{"body": encode(page)} for page in pages])
    for (_, answer), page in zip(together, pages, strict=True):
        alone = ask(page)
        assert rows(answer) == rows(alone)
        assert [line["bbox"] for line in answer["lines"]] == [line["bbox"] for line in alone["lines"]]


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (1700, 2200), 255),
        Image.new("L", (1, 1), 0),
        Image.new("L", (4000, 20), 200),
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (600, 800), dtype=np.uint8)),
    ],
    ids=["blank", "one pixel", "long", "noise"],
)
def test_a_page_without_text_has_no_lines(image: Image.Image) -> None:
    answer = ask(image, mode="page")
    assert (answer["width"], answer["height"], answer["lines"]) == (*image.size, [])


def test_a_page_with_too_many_lines_is_refused_and_harms_no_neighbour() -> None:
    texts = [(20 + 130 * c, 20 + 26 * r, "12345678") for r in range(70) for c in range(22)]
    crowded = draw(texts, (2900, 1900), high=16)[0]
    (status, answer), (fine, other) = recognize_requests(
        networks(), detector(), [{"body": encode(crowded)}, {"body": encode(receipt())}]
    )
    assert (status, answer["code"], fine) == (413, "image-too-large", 200)
    assert "Cut it into parts" in answer["detail"]
    assert rows(other)[0] == RECEIPT[0][0]


# Documents


def pdf_with_text(*texts: str, more: bytes = b"") -> bytes:
    """A PDF of one page whose lines are text, written by hand; `more` is drawn after them."""
    shown = b" 0 -30 Td ".join(b"(%s) Tj" % text.encode() for text in texts)
    content = b"BT /F1 18 Tf 72 700 Td " + shown + b" ET" + more
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body = b"".join(b"%d 0 obj%sendobj\n" % (n, text) for n, text in enumerate(objects, 1))
    return b"%PDF-1.4\n" + body + b"trailer<</Size 6/Root 1 0 R>>\n%%EOF"


def test_each_page_of_a_pdf_is_read() -> None:
    second = draw([(60, 60, "Second page")], (660, 420))[0]
    pages = ask(pdf(receipt(), second))["pages"]
    assert [rows(page) for page in pages] == [rows(ask(receipt())), ["Second page"]]
    assert [page["angle"] for page in pages] == [0, 0]
    assert [rows(page) for page in ask(pdf(receipt(), second), pages="2")["pages"]] == [["Second page"]]


def test_each_page_of_a_tiff_is_read() -> None:
    buffer = io.BytesIO()
    second = draw([(60, 60, "Second page")], (400, 300))[0]
    receipt().save(buffer, "TIFF", save_all=True, append_images=[second])
    pages = ask(buffer.getvalue())["pages"]
    assert [(page["width"], page["height"]) for page in pages] == [(660, 420), (400, 300)]
    assert rows(pages[1]) == ["Second page"]


def test_the_text_of_a_pdf_is_taken_if_asked_for() -> None:
    (page,) = ask(pdf_with_text("Hello from the file", "Second line 42"), pdf_text=True)["pages"]
    assert rows(page) == ["Hello from the file", "Second line 42"]
    assert [line["confidence"] for line in page["lines"]] == [1, 1]
    (read,) = ask(pdf_with_text("Hello from the file", "Second line 42"))["pages"]
    assert rows(read) == rows(page)
    for taken, seen in zip(page["lines"], read["lines"], strict=True):
        assert np.abs(np.array(taken["bbox"]) - np.array(seen["bbox"])).max() < 12
    (scan,) = ask(pdf(receipt()), pdf_text=True)["pages"]
    assert rows(scan) == rows(ask(receipt()))
    assert not any("warnings" in one for one in (page, read, scan))


def test_what_is_left_out_of_a_pdf_with_text_is_told() -> None:
    white = b" BT 1 g /F1 18 Tf 72 400 Td (Nobody sees this) Tj ET"
    (page,) = ask(pdf_with_text("Hello from the file", more=white), pdf_text=True)["pages"]
    assert rows(page) == ["Hello from the file"]
    assert [warning for warning in page["warnings"] if "cannot be seen" in warning]
    dot = b" q 20 0 0 20 72 200 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI Q"
    (page,) = ask(pdf_with_text("Hello from the file", more=dot), pdf_text=True)["pages"]
    assert page["warnings"] == ["Small pictures on the page were not searched for text."]


def test_a_large_drawing_full_of_small_print_says_that_it_was_looked_at_coarsely() -> None:
    image = Image.new("L", (6000, 6000), 255)
    pen, face = ImageDraw.Draw(image), ImageFont.load_default(13)
    for number in range(480):
        place = 60 + 1200 * (number % 5), 60 + 60 * (number // 5)
        pen.text(place, f"{number} main valve, see sheet 3", 0, face)
    (warning,) = find_lines(lambda _: [], to_pixels(image), "page").warnings
    assert "searched at 58% of its size" in warning
    assert find_lines(lambda _: [], to_pixels(receipt()), "page").warnings == []


@pytest.mark.parametrize(
    ("data", "options", "status", "says"),
    [
        (b"%PDF-1.7 and then nothing", {}, 400, "damaged"),
        (pdf(*[Image.new("L", (60, 60), 255)] * 11), {}, 413, "pages=1-10"),
        (pdf(Image.new("L", (60, 60), 255)), {"pages": "2"}, 422, "no pages 2"),
        (pdf(*[Image.new("L", (60, 60), 255)] * 3), {"pages": "2-4"}, 422, "has 3"),
    ],
)
def test_a_document_that_cannot_be_read_says_why(
    data: bytes, options: dict[str, Any], status: int, says: str
) -> None:
    ((code, answer),) = recognize_requests(networks(), detector(), [{"body": data}], [json.dumps(options)])
    assert (code, says in answer["detail"]) == (status, True), answer


def test_an_encrypted_pdf_says_so() -> None:
    data = (GOLDEN / "locked.pdf").read_bytes()
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(data)
    ((code, answer),) = recognize_requests(networks(), detector(), [{"body": data}])
    assert (code, "without a password" in answer["detail"]) == (400, True)


def test_a_page_that_takes_too_long_ends_and_harms_no_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    page, line = (GOLDEN / "page.jpg").read_bytes(), line_images.png("a neighbour")
    monkeypatch.setattr(crnn_handler, "READING_SECONDS", 0.0)
    options = [json.dumps({"mode": "page"}), json.dumps({"mode": "line"})]
    late, other = read_requests(networks(), detector(), [{"body": page}, {"body": line}], options)
    assert response_to(late)[0] == 503
    assert response_to(late)[1]["code"] == "reading-timeout"
    assert response_to(other)[0] == 200
