"""Parts of the service that are away, as the reader sees it: a sentence, a countdown, and nothing lost."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from frontend.stack.plan import TORCHSERVE
from frontend.web.i18n import translations
from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenPage
from tests.browser.drop import drop
from tests.browser.workspace import expect_state, row, say
from tests.conftest import KEY
from tests.e2e import lines
from tests.e2e.service import Service

COUNTDOWN = re.compile(r"Trying again in \d+ s")


@pytest.fixture
def unread(tmp_path: Path) -> list[Path]:
    """Images that the cache does not have."""
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(lines.png(f"Invoice {uuid.uuid4().int % 10_000_000}"))
    return paths


def test_without_recognizer_the_page_counts_down_until_told_to_stop(
    page: Page, site: Service, unread: list[Path], complaints: Complaints
) -> None:
    complaints.expect("status of 503")
    stopped, waiting, _ = unread
    with site.without(TORCHSERVE):
        drop(page.locator("#intake"), stopped)
        page.get_by_role("button", name=say("shell.dismiss")).click()
        expect_state(page, stopped.name, "failed")
        expect(row(page, stopped.name)).to_contain_text("recognizer")
        page.reload()
        expect_state(page, stopped.name, "failed")
        drop(page.locator("#intake"), waiting)
        expect(page.get_by_role("alert")).to_contain_text(COUNTDOWN)
    expect_state(page, waiting.name, "done")
    expect(page.get_by_role("alert")).to_be_empty()
    page.get_by_role("button", name=say("queue.retry", name=stopped.name)).click()
    expect_state(page, stopped.name, "done")


def test_without_mongodb_an_image_is_read_and_a_batch_waits(
    page: Page, open_page: OpenPage, site: Service, unread: list[Path], complaints: Complaints
) -> None:
    chinese = open_page(locale="zh-CN")
    with site.without("databases:mongod"):
        for language, reader in enumerate((page, chinese)):
            drop(reader.locator("#intake"), unread[0])
            expect_state(reader, unread[0].name, "done")
            warning = translations()["warning.history.late"][language]
            expect(reader.locator("#result-status")).to_contain_text(warning)
        drop(page.locator("#intake"), *unread[1:])
        expect(page.get_by_role("alert")).to_contain_text(COUNTDOWN)
    for path in unread:
        expect_state(page, path.name, "done")
    complaints.expect("status of 503")


def test_a_key_is_asked_for_until_it_is_right(browser: Browser, strict: Service, unread: list[Path]) -> None:
    heard = Complaints(strict.address)
    heard.expect("status of 401")
    context = browser.new_context(base_url=strict.address, locale="en-GB")
    heard.watch(context)
    page = context.new_page()
    page.goto("/")
    drop(page.locator("#intake"), unread[0])
    for key, advice in (("wrong", "key.advice"), (KEY, "key.wrong")):
        expect(page.locator("#key-advice")).to_have_text(say(advice))
        page.locator("#key").fill(key)
        page.get_by_role("button", name=say("key.use")).click()
    expect_state(page, unread[0].name, "done")
    page.goto("/#history")
    expect(page.locator("#history-list")).to_contain_text("Invoice")
    context.close()
    heard.check()


def test_a_prompt_speaks_of_a_wrong_key_only_to_who_entered_it(browser: Browser, strict: Service) -> None:
    context = browser.new_context(base_url=strict.address, locale="en-GB")
    page = context.new_page()
    page.goto("/")
    page.evaluate("sessionStorage.setItem('ocr-api-key', 'revoked since')")
    page.goto("/#history")
    page.reload()
    expect(page.locator("#key-advice")).to_have_text(say("key.advice"))
    page.keyboard.press("Escape")
    expect(page.locator("#key-dialog")).to_be_hidden()
    assert page.evaluate("sessionStorage.getItem('ocr-api-key')") is None
    context.close()
