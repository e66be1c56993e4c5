"""Many files at once: how far they are, a reload in the middle, cancelling, trying again."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import clipboard
from tests.browser.complaints import Complaints
from tests.browser.drop import drop
from tests.browser.workspace import expect_read, expect_state, posts, row, say
from tests.e2e import lines, pages
from tests.golden import GOLDEN

COUNT = 12
SOME = [golden.path for golden in GOLDEN[3:6]]


@pytest.fixture
def receipts(tmp_path: Path) -> dict[str, Path]:
    """Pages that nobody has read yet: what each says first, and its file."""
    numbers = random.sample(range(4900), COUNT)
    found = {f"RECEIPT {1000 + number}": tmp_path / f"receipt {number}.png" for number in numbers}
    for number, path in zip(numbers, found.values(), strict=True):
        path.write_bytes(lines.encode(pages.draw(number)))
    return found


def start(page: Page, receipts: dict[str, Path]) -> None:
    """Drop all, and wait until some are read."""
    drop(page.locator("#intake"), *receipts.values())
    expect(page.locator("#jobs > [data-state=done]").nth(1)).to_be_visible()


def states(page: Page) -> list[str]:
    """Of the files, in the order of the list."""
    found: list[str] = page.locator("#jobs > li").evaluate_all(
        "(rows) => rows.map((row) => row.dataset.state)"
    )
    return found


def assert_all_read_once(page: Page, receipts: dict[str, Path]) -> None:
    expect(page.locator("#jobs > [data-state=done]")).to_have_count(len(receipts))
    records = page.request.get("/history?limit=100").json()["items"]
    titles = Counter(record["text"].split("\n")[0] for record in records)
    assert {title: titles[title] for title in receipts} == dict.fromkeys(receipts, 1)


def test_progress_is_shown(page: Page, receipts: dict[str, Path]) -> None:
    start(page, receipts)
    overall = page.get_by_role("progressbar", name=say("queue.overall"))
    expect(overall).to_be_visible()
    assert 0 < overall.evaluate("(bar) => bar.value") < 1
    assert "reading" in states(page)
    expect(page.get_by_text(say("queue.count", done=COUNT, total=COUNT))).to_be_visible()
    expect(page.get_by_role("status").filter(has_text=say("queue.all_done"))).to_be_visible()
    expect(overall).to_be_hidden()
    for text, path in receipts.items():
        expect_read(page, path.name, text)


def test_a_reload_in_the_middle_loses_nothing(page: Page, receipts: dict[str, Path]) -> None:
    start(page, receipts)
    page.reload()
    expect(page.locator("#jobs > li")).to_have_count(COUNT)
    assert "reading" in states(page)
    assert_all_read_once(page, receipts)
    for text, path in receipts.items():
        expect_read(page, path.name, text)


@pytest.mark.parametrize("count", [1, 3])
def test_what_was_being_read_at_a_reload_is_read_once(
    page: Page, receipts: dict[str, Path], count: int
) -> None:
    """The service has read it, or accepted it, when the page that sent it is gone."""
    some = dict(list(receipts.items())[:count])
    seen: list[str] = []

    def keep_the_answer(route: Route) -> None:
        if seen:
            return route.continue_()
        route.fetch()
        return seen.append(route.request.url)

    page.route("**/recognize*", keep_the_answer)
    page.route("**/recognize/batch", keep_the_answer)
    drop(page.locator("#intake"), *some.values())
    page.wait_for_function("(count) => document.querySelectorAll('#jobs > li').length === count", arg=count)
    deadline = time.monotonic() + 60
    while not seen and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    with posts(page) as posted:
        page.reload()
        assert_all_read_once(page, some)
    assert seen[0] in posted


def test_results_outlive_a_reload(page: Page) -> None:
    drop(page.locator("#intake"), *SOME)
    expect(page.locator("#jobs > [data-state=done]")).to_have_count(len(SOME))
    with posts(page) as posted:
        page.reload()
        for golden in GOLDEN[3:6]:
            expect_read(page, golden.path.name, golden.text)
    assert posted == []


def test_all_are_cancelled(page: Page, receipts: dict[str, Path]) -> None:
    start(page, receipts)
    page.get_by_role("button", name=say("queue.cancel_all")).click()
    expect(page.locator("#jobs > [data-state=cancelled]").first).to_be_visible()
    assert set(states(page)) == {"done", "cancelled"}
    page.reload()
    expect(page.locator("#jobs > li")).to_have_count(COUNT)
    assert set(states(page)) == {"done", "cancelled"}


def test_one_is_cancelled_and_read_after_all(page: Page, receipts: dict[str, Path]) -> None:
    *others, (text, last) = receipts.items()
    start(page, receipts)
    page.get_by_role("button", name=say("queue.cancel", name=last.name)).click()
    expect_state(page, last.name, "cancelled")
    expect(page.locator("#jobs > [data-state=done]")).to_have_count(len(others))
    page.get_by_role("button", name=say("queue.retry", name=last.name)).click()
    expect_read(page, last.name, text)


def test_a_page_that_failed_is_shown_with_its_reason_and_read_again(page: Page, tmp_path: Path) -> None:
    first = random.sample(range(4900), 3)
    document = tmp_path / "three pages.pdf"
    document.write_bytes(pages.pdf(*(pages.draw(number) for number in first)))
    spoilt: list[str] = []

    def spoil_page_2(route: Route) -> None:
        """As if it had failed in the first two tasks, in the second as a whole; the third is left alone."""
        answer = route.fetch()
        body = answer.json()
        task, is_second = body["task_id"], bool(spoilt) and body["task_id"] != spoilt[0]
        if task not in spoilt and len(spoilt) == 2:
            return route.fulfill(response=answer)
        for item in body["items"]:
            if item["state"] == "success" and (is_second or item.get("page") == 2):
                spoilt.extend({task} - set(spoilt))
                error = {"type": "/problems/item-timeout", "title": "Late", "detail": "It took too long."}
                item |= {"state": "failure", "error": error, "result": None}
                item["page"] = None if is_second else 2
        return route.fulfill(response=answer, json=body)

    page.route("**/tasks/*?*", spoil_page_2)
    drop(page.locator("#intake"), document)
    expect_state(page, document.name, "done")
    expect(row(page, document.name)).to_contain_text("1 page failed")
    expect(page.locator("#sheet-number")).to_have_text(say("stage.sheet", number=1, count=3))
    page.get_by_role("button", name=say("stage.next")).click()
    expect(page.locator("#result-status")).to_contain_text("It took too long.")
    with page.expect_request("**/recognize/batch") as sent:
        page.get_by_role("button", name=say("result.again_page")).click()
    assert b'name="pages"\r\n\r\n2\r\n' in (sent.value.post_data_buffer or b"")
    expect(page.locator("#sheet-number")).to_have_text(say("stage.sheet", number=2, count=3))
    expect(page.locator("#result-status")).to_contain_text("It took too long.")
    page.get_by_role("button", name=say("result.again_page")).click()
    expect(page.locator("#lines")).to_contain_text(f"RECEIPT {1000 + first[1]}")
    expect(page.locator("#sheet-number")).to_have_text(say("stage.sheet", number=2, count=3))
    expect(page.get_by_role("button", name=say("result.again_page"))).to_be_hidden()
    page.get_by_role("button", name=say("result.copy_page")).click()
    assert clipboard.text(page) == pages.text(first[1])
    page.get_by_role("button", name=say("result.copy_document")).click()
    assert clipboard.text(page) == "\n\n".join(pages.text(number) for number in first)


def test_one_that_fails_spoils_no_other(page: Page, tmp_path: Path, complaints: Complaints) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(lines.png("cut off")[:200])
    drop(page.locator("#intake"), broken, *SOME)
    expect(row(page, "broken.png")).to_contain_text("truncated or damaged")
    expect(page.locator("#jobs > [data-state=done]")).to_have_count(len(SOME))
    expect(page.get_by_role("alert")).to_contain_text("3 read, 1 could not be read.")
    with page.expect_response("**/recognize") as answer:
        page.get_by_role("button", name=say("queue.retry_failed")).click()
    assert answer.value.status == 400
    complaints.expect("status of 400")
    expect(row(page, "broken.png")).to_contain_text("truncated or damaged")


def test_what_is_dropped_while_the_network_is_away_waits(page: Page, complaints: Complaints) -> None:
    page.context.set_offline(True)
    drop(page.locator("#intake"), *SOME)
    expect(page.get_by_role("alert")).to_contain_text(say("problem.away"))
    page.context.set_offline(False)
    page.get_by_role("button", name=say("problem.again")).click()
    expect(page.locator("#jobs > [data-state=done]")).to_have_count(len(SOME))
    complaints.expect("ERR_INTERNET_DISCONNECTED")


def test_a_removed_file_comes_back(page: Page) -> None:
    drop(page.locator("#intake"), *SOME)
    expect(page.locator("#jobs > [data-state=done]")).to_have_count(len(SOME))
    page.get_by_role("button", name=say("queue.remove", name=SOME[0].name)).click()
    expect(page.locator("#jobs > li")).to_have_count(len(SOME) - 1)
    page.get_by_role("button", name=say("shell.undo")).click()
    expect(page.locator("#jobs > li").first).to_contain_text(SOME[0].name)
    page.get_by_role("button", name=say("queue.clear")).click()
    expect(page.locator("#jobs > li")).to_have_count(0)
    page.get_by_role("button", name=say("shell.undo")).click()
    expect(page.locator("#jobs > li")).to_have_count(len(SOME))


def test_an_image_that_was_being_read_is_read_after_a_reload(page: Page, receipts: dict[str, Path]) -> None:
    text, path = next(iter(receipts.items()))
    with page.expect_request("**/recognize"):
        drop(page.locator("#intake"), path)
    page.reload()
    expect_read(page, path.name, text)
