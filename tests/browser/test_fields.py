"""The panel with the fields of a receipt or an invoice."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe, clipboard
from tests.browser.conftest import OpenPage
from tests.browser.drop import drop
from tests.browser.workspace import expect_read, say
from tests.e2e.documents import receipt
from tests.golden import VAT_INVOICE


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "mawar.png"
    path.write_bytes(receipt())
    return path


def read(page: Page, path: Path, kind: str, text: str) -> Page:
    """With its fields asked for, and their panel open."""
    page.locator("#options summary").click()
    page.locator("#options [name=fields]").select_option(kind)
    page.locator("#options summary").click()
    drop(page.locator("#intake"), path)
    expect_read(page, path.name, text)
    page.locator("#tab-fields").click()
    return page


def row(page: Page, name: str) -> list[str]:
    """The texts of a field: its name, its value, how it is written if otherwise, checks, confidence."""
    cells = page.locator("#fields-tables tr").filter(
        has=page.get_by_role("button", name=say(name), exact=True)
    )
    return [text for cell in cells.locator("th, td").all_inner_texts() for text in cell.split("\n")]


def test_fields_are_shown_lit_copied_and_saved(page: Page, picture: Path) -> None:
    read(page, picture, "receipt", "MAWAR")
    total = row(page, "fields.total")
    written = say("fields.as_written", text="RM 10.70")
    assert total[:-1] == [say("fields.total"), "10.70", written, say("fields.check.items.yes")]
    date = page.get_by_role("button", name=say("fields.date"), exact=True)
    date.hover()
    expect(page.locator("#stage polygon.lit")).to_have_count(1)
    expect(page.locator("#stage polygon.lit")).to_have_accessible_name(re.compile("03/04/2019"))
    page.locator("#copy-fields").click()
    rows = [line.split("\t") for line in clipboard.text(page).split("\n")]
    assert [say("fields.date"), "2019-04-03"] in rows
    assert ["Nasi lemak", "1", "6.50", "6.50"] in rows
    with page.expect_download() as saved:
        page.get_by_role("button", name=say("fields.csv")).click()
    assert saved.value.suggested_filename == "mawar.fields.csv"
    (kept,) = csv.DictReader(io.StringIO(Path(saved.value.path()).read_text("utf-8-sig")))
    assert (kept["document"], kept["total"]) == ("mawar.png", "10.70")


def test_a_correction_changes_the_fields(page: Page, picture: Path) -> None:
    read(page, picture, "receipt", "MAWAR")
    page.locator("#tab-text").click()
    page.locator(".line .words", has_text="03/04/2019").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Date: 03/04/2020 19:08")
    page.keyboard.press("Enter")
    page.locator("#tab-fields").click()
    expect(page.locator("#fields-tables")).to_contain_text("2020-04-03")


def test_without_fields_there_is_no_panel(reading: Page) -> None:
    expect(reading.locator("#tab-fields")).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_the_panel_is_accessible(open_page: OpenPage, axe_source: str, locale: str, width: int) -> None:
    page = open_page(locale=locale, viewport={"width": width, "height": 740}, reduced_motion="reduce")
    read(page, VAT_INVOICE, "auto", "厦门")
    expect(page.locator("#fields-tables table")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert axe.findings(page, axe_source) == []
