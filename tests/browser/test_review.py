"""Review: unsure lines, one after the other, corrected and confirmed by keyboard alone."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Iterator

import pytest
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Page, Route, expect

from tests.browser import axe
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenPage
from tests.browser.workspace import say
from tests.e2e.service import Service, wait_for

ROUND = 20


def _hard_page(rows: int) -> bytes:
    """Lines of characters that look alike: hardly one is read with certainty."""
    chance = random.Random(1)
    page = Image.new("L", (640, 60 + 50 * rows), 252)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    for row in range(rows):
        pen.text((50, 30 + 50 * row), "".join(chance.choices("Il1|O0o5S8B", k=9)), 25, font)
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def unsure(site: Service) -> Iterator[Service]:
    """The service with at least ROUND unsure lines, and nothing else in its history."""
    site.delete("/history?all=true")
    site.post(_hard_page(26))
    yield site
    site.delete("/history?all=true")


@pytest.fixture
def reviewing(unsure: Service, open_page: OpenPage) -> Page:
    page = open_page(f"{unsure.address}/#review")
    expect(page.locator("#review-text")).to_be_focused()
    return page


def expect_at(page: Page, number: int) -> None:
    expect(page.locator("#review-status")).to_contain_text(f"Line {number} of {ROUND}")


def test_focus_that_went_elsewhere_meanwhile_stays_there(unsure: Service, open_page: OpenPage) -> None:
    page = open_page(unsure.address)
    asked: list[Route] = []
    page.route("**/feedback/queue*", lambda route: asked.append(route))
    links = page.get_by_role("navigation").get_by_role("link")
    with page.expect_request("**/feedback/queue*"):
        links.filter(has_text=say("shell.review")).click()
    history = links.filter(has_text=say("shell.history"))
    history.focus()
    asked[0].continue_()
    expect(page.locator("#review-text")).to_be_visible()
    expect(history).to_be_focused()


def labels(service: Service) -> dict[str, str]:
    """What the export says, by what was read."""
    with zipfile.ZipFile(io.BytesIO(service.get("/feedback/export").content)) as archive:
        facts = [json.loads(row) for row in archive.read("lines.jsonl").splitlines()]
        rows = archive.read("labels.tsv").decode().splitlines()
        assert [row.split("\t") for row in rows] == [[fact["crop"], fact["text"]] for fact in facts]
        assert {fact["crop"] for fact in facts} < set(archive.namelist())
    return {fact["before"]: fact["text"] for fact in facts}


def test_what_is_typed_while_mongodb_is_away_is_kept_when_it_is_back(
    unsure: Service, reviewing: Page, complaints: Complaints
) -> None:
    complaints.expect("status of 503")
    with unsure.without("databases:mongod"):
        for number in (1, 2):
            expect_at(reviewing, number)
            reviewing.keyboard.press("Control+a")
            reviewing.keyboard.type(f"line {number}")
            reviewing.keyboard.press("Enter")
        expect(reviewing.get_by_role("alert")).to_contain_text("Trying again in")
    expect(reviewing.get_by_role("alert")).to_be_empty()
    wait_for(lambda: sorted(labels(unsure).values()) == ["line 1", "line 2"], 10)


def test_twenty_lines_are_corrected_by_keyboard_alone(unsure: Service, reviewing: Page) -> None:
    read = []
    for number in range(1, ROUND + 1):
        expect_at(reviewing, number)
        read.append(reviewing.locator("#review-text").input_value())
        if number % 2:
            reviewing.keyboard.press("Control+a")
            reviewing.keyboard.type(f"line {number}")
        reviewing.keyboard.press("Enter")
    expect(reviewing.locator("#review-more")).to_be_focused()
    reviewing.keyboard.press("Enter")
    expect(reviewing.locator("#review-text")).to_be_focused()
    assert labels(unsure) == {
        text: f"line {number}" if number % 2 else text for number, text in enumerate(read, 1)
    }


def test_a_line_is_skipped_or_looked_at_again(unsure: Service, reviewing: Page) -> None:
    text = reviewing.locator("#review-text")
    read = []
    for number in (1, 2):
        expect_at(reviewing, number)
        read.append(text.input_value())
        reviewing.keyboard.press("Escape" if number == 1 else "Enter")
    expect_at(reviewing, 3)
    reviewing.keyboard.press("ArrowUp")
    expect(text).to_have_value(read[1])
    reviewing.keyboard.press("Control+a")
    with reviewing.expect_response("**/feedback/lines/*"):
        reviewing.keyboard.type("mended")
        reviewing.keyboard.press("Enter")
    expect_at(reviewing, 3)
    assert labels(unsure) == {read[1]: "mended"}


@pytest.mark.usefixtures("unsure")
def test_it_is_accessible(open_page: OpenPage, axe_source: str) -> None:
    for theme in ("light", "dark"):
        page = open_page("/#review", color_scheme=theme, reduced_motion="reduce")
        expect(page.locator("#review-text")).to_be_focused()
        assert axe.findings(page, axe_source) == [], theme


def test_it_says_where_crops_are_kept_and_how_to_stop_that(reviewing: Page) -> None:
    expect(reviewing.get_by_text(say("review.kept"))).to_be_visible()
    reviewing.goto("/#read")
    expect(reviewing.get_by_text(say("review.notice"))).to_be_visible()
