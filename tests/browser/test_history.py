"""The history's view: found, opened again, exported, deleted and taken back."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId
from playwright.sync_api import Locator, Page, expect
from pymongo import MongoClient
from pymongo.database import Database

from tests.browser import axe, focus
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenPage
from tests.browser.drop import drop
from tests.browser.workspace import expect_read, say
from tests.e2e import lines, pages
from tests.e2e.service import Service, wait_for
from tests.golden import WIDE

UNDO_SECONDS = 8
CHINESE = next(golden for golden in WIDE if golden.path.name == "menu.png")
MANY = 45
"""Three pages."""


@pytest.fixture
def history(site: Service) -> Iterator[Service]:
    """The service with nothing in its history."""
    site.delete("/history?all=true")
    yield site
    site.delete("/history?all=true")


def read(service: Service, text: str, **fields: str) -> str:
    """Have an image with this text read; the id of the record."""
    answer = service.post(lines.png(text), mode="line", **fields).json()
    assert answer["text"] == text
    return str(answer["history_id"])


@contextmanager
def database(service: Service) -> Iterator[Database[dict[str, Any]]]:
    """Where the service keeps its records."""
    with MongoClient(service.private("mongod", "/ocr").replace("http", "mongodb")) as mongo:
        yield mongo.get_default_database()


def move(service: Service, record_id: str, time: datetime) -> None:
    """Make it that the record was read then."""
    with database(service) as ocr:
        records = ocr["history"]
        found = records.update_one({"_id": ObjectId(record_id)}, {"$set": {"timestamp": time}})
        assert found.matched_count == 1


def stored(service: Service, query: str = "") -> list[str]:
    """The texts that the service has, newest first."""
    return [item["text"] for item in service.get(f"/history?limit=100&{query}").json()["items"]]


def records(page: Page) -> Locator:
    return page.locator("#history-list li:visible")


def record(page: Page, text: str) -> Locator:
    return records(page).filter(has_text=text)


def delete(page: Page, text: str) -> None:
    page.get_by_role("button", name=say("history.delete.name", title=text)).click()


def undo(page: Page) -> None:
    page.get_by_role("button", name=say("shell.undo")).click()


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox").fill(text)


def test_the_list_goes_on_and_has_an_end(history: Service, open_page: OpenPage) -> None:
    for number in range(MANY):
        read(history, f"Ledger {100 + number}")
    page = open_page("/#history")
    expect(records(page)).to_have_count(20)
    expect(records(page).first).to_contain_text("Ledger 144")
    expect(page.locator("#history-status")).to_have_text(say("history.count", count=20))
    more = page.get_by_role("button", name=say("history.more"))
    more.evaluate("button => button.focus({ preventScroll: true })")
    page.keyboard.press("Enter")
    expect(record(page, "Ledger 124").get_by_role("button").first).to_be_focused()
    page.mouse.move(600, 400)
    page.mouse.wheel(0, 10_000)
    expect(records(page)).to_have_count(MANY)
    expect(page.locator("#history-status")).to_have_text(say("history.count.all", count=MANY))
    expect(more).to_be_hidden()
    expect(records(page).locator(".excerpt")).to_have_text([f"Ledger {144 - n}" for n in range(MANY)])


def test_what_is_sought_is_found_and_marked(history: Service, open_page: OpenPage) -> None:
    read(history, "Riverside Market")
    history.post(CHINESE.path.read_bytes(), mode="line")
    page = open_page("/#history")
    expect(records(page)).to_have_count(2)
    search(page, "SIDE  mar")
    expect(records(page)).to_have_count(1)
    expect(records(page).locator("mark")).to_have_text("side Mar")
    search(page, "语言")
    expect(records(page)).to_have_count(1)
    expect(records(page).locator("mark")).to_have_text("语言")
    search(page, "nowhere")
    expect(page.locator("#history-status")).to_have_text(say("history.none"))
    page.get_by_role("button", name=say("history.widen")).click()
    expect(records(page)).to_have_count(2)
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_what_is_refused_is_told(history: Service, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("status of 422")
    page = open_page("/#history")
    expect(page.locator("#history-status")).to_have_text(say("history.empty"))
    search(page, "\x07")
    expect(page.locator("#history-status")).to_contain_text("control characters")
    assert stored(history) == []


def test_days_are_those_of_the_reader(history: Service, open_page: OpenPage) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    midnight = datetime(2026, 3, 8, tzinfo=zone)
    for text, seconds in (
        ("Before it", -1),
        ("At the start", 0),
        ("At the end", 86_399),
        ("After it", 86_400),
    ):
        move(history, read(history, text), midnight + timedelta(seconds=seconds))
    page = open_page("/#history", timezone_id=zone.key)
    expect(records(page)).to_have_count(4)
    expect(page.locator("#history-list section:visible")).to_have_count(3)
    page.get_by_label(say("history.from")).fill("2026-03-08")
    expect(records(page)).to_have_count(3)
    page.get_by_label(say("history.to"), exact=True).fill("2026-03-08")
    expect(records(page).locator(".excerpt")).to_have_text(["At the end", "At the start"])
    page.get_by_label(say("history.from")).fill("2026-03-09")
    expect(page.locator("#history-status")).to_have_text(say("history.order"))


def test_a_model_is_chosen_and_a_reload_keeps_what_is_chosen(history: Service, open_page: OpenPage) -> None:
    read(history, "Large model")
    read(history, "Small model", model="crnn_v3_lite")
    read(history, "Read by lite", model="crnn_v3_lite")
    page = open_page("/#history")
    expect(records(page)).to_have_count(3)
    page.get_by_role("combobox").select_option("crnn_v3_lite")
    expect(records(page)).to_have_count(2)
    search(page, "model")
    expect(records(page)).to_have_count(1)
    page.reload()
    expect(records(page)).to_have_count(1)
    expect(record(page, "Small model")).to_be_visible()
    expect(page.get_by_role("combobox")).to_have_value("crnn_v3_lite")
    expect(page.get_by_role("searchbox")).to_have_value("model")
    page.get_by_role("button", name=say("history.reset"), exact=True).click()
    expect(records(page)).to_have_count(3)


def test_what_was_read_since_comes_first(history: Service, open_page: OpenPage) -> None:
    read(history, "First of all")
    page = open_page("/#history")
    expect(records(page)).to_have_count(1)
    page.get_by_role("link", name=say("shell.read")).click()
    read(history, "Read since")
    page.get_by_role("link", name=say("shell.history")).click()
    expect(records(page)).to_have_count(2)
    expect(records(page).first).to_contain_text("Read since")


def test_a_record_is_opened_again_with_its_image(history: Service, open_page: OpenPage) -> None:
    record_id = read(history, "Open me again")
    page = open_page("/#history")
    expect(records(page).locator(".thumbnail img")).to_be_visible()
    with page.expect_response(f"**/history/{record_id}/image") as response:
        page.get_by_role("button", name=say("history.open.name", title="Open me again")).click()
    assert response.value.ok
    expect(page.locator("#lines")).to_contain_text("Open me again")
    expect(page.locator("#stage image, #stage img").first).to_be_visible()


def test_an_image_that_was_not_kept_is_shown_where_it_is_in_the_list(
    history: Service, open_page: OpenPage
) -> None:
    page = open_page()
    drop(page.locator("#intake"), CHINESE.path)
    expect_read(page, CHINESE.path.name, CHINESE.text)
    history.post(CHINESE.path.read_bytes())  # again, elsewhere: a record that the page does not know
    with database(history) as ocr:
        ocr["images.files"].delete_many({})
    page.goto("/#history")
    records(page).get_by_role("button").first.click()
    expect(page.locator("#jobs > li")).to_have_count(2)
    expect(page.locator("#stage img")).to_be_visible()
    expect(page.locator("#result-status")).to_have_text(say("result.sure.one"))


def test_a_record_of_a_file_in_the_list_is_opened_there(history: Service, open_page: OpenPage) -> None:
    page = open_page()
    drop(page.locator("#intake"), CHINESE.path)
    expect_read(page, CHINESE.path.name, CHINESE.text)
    read(history, "Another one")
    of_menu, other = (CHINESE.path.name, CHINESE.text), ("Another one", "Another one")
    for (title, text), count in ((of_menu, 1), (other, 2), (other, 2), (of_menu, 2)):
        page.goto("/#history")
        page.get_by_role("button", name=say("history.open.name", title=title)).click()
        expect(page.locator("#lines")).to_be_visible()
        expect(page.locator("#lines")).to_contain_text(text)
        expect(page.locator("#jobs > li")).to_have_count(count)


def test_a_document_is_opened_again_page_by_page(history: Service, open_page: OpenPage) -> None:
    history.post(pages.pdf(pages.draw(3), pages.draw(4)))
    page = open_page("/#history")
    records(page).get_by_role("button").first.click()
    for number in (3, 4):
        rows = pages.text(number).split("\n")
        expect(page.locator("#lines > li")).to_have_count(len(rows))
        expect(page.locator("#lines")).to_contain_text(rows[0])
        if number == 3:
            page.locator("#next-sheet").click()


def test_a_file_is_known_by_its_name_and_its_thumbnail(history: Service, open_page: OpenPage) -> None:
    page = open_page()
    drop(page.locator("#intake"), CHINESE.path)
    expect_read(page, CHINESE.path.name, CHINESE.text)
    read(history, "Another one")
    page.goto("/#history")
    item = record(page, CHINESE.path.name)
    expect(item.locator(".name")).to_have_text(CHINESE.path.name)
    expect(item.locator(".excerpt")).to_have_text(CHINESE.text)
    shown = item.locator(".thumbnail img")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalWidth") > 0
    search(page, CHINESE.path.stem.upper())
    expect(records(page)).to_have_count(1)
    expect(records(page).locator(".name mark")).to_have_text(CHINESE.path.stem)


def test_one_line_that_cannot_be_read_says_nothing_of_the_others(
    history: Service, open_page: OpenPage
) -> None:
    record = ObjectId(read(history, "Total 48.60"))
    with database(history) as records:
        records.history.update_one({"_id": record}, {"$set": {"confidence": 0.0, "mean_confidence": 0.93}})
    about = open_page("/#history").locator(".record .about")
    expect(about).to_contain_text("93 %")
    expect(about).not_to_contain_text("auto 0 %")


def test_a_record_of_before_has_a_sign(history: Service, open_page: OpenPage) -> None:
    read(history, "Read long ago")
    with database(history) as ocr:
        ocr["history"].update_many({}, {"$unset": {"thumbnail": 1, "has_thumbnail": 1, "options": 1}})
    page = open_page("/#history")
    expect(records(page).locator(".thumbnail svg")).to_be_visible()
    expect(records(page).locator(".name")).to_have_count(0)
    records(page).get_by_role("button").first.click()
    expect(page.locator("#lines")).to_contain_text("Read long ago")


@pytest.mark.usefixtures("history")
def test_a_document_of_a_task_is_one_record_opened_as_it_was_read(
    open_page: OpenPage, tmp_path: Path
) -> None:
    """Corrected on its second page, in the list and again from the history, by another page."""
    file = tmp_path / "receipts.pdf"
    file.write_bytes(pages.pdf(pages.draw(3), pages.draw(4), pages.draw(5)))
    page = open_page()
    page.locator("#options summary").click()
    page.get_by_label(say("options.pages")).fill("1-2")
    page.locator("#options summary").click()
    drop(page.locator("#intake"), file)
    expect_read(page, file.name, pages.text(3).split("\n")[0])
    page.locator("#next-sheet").click()
    expect(page.locator("#lines")).to_contain_text("RECEIPT 1004")
    with page.expect_response(lambda response: response.request.method == "PATCH") as kept:
        page.locator("#lines .words", has_text="RECEIPT 1004").click()
        page.keyboard.press("Control+a")
        page.keyboard.type("RECEIPT 2004")
        page.keyboard.press("Enter")
    assert [one["after"] for one in kept.value.json()["corrections"]] == ["RECEIPT 2004"]
    assert "RECEIPT 1003" in kept.value.json()["text"]
    page.goto("/#history")
    expect(records(page)).to_have_count(1)
    expect(records(page).locator(".about")).to_contain_text(say("history.pages", count=2))
    expect(records(page).locator(".corrected-mark")).to_have_text(say("history.corrected.one"))
    page = open_page("/#history")  # another browser, whose list of files is empty
    page.get_by_role("button", name=say("history.open.name", title=file.name)).click()
    expect(page.locator("#facts")).to_contain_text(f"{say('options.pages')}: 1-2")
    page.locator("#next-sheet").click()
    expect(page.locator("#lines .corrected")).to_have_text(re.compile("RECEIPT 2004"))


@pytest.mark.usefixtures("history")
def test_reading_again_leaves_no_record(open_page: OpenPage) -> None:
    page = open_page()
    drop(page.locator("#intake"), CHINESE.path)
    expect_read(page, CHINESE.path.name, CHINESE.text)
    page.get_by_role("tab", name=say("compare.title")).click()
    with page.expect_response("**/recognize") as compared:
        page.locator("#compare-read").click()
    assert compared.value.json()["history_id"] is None
    page.goto("/#history")
    expect(records(page)).to_have_count(1)


def test_a_deletion_is_taken_back(history: Service, open_page: OpenPage) -> None:
    for text in ("Oldest", "Middle", "Newest"):
        read(history, text)
    page = open_page("/#history")
    page.clock.install()
    delete(page, "Middle")
    expect(records(page)).to_have_count(2)
    expect(record(page, "Oldest").get_by_role("button").first).to_be_focused()
    delete(page, "Newest")
    expect(page.get_by_role("status")).to_contain_text([say("history.deleted.many", count=2)])
    expect(records(page)).to_have_count(1)
    undo(page)
    expect(records(page)).to_have_count(3)
    expect(record(page, "Middle").get_by_role("button").first).to_be_focused()
    delete(page, "Oldest")
    expect(records(page)).to_have_count(2)
    page.keyboard.press("Control+z")
    expect(records(page)).to_have_count(3)
    let_undo_pass(page)
    assert stored(history) == ["Newest", "Middle", "Oldest"]


def test_what_is_not_taken_back_goes(history: Service, open_page: OpenPage) -> None:
    for text in ("Keep this", "Forget this", "Forget that"):
        read(history, text)
    page = open_page("/#history")
    page.clock.install()
    delete(page, "Forget that")
    delete(page, "Forget this")
    assert len(stored(history)) == 3
    let_undo_pass(page)
    wait_for(lambda: stored(history) == ["Keep this"], 10)
    expect(page.get_by_role("button", name=say("shell.undo"))).to_be_hidden()
    expect(page.locator("#history-status")).to_have_text(say("history.count.one"))


def test_who_leaves_has_deleted(history: Service, open_page: OpenPage) -> None:
    for text in ("Keep this", "Forget this"):
        read(history, text)
    page = open_page("/#history")
    page.clock.install()
    delete(page, "Forget this")
    expect(records(page)).to_have_count(1)
    page.goto("about:blank")
    wait_for(lambda: stored(history) == ["Keep this"], UNDO_SECONDS / 2)


def test_all_that_match_are_deleted(history: Service, open_page: OpenPage) -> None:
    for text in ("Invoice one", "Receipt", "Invoice two"):
        read(history, text)
    page = open_page("/#history")
    page.clock.install()
    search(page, "invoice")
    expect(records(page)).to_have_count(2)
    ask(page, "history.delete.matching")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(say("history.ask.many", count=2))
    expect(dialog).to_contain_text(say("history.ask.q", q="invoice"))
    dialog.get_by_role("button", name=say("history.ask.keep")).click()
    expect(records(page)).to_have_count(2)
    ask(page, "history.delete.matching")
    dialog.get_by_role("button", name=say("history.ask.delete")).click()
    expect(records(page)).to_have_count(0)
    undo(page)
    expect(records(page)).to_have_count(2)
    ask(page, "history.delete.matching")
    dialog.get_by_role("button", name=say("history.ask.delete")).click()
    read(history, "Invoice three")
    let_undo_pass(page)
    wait_for(lambda: stored(history) == ["Invoice three", "Receipt"], 10)
    expect(record(page, "Invoice three")).to_be_visible()


def test_all_are_deleted(history: Service, open_page: OpenPage) -> None:
    for number in range(25):
        read(history, f"Ledger {100 + number}")
    page = open_page("/#history")
    page.clock.install()
    expect(records(page)).to_have_count(20)
    ask(page, "history.delete.all")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(say("history.ask.all"))
    dialog.get_by_role("button", name=say("history.ask.delete")).click()
    expect(page.locator("#history-status")).to_have_text(say("history.empty"))
    let_undo_pass(page)
    wait_for(lambda: stored(history) == [], 10)
    expect(page.get_by_role("link", name=say("history.read"))).to_be_visible()


def let_undo_pass(page: Page) -> None:
    """The seconds in which a deletion can be taken back, by the clock of the page."""
    page.clock.fast_forward((UNDO_SECONDS + 2) * 1000)
    page.wait_for_timeout(200)


def ask(page: Page, key: str) -> None:
    page.get_by_role("button", name=say(key), exact=True).click()


def test_what_cannot_be_deleted_comes_back(
    history: Service, open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.expect("status of 503")
    read(history, "Stays here")
    page = open_page("/#history")
    delete(page, "Stays here")
    expect(records(page)).to_have_count(0)
    with history.without("databases:valkey"):
        page.get_by_role("button", name=say("shell.dismiss")).click()
        expect(page.get_by_role("alert")).to_contain_text(say("problem.cache-unavailable"))
        expect(records(page)).to_have_count(1)
    assert "Stays here" in stored(history)


def test_without_mongodb_the_page_says_so(
    history: Service, open_page: OpenPage, complaints: Complaints
) -> None:
    complaints.expect("status of 503")
    read(history, "Still there")
    with history.without("databases:mongod"):
        page = open_page("/#history")
        expect(page.locator("#history-status")).to_have_text(say("problem.history-unavailable"))
        again = page.get_by_role("button", name=say("history.again"))
        expect(again).to_be_visible()

    def came_back() -> bool:
        """One of the service's processes may notice later than the others that MongoDB is there."""
        if again.is_visible():
            again.click()
        return record(page, "Still there").is_visible()

    wait_for(came_back, 30)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_what_matches_is_exported(history: Service, open_page: OpenPage, tmp_path: Path, kind: str) -> None:
    for text in ("Invoice one", "Receipt", "Invoice two"):
        read(history, text)
    page = open_page("/#history")
    search(page, "invoice")
    expect(records(page)).to_have_count(2)
    page.locator("#history-export summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=say(f"history.export.{kind}")).click()
    assert download.value.suggested_filename == f"history.{kind}"
    download.value.save_as(tmp_path / "history")
    content = (tmp_path / "history").read_text("utf-8-sig")
    rows = map(json.loads, content.splitlines()) if kind == "jsonl" else csv.DictReader(io.StringIO(content))
    assert [row["text"] for row in rows] == ["Invoice two", "Invoice one"]


def test_records_are_for_everybody(history: Service, open_page: OpenPage, axe_source: str) -> None:
    read(history, "Riverside Market")
    history.post(CHINESE.path.read_bytes(), mode="line")
    page = open_page("/#history", reduced_motion="reduce", viewport={"width": 360, "height": 740})
    search(page, "i")
    expect(records(page)).to_have_count(1)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert axe.findings(page, axe_source) == [], theme
    assert focus.too_small(page) == []
    ask(page, "history.delete.matching")
    assert axe.findings(page, axe_source) == []
