"""Pictures of the page's main states, in both themes, on a desktop and on a phone; some in Chinese.

python -m tests.browser.screenshots [STATE…]    # into docs/screenshots, from a stack of its own

The state `demo` moves: a receipt is dropped on the page and read. Everything in them is from tests/golden, or
drawn on the spot.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import chromium, clips
from tests.browser.drop import dragged, drop
from tests.browser.workspace import adjust, expect_read, expect_state, say
from tests.e2e import lines, pages
from tests.e2e.service import ROOT, Service
from tests.golden import GOLDEN, PAGE, WIDE

FOLDER = ROOT / "docs" / "screenshots"
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}
THEMES = ("light", "dark")
PATIENCE_MS = 30_000
BATCH = 12
QUALITY = 75
"""Of WebP: letters stay sharp, and all pictures together are small."""
_unread = count(step=BATCH)
"""Receipts that no batch has had yet: what was read before would be there at once."""


def empty(page: Page, _folder: Path) -> None:
    """The page as a first-time visitor sees it."""
    page.goto("/")


def result(page: Page, folder: Path) -> None:
    empty(page, folder)
    drop(page.locator("#intake"), PAGE.path)
    expect_read(page, PAGE.path.name, "TOTAL")


def editor(page: Page, folder: Path) -> None:
    result(page, folder)
    adjust(page)
    page.get_by_role("img", name="pixels will be read").wait_for()
    page.get_by_role("button", name=say("editor.straighten")).press("Enter")
    expect(page.locator("#editor-place")).to_contain_text("°.")


def batch(page: Page, folder: Path) -> None:
    """While it runs."""
    empty(page, folder)
    first = next(_unread)
    receipts = [folder / f"receipt {number}.png" for number in range(1, BATCH + 1)]
    for number, path in enumerate(receipts, first):
        path.write_bytes(lines.encode(pages.draw(number)))
    drop(page.locator("#intake"), *receipts)
    expect_state(page, receipts[2].name, "done")


def failure(page: Page, folder: Path) -> None:
    """A file that cannot be read, beside others that can."""
    empty(page, folder)
    note = folder / "letter.docx"
    note.write_bytes(b"PK\x03\x04 of an office program")
    others = [golden.path for golden in (*WIDE[1:], GOLDEN[2])]
    drop(page.locator("#intake"), note, *others)
    for path in others:
        expect_state(page, path.name, "done")


def history(page: Page, folder: Path) -> None:
    """Of a few images; what the other states left in it goes first."""
    page.request.delete("/history?all=true")
    empty(page, folder)
    files = [golden.path for golden in (*GOLDEN[1:4], *WIDE, PAGE)]
    drop(page.locator("#intake"), *files)
    for path in files:
        expect_state(page, path.name, "done")
    page.goto("/#history")
    page.reload()  # without the notice that all are read
    expect(page.locator("#history-list")).to_contain_text("RIVERSIDE MARKET")
    page.wait_for_load_state("networkidle")


def live(page: Page, folder: Path) -> None:
    """A film, halted where its third line is shown."""
    film = clips.webm(folder / "the last train.webm", ["The last train", "leaves at 23:48", "from track 12"])
    page.goto("/#live")
    drop(page.locator("#live-stage"), film)
    expect(page.locator("#live-shown")).to_have_text("from track 12")
    expect(page.locator("#live-transcript .said")).to_have_count(2)
    page.locator("#live-pause").click()


STATES: dict[str, Callable[[Page, Path], None]] = {
    state.__name__: state for state in (empty, result, editor, batch, failure, history, live)
}
IN_CHINESE = {"empty", "result"}
DEMO = "demo"
DEMO_SIZE = (960, 600)


def demo(page: Page, folder: Path) -> Iterator[tuple[bytes, int]]:
    """Pictures of a receipt that is dropped and read, line after line, and the milliseconds each is shown."""
    empty(page, folder)
    yield page.screenshot(), 1200
    with dragged(page.locator("#intake"), PAGE.path):
        yield page.screenshot(), 900
    drop(page.locator("#intake"), PAGE.path)
    yield page.screenshot(), 600
    expect_read(page, PAGE.path.name, "TOTAL")
    yield page.screenshot(), 1500
    for line in page.locator("svg.drawing polygon").all():
        line.hover()
        yield page.screenshot(), 350
    page.mouse.move(0, 0)
    yield page.screenshot(), 2500


def _take_demo(browser: Browser, service: Service, folder: Path) -> None:
    context = browser.new_context(base_url=service.address, color_scheme="light", locale="en-GB",
                                  viewport={"width": 1280, "height": 800})  # fmt: skip
    shots, shown = zip(*demo(context.new_page(), folder), strict=True)
    first, *others = (
        Image.open(io.BytesIO(shot)).convert("RGB").resize(DEMO_SIZE, Image.Resampling.LANCZOS)
        for shot in shots
    )
    first.save(FOLDER / f"{DEMO}.webp", save_all=True, append_images=others, duration=list(shown), loop=0,
               quality=QUALITY, method=6)  # fmt: skip
    context.close()


def main(wanted: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with (
        TemporaryDirectory() as folder,
        Service(Path(folder) / "data", OCR_HISTORY_IMAGES="true") as service,
        sync_playwright() as playwright,
    ):
        camera = clips.mjpeg(Path(folder) / "camera.mjpeg", clips.CAMERA)
        browser = chromium.launch(playwright.chromium, camera)
        if not wanted or DEMO in wanted:
            _take_demo(browser, service, Path(folder))
        for state in [state for state in wanted if state != DEMO] if wanted else STATES:
            for name, options in _variants(state):
                _take(browser, service, Path(folder), state, name, options)
        browser.close()


def _variants(state: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The names of the files of a state, with the options of the context for each."""
    for device, options in DEVICES.items():
        for theme in THEMES:
            yield f"{state}-{device}-{theme}", {**options, "color_scheme": theme, "locale": "en-GB"}
        if state in IN_CHINESE:
            yield f"{state}-{device}-zh", {**options, "color_scheme": "light", "locale": "zh-CN"}


def _take(
    browser: Browser, service: Service, folder: Path, state: str, name: str, options: dict[str, Any]
) -> None:
    context = browser.new_context(
        base_url=service.address, reduced_motion="reduce", permissions=["camera"], **options
    )
    page = context.new_page()
    STATES[state](page, folder)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)
    context.close()
    print(f"{FOLDER.name}/{name}.webp")


if __name__ == "__main__":
    main(sys.argv[1:])
