"""Debian's chromium on the shared stack: a fresh context for each test, and what no page may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser import axe, chromium, clips
from tests.browser.complaints import Complaints
from tests.browser.drop import drop
from tests.browser.workspace import expect_read
from tests.e2e.service import Service, wait_for
from tests.golden import PAGE

CLIPBOARD = ["clipboard-read", "clipboard-write"]
PATIENCE_MS = 20_000
"""For what a page is expected to show: the machine may be busy."""

OpenPage = Callable[..., Page]


def pytest_runtest_setup() -> None:
    """A hook, because the summary has a line for each test that a fixture skips, and one for all of these."""
    if not chromium.PATH:
        pytest.skip("chromium is not installed: `make browser` installs it; the browser tests were skipped")


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One chromium for all; its camera, for contexts that may use it, films clips.CAMERA.

    Of the package and not of the session: playwright's loop would be in the way of other tests' asyncio.
    """
    camera = clips.mjpeg(tmp_path_factory.mktemp("camera") / "camera.mjpeg", clips.CAMERA)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = chromium.launch(playwright.chromium, camera)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def site(running: Service) -> Service:
    """The shared stack, well when the first test begins; a test that hurts it mends it."""
    wait_for(running.is_well, 60)
    return running


@pytest.fixture
def complaints(site: Service) -> Iterator[Complaints]:
    """Fails the test if its pages complained of anything that it did not `expect`."""
    heard = Complaints(site.address)
    yield heard
    heard.check()


@pytest.fixture
def open_page(browser: Browser, site: Service, complaints: Complaints) -> Iterator[OpenPage]:
    """Opens pages in contexts of their own, so each has an owner's cookie and a history of its own.

    open_page("/#live", locale="zh-CN", color_scheme="dark", permissions=[*CLIPBOARD, "camera"])
    """
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/", **options: Any) -> Page:
        given = {"base_url": site.address, "locale": "en-GB", "permissions": CLIPBOARD, **options}
        context = browser.new_context(**given)
        contexts.append(context)
        complaints.watch(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The service's page in English, at 1280 x 720."""
    return open_page()


@pytest.fixture
def reading(page: Page) -> Page:
    """The page with PAGE read."""
    drop(page.locator("#intake"), PAGE.path)
    expect_read(page, PAGE.path.name, "TOTAL")
    return page


@pytest.fixture(scope="package")
def axe_source() -> str:
    """The accessibility checker's script."""
    if not axe.SCRIPT.exists():
        pytest.skip("axe-core is not there: `make browser` fetches it where npm is installed")
    return axe.SCRIPT.read_text("utf-8")
