"""The browser's own clipboard; the page needs the permissions that the fixtures give."""

from __future__ import annotations

import base64

from playwright.sync_api import Page

_WRITE_PNG = """async (encoded) => {
  const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
  const png = new Blob([bytes], { type: "image/png" });
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
}"""


def copy_png(page: Page, png: bytes) -> None:
    """As after a screenshot."""
    page.bring_to_front()
    page.evaluate(_WRITE_PNG, base64.b64encode(png).decode())


def copy_text(page: Page, text: str) -> None:
    page.bring_to_front()
    page.evaluate("(text) => navigator.clipboard.writeText(text)", text)


def paste(page: Page) -> None:
    """Ctrl+V, wherever the focus is."""
    page.keyboard.press("Control+V")


def text(page: Page) -> str:
    """The text that was copied last."""
    copied: str = page.evaluate("navigator.clipboard.readText()")
    return copied


def text_after(page: Page, before: str) -> str:
    """The text that comes in place of this one."""
    for _ in range(200):
        if (copied := text(page)) != before:
            return copied
        page.wait_for_timeout(50)
    raise AssertionError("Nothing was copied.")
