"""The picture of a result: its text is selected on it, lines light up, a region is read again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser import clipboard
from tests.browser.conftest import OpenPage
from tests.browser.drop import drop
from tests.browser.workspace import expect_read, say
from tests.documents import VERTICAL, draw_vertical
from tests.golden import PAGE

ROWS = PAGE.text.split("\n")
FIRST_AND_SECOND = "Wholemeal bread 4.25\nGreen apples 2 kg 7.90"
CLEAR = "rgba(0, 0, 0, 0)"


def shape(page: Page, text: str) -> Locator:
    """Of the line with this text, on the picture."""
    return page.locator(f'#stage polygon[aria-label$="{text}"]')


def edges(line: Locator) -> tuple[float, float, float]:
    """Left, right and middle height of a line on the screen."""
    box = line.bounding_box()
    assert box
    return box["x"], box["x"] + box["width"], box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()


def test_text_is_selected_on_the_picture_with_its_rows(reading: Page) -> None:
    left, _, top = edges(shape(reading, "Wholemeal bread"))
    _, right, bottom = edges(shape(reading, "7.90"))
    drag(reading, (left + 1, top), (right - 1, bottom))
    reading.keyboard.press("Control+c")
    assert clipboard.text(reading) == "Wholemeal bread\t4.25\nGreen apples 2 kg\t7.90"


def test_a_part_of_a_line_is_selected_on_the_picture(reading: Page) -> None:
    left, right, middle = edges(shape(reading, "Station Road, Hillford"))
    drag(reading, (left + 1, middle), (left + (right - left) * 0.6, middle))
    reading.keyboard.press("Control+c")
    copied = clipboard.text(reading)
    assert ROWS[1].startswith(copied)
    assert "Station" in copied
    assert "Hillford" not in copied
    expect(reading.locator("#lines [contenteditable]")).to_have_count(0)


def test_a_drag_beside_the_text_moves_the_picture(reading: Page) -> None:
    for _ in range(3):
        reading.locator("#zoom-in").click()
    before = reading.locator("#stage img").bounding_box()
    stage = reading.locator("#stage").bounding_box()
    assert before
    assert stage
    start = stage["x"] + 8, stage["y"] + stage["height"] / 2
    drag(reading, start, (start[0] + 60, start[1]))
    after = reading.locator("#stage img").bounding_box()
    assert after
    assert after["x"] > before["x"]


def test_lines_are_lit_when_pointed_at_and_bare_otherwise(reading: Page) -> None:
    line = shape(reading, "Butter")
    expect(line).to_have_css("fill", CLEAR)
    expect(line).to_have_css("stroke", CLEAR)
    line.hover()
    expect(line).not_to_have_css("fill", CLEAR)
    expect(line).not_to_have_css("stroke", CLEAR)
    expect(reading.locator("#lines .line", has_text="Butter")).to_have_class(re.compile("lit"))
    reading.mouse.move(0, 0)
    reading.locator("#lines .line", has_text="Butter").focus()
    expect(line).not_to_have_css("stroke", CLEAR)


def test_the_picture_fits_its_pane_and_the_page_does_not_scroll(reading: Page) -> None:
    for size in ({"width": 1366, "height": 768}, {"width": 1920, "height": 1080}):
        reading.set_viewport_size(size)
        reading.locator("#fit").click()
        picture, stage = (reading.locator(at).bounding_box() for at in ("#stage img", "#stage"))
        assert picture
        assert stage
        assert picture["height"] <= stage["height"]
        assert picture["height"] > 0.9 * stage["height"]
        assert stage["y"] + stage["height"] <= size["height"]
        assert stage["height"] > 0.65 * size["height"]
        assert reading.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_a_region_is_read_again_and_used(reading: Page) -> None:
    line = reading.locator("#lines .line", has_text="Wholemeal bread").locator(".words")
    line.click()
    reading.keyboard.type("!")
    reading.keyboard.press("Escape")
    line.click()
    reading.keyboard.type("?")
    reading.locator("#zoom").click()
    expect(line).to_have_text("Wholemeal bread?")
    reading.keyboard.press("r")
    left, _, top = edges(shape(reading, "Wholemeal bread?"))
    _, right, bottom = edges(shape(reading, "7.90"))
    drag(reading, (left - 5, top - 15), (right + 5, bottom + 12))
    reading.get_by_label(say("options.model"), exact=True).last.select_option("crnn_v3")
    with reading.expect_response("**/recognize") as read:
        reading.get_by_role("button", name=say("region.read")).click()
    answer = read.value.json()
    assert (answer["model"], answer["history_id"]) == ("crnn_v3", None)
    expect(reading.locator("#region-text")).to_have_text(FIRST_AND_SECOND)
    reading.locator("#region-copy").click()
    assert clipboard.text(reading) == FIRST_AND_SECOND
    reading.locator("#region-use").click()
    expect(line).to_have_text("Wholemeal bread")
    expect(reading.locator("#region")).to_be_hidden()


@pytest.fixture
def turned(page: Page, tmp_path: Path) -> Page:
    """The page with PAGE read, which lies on its side."""
    path = tmp_path / "turned.png"
    Image.open(PAGE.path).rotate(90, expand=True).save(path)
    drop(page.locator("#intake"), path)
    expect_read(page, path.name, "TOTAL")
    return page


def around(lines: Sequence[Locator], margin: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Top left and bottom right of a rectangle around lines on the screen."""
    boxes = [box for line in lines if (box := line.bounding_box())]
    left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
    right = max(box["x"] + box["width"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    return (left - margin, top - margin), (right + margin, bottom + margin)


def test_vertical_text_is_selected_on_the_picture(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "vertical.png"
    draw_vertical().save(path)
    drop(page.locator("#intake"), path)
    expect_read(page, path.name, *VERTICAL)
    (left, top), (right, _) = around([shape(page, VERTICAL[0])], 0)
    (short_left, _), (short_right, end) = around([shape(page, VERTICAL[1])], 0)
    below = ((short_left + short_right) / 2, end + (short_right - short_left) / 2)
    drag(page, ((left + right) / 2, top + 2), below)
    page.keyboard.press("Control+c")
    assert clipboard.text(page) == "\n".join(VERTICAL[:2])
    drag(page, ((left + right) / 2, top + 2), ((left + right) / 2, top + (right - left) * 3))
    page.keyboard.press("Control+c")
    assert 2 <= len(clipboard.text(page)) < len(VERTICAL[0])
    assert VERTICAL[0].startswith(clipboard.text(page))


def test_text_of_a_turned_page_is_selected_with_its_rows(turned: Page) -> None:
    (left, _), (right, bottom) = around([shape(turned, "Wholemeal bread")], 0)
    (end_left, end_top), (end_right, _) = around([shape(turned, "7.90")], 0)
    drag(turned, ((left + right) / 2, bottom - 2), ((end_left + end_right) / 2, end_top + 1))
    turned.keyboard.press("Control+c")
    assert clipboard.text(turned) == "Wholemeal bread\t4.25\nGreen apples 2 kg\t7.90"


def test_a_region_of_a_turned_page_is_read_again_and_used(turned: Page) -> None:
    line = turned.locator("#lines .line", has_text="Wholemeal bread").locator(".words")
    turned.keyboard.press("r")
    drag(turned, *around([shape(turned, text) for text in ("Wholemeal bread", "4.25")], 6))
    turned.get_by_role("button", name=say("region.read")).click()
    expect(turned.locator("#region-text")).to_have_text("Wholemeal bread 4.25")
    turned.locator("#region-use").click()
    expect(line).to_have_text("Wholemeal bread")
    expect(turned.locator("#region")).to_be_hidden()


@pytest.fixture
def phone(open_page: OpenPage) -> Page:
    """A phone that shows the picture of PAGE."""
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.set_input_files("#files", PAGE.path)
    expect_read(page, PAGE.path.name, "TOTAL")
    page.get_by_role("tab", name=say("result.picture")).tap()
    expect(shape(page, "7.90")).to_be_visible()
    return page


def touch_and_drag(page: Page, points: Sequence[tuple[float, float]], rest_ms: int = 0) -> None:
    """A finger that rests at the first point, moves through the others and is lifted."""
    devtools = page.context.new_cdp_session(page)

    def send(kind: str, *fingers: dict[str, float]) -> None:
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [*fingers]})

    for number, (x, y) in enumerate(points):
        send("touchMove" if number else "touchStart", {"x": x, "y": y})
        page.wait_for_timeout(30 if number else rest_ms)
    send("touchEnd")


def test_a_finger_selects_text_on_the_picture(phone: Page) -> None:
    clipboard.copy_text(phone, "")
    phone.locator("#zoom-in").tap()
    left, _, top = edges(shape(phone, "Wholemeal bread"))
    _, right, bottom = edges(shape(phone, "7.90"))
    before = phone.locator("#stage img").bounding_box()
    middle = ((left + right) / 2, (top + bottom) / 2)
    touch_and_drag(phone, [(left + 2, top), middle, (right - 1, bottom)], rest_ms=800)
    assert clipboard.text_after(phone, "") == "Wholemeal bread\t4.25\nGreen apples 2 kg\t7.90"
    expect(phone.get_by_role("status").filter(has_text=say("result.copied"))).to_be_visible()
    assert phone.locator("#stage img").bounding_box() == before


def test_a_finger_marks_a_region(phone: Page) -> None:
    phone.locator("#mark-region").tap()
    start, end = around([shape(phone, text) for text in ("Wholemeal bread", "7.90")], 5)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    touch_and_drag(phone, [start, middle, end])
    phone.get_by_role("button", name=say("region.read")).tap()
    expect(phone.locator("#region-text")).to_have_text(FIRST_AND_SECOND)
