"""Results: beside the picture, copied, marked where unsure, and as files."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import openpyxl
import pypdfium2
import pytest
from playwright.sync_api import Download, Page, expect

from tests.browser import axe, clipboard, focus
from tests.browser.conftest import OpenPage
from tests.browser.drop import drop
from tests.browser.workspace import expect_read, expect_state, posts, say
from tests.documents import DOCUMENTS, SHAPES
from tests.e2e import lines
from tests.golden import GOLDEN, PAGE

ROWS = PAGE.text.split("\n")
SIGN = next(golden for golden in GOLDEN if golden.path.name == "sign.jpg")


def read(page: Page) -> Page:
    """With the receipt read."""
    drop(page.locator("#intake"), PAGE.path)
    expect_read(page, PAGE.path.name, ROWS[0])
    return page


@pytest.fixture
def reading(page: Page) -> Page:
    return read(page)


def download(page: Page, kind: str) -> Download:
    page.get_by_text(say("result.download"), exact=True).click()
    with page.expect_download() as saved:
        page.get_by_role("button", name=say(f"result.download.{kind}")).click()
    return saved.value


def saved_bytes(saved: Download) -> bytes:
    return Path(saved.path()).read_bytes()


def zoom(page: Page) -> int:
    return int(page.locator("#zoom").inner_text().split()[0])


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_results_are_accessible(open_page: OpenPage, axe_source: str, locale: str, width: int) -> None:
    page = read(open_page(locale=locale, viewport={"width": width, "height": 740}, reduced_motion="reduce"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for tab, theme in (
        ("tab-text", "light"),
        ("tab-json", "light"),
        ("tab-json", "dark"),
        ("tab-text", "dark"),
    ):
        page.emulate_media(color_scheme=theme)
        page.locator(f"#{tab}").click()
        assert axe.findings(page, axe_source) == [], (tab, theme)


def test_the_keyboard_reaches_every_result(reading: Page) -> None:
    stops = focus.tab_through(reading)
    assert [stop.name for stop in stops if not stop.is_marked] == []
    assert focus.operable(reading) - {stop.name for stop in stops} == set()


def test_all_text_is_copied(reading: Page) -> None:
    reading.get_by_role("button", name=say("result.copy"), exact=True).click()
    expect(reading.get_by_role("status").filter(has_text=say("result.copied"))).to_be_visible()
    assert clipboard.text(reading) == PAGE.text


def test_a_line_is_copied(reading: Page) -> None:
    line = reading.locator("#lines .line").nth(1)
    line.hover()
    line.get_by_role("button", name=say("result.copy_line", number=2)).click()
    expect(reading.get_by_role("status").filter(has_text=say("result.copied"))).to_be_visible()
    assert clipboard.text(reading) == ROWS[1]


def test_a_selection_is_copied_as_rows_and_cells(reading: Page) -> None:
    words = reading.locator("#lines .words")
    first, last = words.first.bounding_box(), words.last.bounding_box()
    assert first
    assert last
    reading.mouse.move(first["x"] + 1, first["y"] + first["height"] / 2)
    reading.mouse.down()
    reading.mouse.move(last["x"] + last["width"] - 1, last["y"] + last["height"] / 2, steps=5)
    reading.mouse.up()
    reading.keyboard.press("Control+c")
    copied = clipboard.text(reading).split("\n")
    cells = reading.locator("#lines > li").evaluate_all(
        "(rows) => rows.map((row) => [...row.querySelectorAll('.words')].map((cell) => cell.textContent))"
    )
    assert copied == ["\t".join(row) for row in cells]
    assert any(len(row) > 1 for row in cells)


def test_text_and_picture_light_each_other(reading: Page) -> None:
    text, shape = reading.locator("#lines .line"), reading.locator("#stage polygon")
    expect(shape).to_have_count(text.count())
    text.nth(2).hover()
    expect(shape.nth(2)).to_have_class(re.compile("lit"))
    shape.nth(0).hover()
    expect(text.nth(0)).to_have_class(re.compile("lit"))
    expect(shape.nth(2)).not_to_have_class(re.compile("lit"))
    shape.nth(0).click()
    expect(text.nth(0)).to_be_focused()


def test_arrow_keys_go_from_line_to_line(reading: Page) -> None:
    text = reading.locator("#lines .line")
    text.nth(0).focus()
    for _ in range(2):
        reading.keyboard.press("ArrowDown")
    expect(text.nth(2)).to_be_focused()
    expect(reading.locator("#stage polygon").nth(2)).to_have_class(re.compile("lit"))
    reading.keyboard.press("End")
    expect(text.last).to_be_focused()


def test_the_picture_is_zoomed(reading: Page) -> None:
    fitted = zoom(reading)
    reading.get_by_role("button", name=say("stage.zoom_in")).click()
    nearer = zoom(reading)
    assert nearer > fitted
    reading.locator("#stage").focus()
    reading.keyboard.press("+")
    assert zoom(reading) > nearer
    reading.keyboard.press("0")
    assert zoom(reading) == fitted
    reading.get_by_role("button", name=say("stage.zoom_in")).click()
    reading.get_by_role("button", name=say("stage.zoom_out")).click()
    assert zoom(reading) == fitted


def test_lines_and_characters_are_shown_and_hidden(reading: Page) -> None:
    line, character = reading.locator("#stage polygon").first, reading.locator("#stage rect").first
    expect(line).to_be_visible()
    expect(character).to_be_hidden()
    reading.get_by_role("button", name=say("stage.characters")).click()
    expect(character).to_be_visible()
    expect(line).to_have_css("stroke", "rgba(0, 0, 0, 0)")
    reading.get_by_role("button", name=say("stage.lines"), exact=True).click()
    expect(line).not_to_have_css("stroke", "rgba(0, 0, 0, 0)")


def test_what_is_unsure_is_marked(reading: Page) -> None:
    slider = reading.get_by_role("slider")
    marked = reading.locator("#lines .doubtful")
    slider.focus()
    reading.keyboard.press("Home")
    expect(marked).to_have_count(0)
    reading.keyboard.press("End")
    below = marked.count()
    assert below > 0
    reading.keyboard.press("ArrowLeft")
    assert marked.count() <= below
    value = slider.input_value()
    reading.reload()
    expect_read(reading, PAGE.path.name, ROWS[0])
    expect(slider).to_have_value(value)


def test_the_json_is_the_services_own(reading: Page) -> None:
    reading.get_by_role("tab", name="JSON").click()
    shown = json.loads(reading.locator("#json").inner_text())
    assert shown["text"] == PAGE.text
    reading.get_by_role("button", name=say("result.copy_json")).click()
    expect(reading.get_by_role("status").filter(has_text=say("result.copied"))).to_be_visible()
    assert json.loads(clipboard.text(reading)) == shown
    reading.get_by_role("tab", name="JSON").press("ArrowRight")  # round to the first
    expect(reading.locator("#lines")).to_be_visible()


def test_text_and_json_are_saved_without_the_service(reading: Page) -> None:
    with posts(reading) as posted:
        text = download(reading, "txt")
        answer = download(reading, "json")
    assert posted == []
    assert (text.suggested_filename, answer.suggested_filename) == ("page.txt", "page.json")
    assert saved_bytes(text).decode() == f"{PAGE.text}\n"
    assert json.loads(saved_bytes(answer))["text"] == PAGE.text


def test_a_table_is_saved(reading: Page) -> None:
    saved = download(reading, "tsv")
    assert saved.suggested_filename == "page.tsv"
    table = list(csv.DictReader(io.StringIO(saved_bytes(saved).decode()), delimiter="\t"))
    assert ROWS[0] in {row["text"] for row in table}


def test_hocr_is_saved(reading: Page) -> None:
    saved = download(reading, "hocr")
    assert saved.suggested_filename == "page.hocr"
    assert b"ocr_line" in saved_bytes(saved)
    assert b"Wholemeal" in saved_bytes(saved)


def test_a_searchable_pdf_is_saved(reading: Page) -> None:
    saved = download(reading, "pdf")
    assert saved.suggested_filename == "page.pdf"
    with pypdfium2.PdfDocument(saved_bytes(saved)) as document:
        page = document[0]
        found = page.get_textpage().get_text_range()
        page.close()
    assert "Wholemeal bread" in found


def test_all_files_are_saved_as_one(page: Page) -> None:
    drop(page.locator("#intake"), PAGE.path, SIGN.path)
    expect_state(page, PAGE.path.name, "done")
    expect_read(page, SIGN.path.name, SIGN.text)
    page.get_by_text(say("result.download"), exact=True).click()
    page.get_by_role("checkbox", name=say("result.download.all")).check()
    with page.expect_download() as saved:
        page.get_by_role("button", name=say("result.download.txt")).click()
    text = saved_bytes(saved.value).decode()
    assert ROWS[0] in text
    assert SIGN.text in text


def test_the_networks_that_read_the_lines_are_counted(reading: Page) -> None:
    shown = reading.locator("#facts dt", has_text=say("result.model")).locator("+ dd").inner_text()
    model, *networks = shown.split(" · ")
    assert model.startswith("auto ")
    counts = [network.split(": ") for network in networks]
    assert {name for name, _ in counts} <= {"crnn_v3", "crnn_v3_lite"}
    assert sum(int(count) for _, count in counts) == reading.locator(".line").count()


def test_the_name_of_a_former_model_that_was_kept_chooses_its_successor(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("""localStorage.setItem("ocr-options", '{"model": "crnn_v2_lite"}')""")
    page.reload()
    expect(page.locator("#model")).to_have_value("crnn_v3_lite")


def test_it_is_read_again_with_other_options(reading: Page) -> None:
    reading.locator("summary", has_text=say("options.title")).click()
    reading.get_by_label(say("options.allowlist")).fill("0123456789")
    reading.get_by_role("button", name=say("result.again")).click()
    expect(reading.locator("#lines")).not_to_contain_text("Station")
    expect(reading.locator("#lines")).to_contain_text("12")


def test_an_image_without_text_says_what_to_do(page: Page, tmp_path: Path) -> None:
    (tmp_path / "blank.png").write_bytes(lines.encode(lines.draw(" ", 200)))
    drop(page.locator("#intake"), tmp_path / "blank.png")
    expect(page.locator("#result-status")).to_have_text(say("result.nothing"))
    expect(page.get_by_role("button", name=say("result.copy"), exact=True)).to_be_disabled()


def test_text_is_never_markup(page: Page, tmp_path: Path) -> None:
    text = "<b>bold</b>"
    (tmp_path / "markup.png").write_bytes(lines.png(text))
    drop(page.locator("#intake"), tmp_path / "markup.png")
    expect_state(page, "markup.png", "done")
    expect(page.locator("#lines b")).to_have_count(0)
    expect(page.locator("#lines")).to_contain_text("bold")


NOT_COPIED = "not copied yet"


def copied(page: Page, shape: str) -> str:
    page.get_by_label(say("result.shape")).select_option(shape)
    clipboard.copy_text(page, NOT_COPIED)
    page.get_by_role("button", name=say("result.copy"), exact=True).click()
    return clipboard.text_after(page, NOT_COPIED)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_copied_as_it_was_typed(page: Page, tmp_path: Path, name: str) -> None:
    document = DOCUMENTS[name]
    path = tmp_path / f"{name}.png"
    document.draw().save(path)
    drop(page.locator("#intake"), path)
    expect_read(page, path.name)
    for shape in SHAPES:
        assert copied(page, shape) == getattr(document, shape), shape
        assert saved_bytes(download(page, "txt")).decode() == f"{clipboard.text(page)}\n"


def test_code_is_copied_with_its_spaces(reading: Page) -> None:
    assert re.search("^ *Butter {9,}6.35$", copied(reading, "code"), re.MULTILINE)


def test_tables_are_saved_for_spreadsheets(reading: Page) -> None:
    cells = [["Wholemeal bread", "4.25"], ["Butter", "6.35"]]
    rows = list(csv.reader(io.StringIO(saved_bytes(download(reading, "csv")).decode("utf-8-sig"))))
    assert [row for row in rows if row in cells] == cells
    sheet = openpyxl.load_workbook(io.BytesIO(saved_bytes(download(reading, "xlsx")))).active
    assert ["Butter", 6.35] in [[cell.value for cell in row] for row in sheet.rows]
    assert "| Butter             |       6.35 |" in saved_bytes(download(reading, "md")).decode().splitlines()


def test_a_file_for_each_input_is_saved_in_a_zip(reading: Page) -> None:
    drop(reading.locator("#intake"), SIGN.path)
    expect_read(reading, SIGN.path.name, SIGN.text)
    reading.get_by_text(say("result.download"), exact=True).click()
    reading.get_by_label(say("result.download.separate")).check()
    with reading.expect_download() as saved:
        reading.get_by_role("button", name=say("result.download.txt")).click()
    assert saved.value.suggested_filename == "ocr.zip"
    packed = zipfile.ZipFile(io.BytesIO(saved_bytes(saved.value)))
    texts = {name: packed.read(name).decode().strip() for name in packed.namelist()}
    assert texts == {"page.txt": PAGE.text, "sign.txt": SIGN.text}
