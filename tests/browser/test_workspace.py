"""The page at work: panes, many files and pages, search, comparing two models, keys; and on a phone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe, focus
from tests.browser.conftest import OpenPage
from tests.browser.drop import drop
from tests.browser.workspace import expect_read, expect_state, row, say
from tests.e2e import pages
from tests.golden import GOLDEN, PAGE

SOME = [golden.path for golden in GOLDEN[3:6]]
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


def width(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box
    return box["width"]


def test_the_splitter_is_dragged_and_remembered(reading: Page) -> None:
    before = width(reading, "#picture")
    splitter = reading.get_by_role("separator")
    box = splitter.bounding_box()
    assert box
    reading.mouse.move(box["x"] + 5, box["y"] + 100)
    reading.mouse.down()
    reading.mouse.move(box["x"] - 145, box["y"] + 100, steps=4)
    reading.mouse.up()
    dragged = width(reading, "#picture")
    assert dragged == pytest.approx(before - 150, abs=8)
    splitter.press("ArrowRight")
    stepped = width(reading, "#picture")
    assert stepped > dragged
    reading.reload()
    expect_read(reading, PAGE.path.name, "TOTAL")
    assert width(reading, "#picture") == pytest.approx(stepped, abs=1)


def test_pages_are_turned_by_thumbnails_keys_and_number(page: Page, tmp_path: Path) -> None:
    document = tmp_path / "document.pdf"
    document.write_bytes(pages.pdf(*(pages.draw(number) for number in (21, 22, 23))))
    drop(page.locator("#intake"), document)
    expect_read(page, document.name, "RECEIPT 1021")
    thumbnail = page.get_by_role("button", name=say("stage.page", number=3))
    expect(thumbnail.locator("img")).to_be_visible()
    thumbnail.click()
    expect(page.locator("#lines")).to_contain_text("RECEIPT 1023")
    page.keyboard.press("PageUp")
    expect(page.locator("#lines")).to_contain_text("RECEIPT 1022")
    page.get_by_label(say("stage.jump")).fill("1")
    page.keyboard.press("Enter")
    expect(page.locator("#lines")).to_contain_text("RECEIPT 1021")
    page.locator("#stage").focus()
    page.keyboard.press("/")
    page.keyboard.type("receipt 1023")
    expect(page.locator("#find-count")).to_have_text(say("find.count", number=1, count=1))
    expect(page.locator("#lines .lit")).to_have_text("RECEIPT 1023")


def test_arrow_keys_go_through_the_files(page: Page) -> None:
    drop(page.locator("#intake"), *SOME)
    for golden in GOLDEN[3:6]:
        expect_state(page, golden.path.name, "done")
    row(page, SOME[0].name).get_by_role("button").first.click()
    for golden in GOLDEN[4:6]:
        page.keyboard.press("ArrowDown")
        expect(page.locator("#lines")).to_contain_text(golden.text)
    page.keyboard.press("ArrowUp")
    expect(page.locator("#lines")).to_contain_text(GOLDEN[4].text)


def test_two_models_are_compared(reading: Page) -> None:
    reading.get_by_role("tab", name=say("compare.title")).click()
    reading.get_by_label(say("compare.with")).select_option("crnn_v3_lite")
    with reading.expect_response("**/recognize") as read:
        reading.get_by_role("button", name=say("compare.read")).click()
    answer = read.value.json()
    assert answer["model"] == "crnn_v3_lite"
    expect(reading.locator("#compare-rows th")).to_have_text([say("model.auto"), say("model.fast")])
    expect(reading.locator("#compare-rows tbody td:last-child")).to_have_text(
        [line["text"] for line in answer["lines"]]
    )


def test_what_two_models_read_differently_is_marked(reading: Page) -> None:
    """As if the other had read this line otherwise: which ones really differ changes with every training."""
    reading.locator("#lines .words", has_text="Butter").click()
    reading.keyboard.press("Control+a")
    reading.keyboard.type("Bitter")
    reading.keyboard.press("Enter")
    reading.get_by_role("tab", name=say("compare.title")).click()
    reading.get_by_role("button", name=say("compare.read")).click()
    expect(reading.locator("#compare-rows mark")).to_have_text(["i", "u"])
    expect(reading.locator("#compare-status")).to_have_text(say("compare.differ", count=1, total=20))


def test_other_options_say_what_they_would_do(reading: Page) -> None:
    again = reading.get_by_role("button", name=say("result.again"))
    reading.locator("summary", has_text=say("options.title")).click()
    expect(again).to_be_hidden()
    reading.locator("#model").select_option(label=f"{say('model.fast')} (crnn_v3_lite)")
    expect(reading.locator("#again-about")).to_contain_text(say("model.fast"))
    again.click()
    expect(reading.locator("#facts")).to_contain_text("crnn_v3_lite")
    expect(again).to_be_hidden()


def test_shortcuts_are_listed(reading: Page) -> None:
    reading.locator("main").focus()
    reading.keyboard.press("?")
    dialog = reading.get_by_role("dialog", name=say("keys.title"))
    expect(dialog).to_contain_text(say("keys.unsure"))
    reading.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_phone_offers_the_camera_first(open_page: OpenPage) -> None:
    page = open_page(**PHONE)
    camera, choose = (page.locator(at).bounding_box() for at in ("#camera", "#choose"))
    assert camera
    assert choose
    assert (camera["y"], camera["x"]) < (choose["y"], choose["x"])
    said = page.locator("#view-read").inner_text()
    assert "Ctrl" not in said
    assert "Drop" not in said
    assert focus.too_small(page) == []


def test_a_phone_shows_text_or_picture_and_shares(open_page: OpenPage) -> None:
    page = open_page(**PHONE)
    page.add_init_script("navigator.share = async (shared) => { window.shared = shared; };")
    page.reload()
    drop(page.locator("#intake"), PAGE.path)
    expect_read(page, PAGE.path.name, "TOTAL")
    expect(page.locator("#picture")).to_be_hidden()
    expect(page.locator("#lines .line").first).to_be_in_viewport()
    expect(page.locator("#copy")).to_be_in_viewport()
    page.get_by_role("button", name=say("result.share")).click()
    assert page.evaluate("window.shared.text") == PAGE.text
    page.get_by_role("tab", name=say("result.picture")).click()
    expect(page.locator("#stage")).to_be_in_viewport()
    expect(page.locator("#lines")).to_be_hidden()
    expect(page.locator("#copy")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    polygon = re.compile("^polygon ")  # a line on the picture is as small as its letters
    assert [name for name in focus.too_small(page) if not polygon.match(name)] == []


def test_on_a_phone_a_notice_covers_no_button(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(**PHONE)
    (tmp_path / "bad.png").write_text("no image")
    drop(page.locator("#intake"), PAGE.path, tmp_path / "bad.png")
    notice = page.locator(".notice.bad")
    expect(notice).to_contain_text(say("queue.unread", count=1))
    box = notice.bounding_box()
    assert box
    for name in ("nav", "#intake .ways", "#reading > header .actions"):
        other = page.locator(name).first.bounding_box()
        assert other
        assert other["y"] + other["height"] <= box["y"] or box["y"] + box["height"] <= other["y"], name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_at_work_is_accessible(open_page: OpenPage, axe_source: str, theme: str) -> None:
    page = open_page(viewport={"width": 1366, "height": 768}, color_scheme=theme, reduced_motion="reduce")
    drop(page.locator("#intake"), PAGE.path, *SOME)
    expect_read(page, PAGE.path.name, "TOTAL")
    for tab in ("tab-compare", "tab-text"):
        page.locator(f"#{tab}").click()
        assert axe.findings(page, axe_source) == [], tab
    page.locator("#mark-region").click()
    page.locator("#options summary").click()
    page.locator("#model").select_option("crnn_v3")
    assert axe.findings(page, axe_source) == []
