"""Parts of the service that are away, as the reader sees it: a sentence, a countdown, and nothing lost."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from frontend.words import words
from tests.browser.complaints import Complaints
from tests.browser.drop import drop
from tests.browser.workspace import expect_read, expect_state, row, say
from tests.e2e.service import Service
from tests.golden import GOLDEN

SIGN = next(golden for golden in GOLDEN if golden.path.name == "sign.jpg")
COUNTDOWN = re.compile(r"Trying again in \d+ s")


def test_without_recognizer_the_page_counts_down_and_goes_on(
    page: Page, site: Service, complaints: Complaints
) -> None:
    with site.without("torchserve"):
        drop(page.locator("#getting"), SIGN.path)
        expect(page.get_by_role("alert")).to_contain_text(COUNTDOWN)
        expect_state(page, SIGN.path.name, "sending")
    expect_read(page, SIGN.path.name, SIGN.text)
    expect(page.get_by_role("alert")).to_be_empty()
    complaints.expect("status of 503")


def test_who_stops_trying_tries_again_later(page: Page, site: Service, complaints: Complaints) -> None:
    with site.without("torchserve"):
        drop(page.locator("#getting"), SIGN.path)
        page.get_by_role("button", name=say("shell.dismiss")).click()
        expect_state(page, SIGN.path.name, "failed")
        expect(row(page, SIGN.path.name)).to_contain_text("recognizer")
    page.reload()
    page.get_by_role("button", name=say("queue.retry", name=SIGN.path.name)).click()
    expect_read(page, SIGN.path.name, SIGN.text)
    complaints.expect("status of 503")


def test_without_mongodb_images_are_read_and_batches_wait(
    page: Page, site: Service, complaints: Complaints
) -> None:
    with site.without("mongod"):
        drop(page.locator("#getting"), SIGN.path)
        expect_read(page, SIGN.path.name, SIGN.text)
        expect(page.locator("#result-status")).to_contain_text("history")
        drop(page.locator("#getting"), *[golden.path for golden in GOLDEN[3:5]])
        expect(page.get_by_role("alert")).to_contain_text(COUNTDOWN)
    for golden in GOLDEN[3:5]:
        expect_state(page, golden.path.name, "done")
    complaints.expect("status of 503")
    assert words()["problem.tasks-unavailable"][1]
