"""Answers as files, and pages drawn: what a client gets for what it sends."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from frontend.files.page_images import draw
from frontend.web.response_schemas import RecognizeAnswer
from handler.document import open_sheets
from tests.e2e import lines, pages
from tests.e2e.service import ROOT
from tests.unit.frontend.fake_service import answer, line
from tests.unit.frontend.formats.test_searchable_pdf import blank, document, read, texts, vector

ANSWER = read(line("Total 42.50"), line("总计：42.50元", top=80, row=1))


def render(client: FlaskClient, form: str, answers: Any, *images: bytes) -> TestResponse:
    text = answers if isinstance(answers, str) else json.dumps(answers)
    files = [(io.BytesIO(image), f"{number}.png") for number, image in enumerate(images)]
    fields: dict[str, Any] = {"format": form, "answers": text}
    fields |= {"image": files} if files else {}
    return client.post("/render", data=fields, content_type="multipart/form-data")


def named(*answers: dict[str, Any], name: str = "scan.png") -> list[dict[str, Any]]:
    return [{"name": name, "answer": given} for given in answers]


@pytest.mark.parametrize(
    ("form", "media_type", "content"),
    [
        ("txt", "text/plain", "Total 42.50\n总计：42.50元\n"),
        ("tsv", "text/tab-separated-values", "file\tpage\trow"),
        ("hocr", "application/xhtml+xml", '<span class="ocrx_word"'),
    ],
)
def test_an_answer_as_text(client: FlaskClient, form: str, media_type: str, content: str) -> None:
    response = render(client, form, named(ANSWER))
    assert response.status_code == 200, response.text
    assert response.mimetype == media_type
    assert response.headers["Content-Disposition"] == f'attachment; filename="scan.{form}"'
    assert response.headers["Cache-Control"] == "no-store"
    assert content in response.get_data(as_text=True)
    assert "总计：42.50元" in response.get_data(as_text=True)


def test_the_command_line_prints_the_same(client: FlaskClient) -> None:
    """One home for each form: columns, headings and elements are those of `ocr`."""
    table = render(client, "tsv", named(ANSWER)).get_data(as_text=True).splitlines()
    assert table[2] == "scan.png\t1\t1\t1\t0.98\t10.4\t80.0\t100.4\t100.0\t总计：42.50元\tcrnn_v3"
    text = render(client, "txt", named(ANSWER, read(line("second")))).get_data(as_text=True)
    assert text.startswith("==> scan.png <==\nTotal 42.50\n")
    body = ET.fromstring(render(client, "hocr", named(ANSWER)).data)
    words = [each.text for each in body.iter() if each.get("class") == "ocrx_word"]
    assert words == ["Total", "42.50", "总计：42.50元"]


def test_answers_are_those_that_the_service_gives(client: FlaskClient, image: bytes) -> None:
    response = client.post("/recognize?detail=chars", data=image, content_type="image/png")
    assert RecognizeAnswer.model_validate(response.json)
    assert render(client, "txt", named(response.json)).get_data(as_text=True) == response.json["text"] + "\n"
    record = client.get(f"/history/{response.json['history_id']}").json
    assert render(client, "txt", named(record)).get_data(as_text=True) == response.json["text"] + "\n"


def test_a_searchable_pdf_of_images_and_documents(client: FlaskClient) -> None:
    scans = [ANSWER, document([line("stamp", 700, 100)])]
    response = render(client, "pdf", named(*scans), blank(), vector("Alpha"))
    assert response.status_code == 200, response.text
    assert response.mimetype == "application/pdf"
    assert texts(response.data) == [ANSWER["text"], "Alpha\nstamp"]
    assert 'filename="scan +1.pdf"' in response.headers["Content-Disposition"]


def test_a_record_of_a_document_has_its_pages(client: FlaskClient) -> None:
    """The history keeps lines with their pages, and not the pages."""
    record = read(line("one", 700, 100, page=1), line("two", 700, 100, page=2))
    assert texts(render(client, "pdf", named(record), vector("a", "b")).data) == ["a\none", "b\ntwo"]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("收据.png", "attachment; filename=\"text.txt\"; filename*=UTF-8''%E6%94%B6%E6%8D%AE.txt"),
        ("a/b\\../scan.2.jpg", 'attachment; filename="scan.2.txt"'),
        ("", 'attachment; filename="text.txt"'),
        ('x"\r\nSet-Cookie: a=b', 'attachment; filename="x Set-Cookie a=b.txt"'),
        ("...", 'attachment; filename="text.txt"'),
    ],
)
def test_files_are_named_as_what_was_read(client: FlaskClient, name: str, header: str) -> None:
    found = render(client, "txt", named(ANSWER, name=name)).headers["Content-Disposition"]
    assert " ".join(found.split()) == header


def _without(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {member: value for member, value in given.items() if member != name}


@pytest.mark.parametrize(
    ("form", "answers", "field", "sentence"),
    [
        ("docx", named(ANSWER), "format", "txt"),
        ("txt", "no JSON", "answers", "not valid JSON"),
        ("txt", {"answer": ANSWER}, "answers", "list"),
        ("txt", [], "answers", "at least 1"),
        ("txt", named(ANSWER) * 201, "answers", "at most 200"),
        ("txt", named(_without(ANSWER, "text")), "answers.0.answer.text", "required"),
        ("txt", named(answer(line("x", bbox=[[1, 2]]))), "answers.0.answer.lines.0.bbox.1", "required"),
        ("txt", named(answer(line("x", bbox=[[9, 9], [1, 1]]))), "answers.0.answer.lines.0.bbox", "top left"),
        ("txt", named(answer(line("x", confidence=2))), "answers.0.answer.lines.0.confidence", "at most 1"),
        ("txt", '[{"answer": {"width": NaN}}]', "answers.0.answer.width", "finite"),
        ("pdf", named(ANSWER), "image", "Send a file for each answer, in the same order: 1, not 0"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused_by_name(
    client: FlaskClient, form: str, answers: Any, field: str, sentence: str
) -> None:
    response = render(client, form, answers)
    assert (response.status_code, response.json["type"]) == (422, "/problems/invalid-request")
    errors = {error["field"]: error["message"] for error in response.json["errors"]}
    assert sentence in errors[field], errors


@pytest.mark.parametrize(
    ("file", "status", "sentence"),
    [
        ((ROOT / "tests/golden/locked.pdf").read_bytes(), 400, "without a password"),
        (b"%PDF-1.7 broken", 400, "damaged"),
        (b"", 400, "empty"),
        (blank((20, 20)), 422, "Send the file that was read"),
        (bytes(140_000), 413, "over 0.125 MB"),
    ],
    ids=["locked", "broken", "empty", "another", "too large"],
)
def test_files_that_cannot_be_used(client: FlaskClient, file: bytes, status: int, sentence: str) -> None:
    response = render(client, "pdf", named(ANSWER), file)
    assert response.status_code == status
    assert sentence in response.json["detail"]


def test_long_answers_come_as_a_file_part(client: FlaskClient) -> None:
    part = (io.BytesIO(json.dumps(named(ANSWER)).encode()), "blob")
    response = client.post("/render", data={"format": "txt", "answers": part})
    assert response.get_data(as_text=True).startswith("Total")
    broken = client.post("/render", data={"format": "txt", "answers": (io.BytesIO(b"\xff"), "blob")})
    assert broken.json["errors"][0]["field"] == "answers"


def test_forms_only(client: FlaskClient) -> None:
    for path in ("/render", "/picture"):
        assert client.post(path, json={}).status_code == 415
        response = client.post(f"{path}?format=txt", data={"image": (io.BytesIO(b"x"), "a")})
        assert (response.status_code, response.json["errors"][0]["field"]) == (422, "format")
        response = client.post(path, data={"image": "text"}, content_type="multipart/form-data")
        assert "file part" in response.json["errors"][0]["message"]


def test_a_batch_is_as_large_as_elsewhere(make_app: Callable[..., Flask]) -> None:
    client = make_app(max_batch_mb=0.05).test_client()
    assert render(client, "pdf", named(ANSWER), bytes(120_000)).status_code == 413


def picture(client: FlaskClient, file: bytes, **fields: Any) -> TestResponse:
    return client.post("/picture", data={"image": (io.BytesIO(file), "file"), **fields})


def shown(response: TestResponse) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.data))


def facts(response: TestResponse) -> tuple[int, int, int]:
    return tuple(int(response.headers[name]) for name in ("X-Pages", "X-Width", "X-Height"))


def test_pages_of_a_document_are_drawn(client: FlaskClient) -> None:
    two = pages.pdf(pages.draw(1), pages.draw(2).resize((300, 200)))
    first, second = picture(client, two), picture(client, two, page=2)
    assert (facts(first), facts(second)) == ((2, 640, 420), (2, 300, 200))
    assert (shown(first).size, shown(second).size) == ((640, 420), (300, 200))
    tiff = lines.encode(
        Image.new("1", (64, 48), 1), "TIFF", save_all=True, append_images=[pages.draw(1).convert("1")]
    )
    assert shown(picture(client, tiff)).format == "PNG"
    response = picture(client, tiff, page=2, max_side=320)
    assert facts(response) == (2, 640, 420)
    assert shown(response).size == (320, 210)


@pytest.mark.parametrize(
    "size",
    [(595.28, 841.89), (612, 792), (100.1, 99.9), (3.3, 7), (14_400, 3), (6000, 7000), (14_000, 14_000)],
)
@pytest.mark.parametrize("rotation", [0, 270])
def test_a_pdf_is_drawn_in_the_size_that_the_recognizer_draws_it_in(
    size: tuple[float, float], rotation: int
) -> None:
    """Neither imports the other: the same resolution and the same limit are written down in both."""
    file = vector("x", size=size, Rotate=rotation)
    (sheet,), _ = open_sheets(file)
    drawn = draw(file, 1, 16)
    assert (drawn.height, drawn.width) == sheet.image.shape[:2]


def test_photos_are_upright_and_no_larger_than_asked_for(client: FlaskClient) -> None:
    exif = Image.Exif()
    exif[lines.ORIENTATION] = lines.ROTATED
    photo = lines.encode(Image.new("RGB", (800, 600), "red"), "JPEG", exif=exif)
    response = picture(client, photo, max_side=100)
    assert facts(response) == (1, 600, 800)
    assert shown(response).size == (75, 100)
    assert not shown(response).getexif()
    assert shown(picture(client, photo, max_side=2000)).size == (600, 800)


def test_transparency_lies_on_white(client: FlaskClient) -> None:
    image = shown(picture(client, lines.encode(Image.new("RGBA", (40, 30), (0, 0, 0, 0)))))
    assert image.convert("RGB").getpixel((20, 15)) == (255, 255, 255)


@pytest.mark.parametrize("kind", list(lines.encodings("x")))
def test_every_kind_of_image_is_drawn(client: FlaskClient, kind: str) -> None:
    response = picture(client, lines.encodings("Total")[kind])
    assert shown(response).size == lines.draw("Total").size == facts(response)[1:]


@pytest.mark.parametrize(
    ("file", "fields", "status"),
    [
        (b"no image", {}, 400),
        (b"", {}, 400),
        (b"%PDF-1.7", {}, 400),
        ((ROOT / "tests/golden/locked.pdf").read_bytes(), {}, 400),
        (lines.png("x")[:-30], {}, 400),
        (lines.encode(Image.new("1", (9000, 6000))), {}, 413),
        (lines.claiming(lines.encode(Image.new("RGB", (64, 64)), "HEIF"), 9000), {}, 413),
        (lines.claiming(lines.encodings("x")["avif"], 9000), {}, 413),
        (lines.claiming(lines.encode(Image.new("RGB", (64, 64)), "HEIF"), 60), {}, 400),
        (lines.encodings("x")["heic"][:-30], {}, 400),
        (lines.encodings("x")["avif"][:-30], {}, 400),
        (lines.png("x"), {"page": 2}, 422),
        (pages.pdf(Image.new("L", (8, 8))), {"page": 2}, 422),
        (lines.png("x"), {"page": 0}, 422),
        (lines.png("x"), {"max_side": 0}, 422),
        (lines.png("x"), {"size": 100}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn(client: FlaskClient, file: bytes, fields: dict[str, int], status: int) -> None:
    response = picture(client, file, **fields)
    assert (response.status_code, response.content_type) == (status, "application/problem+json")


def test_one_is_drawn_at_a_time(make_app: Callable[..., Flask]) -> None:
    app = make_app(torchserve_timeout_seconds=0.01)
    with app.extensions["ocr"].drawing.admit(1, is_page=True):
        busy = picture(app.test_client(), lines.png("x"))
        assert (busy.status_code, busy.json["type"]) == (503, "/problems/busy")
        assert render(app.test_client(), "txt", named(ANSWER)).status_code == 503
    assert picture(app.test_client(), lines.png("x")).status_code == 200


TABLE = read(
    line("=1+1", 10, 20, row=0),
    line("3.80", 300, 20, row=0),
    line("-1 apple pie", 10, 50, row=1),
    line("0012", 300, 50, row=1),
)


def test_tables_as_csv_with_cells_that_are_no_formulas(client: FlaskClient) -> None:
    response = render(client, "csv", named(TABLE))
    assert response.mimetype == "text/csv"
    assert response.data == b"\xef\xbb\xbf'=1+1,3.80\r\n'-1 apple pie,0012\n"
    two = render(client, "csv", named(TABLE, name="=a.png") + named(TABLE, name="b.png"))
    assert two.data.decode("utf-8-sig").splitlines()[::3][:2] == ["'=a.png", ""]


def test_a_workbook_has_a_sheet_for_each_answer_and_numbers_are_numbers(client: FlaskClient) -> None:
    response = render(
        client,
        "xlsx",
        named(TABLE, TABLE, name="a/shop: 1.png") + named(document([line("one")], [line("two")])),
    )
    assert response.headers["Content-Disposition"] == 'attachment; filename="shop  1 +2.xlsx"'
    book = openpyxl.load_workbook(io.BytesIO(response.data))
    assert book.sheetnames == ["shop  1.png", "shop  1.png (2)", "scan.png"]
    cells = [[(cell.value, cell.data_type) for cell in row] for row in book.worksheets[0].rows]
    assert cells == [[("=1+1", "s"), (3.8, "n")], [("-1 apple pie", "s"), ("0012", "s")]]
    assert book.worksheets[0]["B1"].number_format == "0.00"


def test_fields_are_a_row_for_each_answer(client: FlaskClient) -> None:
    total = {"value": "-5.00", "text": "RM -5.00", "confidence": 0.9}
    name, none = {"value": "Tea"}, None
    items = [
        {"name": name, "quantity": {"value": "2"}, "price": {"value": "1.80"}, "amount": {"value": "3.60"}},
        {"name": name, "quantity": none, "price": none, "amount": none},
    ]
    receipt = TABLE | {"fields": {"kind": "receipt", "date": None, "total": total, "items": items}}
    invoice = TABLE | {"fields": {"kind": "invoice", "iban": {"value": "DE89"}}}
    response = render(client, "fields.csv", named(receipt, TABLE, invoice))
    assert response.headers["Content-Disposition"] == 'attachment; filename="scan +2.fields.csv"'
    assert response.data.decode("utf-8-sig").splitlines() == [
        "document,kind,date,total,items,iban",
        "scan.png,receipt,,'-5.00,Tea: 2 × 1.80 = 3.60; Tea,",
        "scan.png,invoice,,,,DE89",
    ]
    (sheet,) = openpyxl.load_workbook(io.BytesIO(render(client, "fields.xlsx", named(receipt)).data))
    assert [cell.value for cell in sheet[2]] == ["scan.png", "receipt", None, -5, "Tea: 2 × 1.80 = 3.60; Tea"]


def test_markdown_and_text_in_another_shape(client: FlaskClient) -> None:
    expected = (
        "|              |      |\n| ------------ | ---: |\n| =1+1         | 3.80 |\n| -1 apple pie | 0012 |\n"
    )
    assert render(client, "md", named(TABLE)).text == expected
    assert render(client, "md", named(TABLE, TABLE)).text.startswith("# scan.png\n\n|")
    form = {"format": "txt", "text_format": "tsv", "answers": json.dumps(named(TABLE))}
    response = client.post("/render", data=form, content_type="multipart/form-data")
    assert response.text == "=1+1\t3.80\n-1 apple pie\t0012\n"


def test_lines_without_rows_and_without_text_have_a_shape(client: FlaskClient) -> None:
    bare = [
        {"text": text, "confidence": 1, "bbox": [[10, y], [99, y + 20]]} for y, text in ((0, "a b"), (30, ""))
    ]
    assert render(client, "md", named(read(*bare))).text == "a b\n"


def test_a_file_for_each_answer_in_a_zip(client: FlaskClient) -> None:
    for form, images in (("txt", ()), ("pdf", (blank(), blank()))):
        fields: dict[str, Any] = {
            "format": form,
            "separate": "true",
            "answers": json.dumps(named(ANSWER, ANSWER)),
        }
        fields |= {"image": [(io.BytesIO(image), "x.png") for image in images]} if images else {}
        response = client.post("/render", data=fields, content_type="multipart/form-data")
        assert (response.status_code, response.mimetype) == (200, "application/zip"), response.text
        assert response.headers["Content-Disposition"] == 'attachment; filename="scan +1.zip"'
        packed = zipfile.ZipFile(io.BytesIO(response.data))
        assert packed.namelist() == [f"scan.{form}", f"scan (2).{form}"]
        assert packed.testzip() is None
    assert [texts(packed.read(name)) for name in packed.namelist()] == [[ANSWER["text"]]] * 2


def test_an_image_that_was_left_empty_is_none(client: FlaskClient) -> None:
    """As forms of browsers, and /docs, send it."""
    answer = {"text": "x", "width": 1, "height": 1, "lines": []}
    fields = {"format": "txt", "answers": json.dumps([{"answer": answer}]), "image": ""}
    assert client.post("/render", data=fields, content_type="multipart/form-data").text == "x\n"
    assert client.post("/picture", data={"image": ""}, content_type="multipart/form-data").status_code == 422
