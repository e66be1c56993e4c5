"""Correcting what was read: line after line, in every copy and download, in the history, and taken back."""

from __future__ import annotations

import csv
import io
import re

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser import clipboard
from tests.browser.complaints import Complaints
from tests.browser.test_results import download, saved_bytes
from tests.browser.workspace import expect_read, say
from tests.e2e.service import Service, wait_for
from tests.golden import PAGE


def words(page: Page, text: str) -> Locator:
    return page.locator("#lines .words", has_text=text)


def correct(page: Page, before: str, after: str) -> None:
    words(page, before).click()
    page.keyboard.press("Control+a")
    page.keyboard.type(after)
    page.keyboard.press("Enter")
    expect(words(page, after)).to_be_visible()


def test_a_correction_is_in_every_copy_and_download(reading: Page) -> None:
    correct(reading, "Butter", "Buttermilk")
    wanted = PAGE.text.replace("Butter", "Buttermilk")
    reading.get_by_role("button", name=say("result.copy"), exact=True).click()
    assert clipboard.text(reading) == wanted
    assert saved_bytes(download(reading, "txt")).decode() == f"{wanted}\n"
    table = csv.DictReader(io.StringIO(saved_bytes(download(reading, "tsv")).decode()), delimiter="\t")
    assert "Buttermilk" in {row["text"] for row in table}
    assert b"Buttermilk" in saved_bytes(download(reading, "hocr"))


def test_a_correction_outlives_a_reload_and_is_taken_back(reading: Page) -> None:
    correct(reading, "Butter", "Buttermilk")
    reading.reload()
    expect_read(reading, PAGE.path.name, "Buttermilk")
    reading.get_by_role("button", name=re.compile("was read as “Butter”")).click()
    expect(words(reading, "Butter")).to_have_text("Butter")
    expect(reading.locator("#lines .corrected")).to_have_count(0)


def test_a_correction_is_kept_in_the_history(reading: Page) -> None:
    with reading.expect_response(lambda response: response.request.method == "PATCH") as kept:
        correct(reading, "Butter", "Buttermilk")
    (correction,) = kept.value.json()["corrections"]
    assert (correction["before"], correction["after"]) == ("Butter", "Buttermilk")
    reading.goto("/#history")
    reading.locator("#history-list button.open").first.click()
    expect(words(reading, "Buttermilk")).to_be_visible()
    with reading.expect_response(lambda response: response.request.method == "PATCH") as kept:
        reading.get_by_role("button", name=re.compile("was read as “Butter”")).click()
    assert "corrections" not in kept.value.json()


def test_a_correction_while_mongodb_is_away_is_in_the_history_when_it_is_back(
    reading: Page, site: Service, complaints: Complaints
) -> None:
    complaints.expect("status of 503")
    with site.without("databases:mongod"):
        correct(reading, "Butter", "Buttercup")
        expect(reading.get_by_role("alert")).to_contain_text("Trying again in")
    wait_for(lambda: "Buttercup" in site.get("/history?q=Buttercup").text, 30)
    expect(reading.get_by_role("alert")).to_be_empty()


def test_escape_leaves_a_line_as_it_was(reading: Page) -> None:
    words(reading, "Butter").click()
    reading.keyboard.type(" and more")
    reading.keyboard.press("Escape")
    expect(words(reading, "Butter")).to_have_text("Butter")


def test_enter_goes_to_the_next_unsure_line(reading: Page) -> None:
    """With every line of the receipt unsure, as another service might say."""
    reading.route("**/models", _unsure)
    reading.reload()
    expect_read(reading, PAGE.path.name, "TOTAL")
    count = reading.locator("#lines .line").count()
    expect(reading.locator("#result-status")).to_contain_text(say("result.sure", sure=0, count=count))
    reading.keyboard.press("n")
    expect(reading.locator("#lines .line").first).to_be_focused()
    reading.keyboard.press("n")
    expect(reading.locator("#lines .line").nth(1)).to_be_focused()
    reading.keyboard.press("Enter")
    reading.keyboard.type("!")
    reading.keyboard.press("Enter")
    expect(reading.get_by_role("textbox", name=say("result.correct", number=3))).to_be_focused()
    expect(reading.locator("#result-status")).to_contain_text(say("result.sure", sure=1, count=count))
    expect(reading.locator("#stage .unsure")).to_have_count(count - 1)


def _unsure(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, json=answer.json() | {"sure_threshold": 1.0})
