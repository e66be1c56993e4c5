"""The page's list of files, and what was read in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, Request, expect

from frontend.web.i18n import translations


def row(page: Page, name: str) -> Locator:
    """Of the file of this name in the list."""
    return page.locator("#jobs > li").filter(has_text=name)


def expect_read(page: Page, name: str, *texts: str) -> None:
    """The file is read, and shows these texts as soon as it is chosen."""
    expect_state(page, name, "done")
    row(page, name).get_by_role("button").first.click()
    for text in texts:
        expect(page.locator("#lines")).to_contain_text(text)


def expect_state(page: Page, name: str, state: str) -> None:
    """waiting, sending, reading, done, failed, refused or cancelled."""
    expect(row(page, name)).to_have_attribute("data-state", state)


def adjust(page: Page) -> None:
    """Open the editor; on a phone its button is with the picture, on a tab of its own."""
    if (picture := page.get_by_role("tab", name=say("result.picture"))).is_visible():
        picture.click()
    page.get_by_role("button", name=say("stage.adjust")).click()


def say(key: str, **values: object) -> str:
    """The page's English sentences."""
    return translations()[key][0].format_map(values)


@contextmanager
def posts(page: Page) -> Iterator[list[str]]:
    """The addresses that the page posts to meanwhile."""
    found: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            found.append(request.url)

    page.on("request", note)
    yield found
    page.remove_listener("request", note)
