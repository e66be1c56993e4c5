"""That the tests hear what a page does wrong: every browser test relies on it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.complaints import Complaints
from tests.browser.conftest import OpenPage
from tests.unit.frontend.fake_web import OUTSIDE, serving

WRONGS = {
    "an error on the console": ("console.error('broken')", "console: broken"),
    "an uncaught error": ("setTimeout(() => { throw new Error('broken') })", "uncaught: broken"),
    "a missing file": ("fetch('/static/nothing.js')", "status of 404"),
    "an inline script": (
        "document.body.append(Object.assign(document.createElement('script'), { textContent: '1' }))",
        "Content Security Policy",
    ),
    "another host": (f"fetch('http://{OUTSIDE}/').catch(() => {{}})", "Content Security Policy"),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_complaints_are_heard(page: Page, complaints: Complaints, wrong: str) -> None:
    script, words = WRONGS[wrong]
    page.evaluate(f"() => {{ {script} }}")
    page.wait_for_timeout(200)
    with pytest.raises(AssertionError, match=words):
        complaints.check()
    complaints.expect(words)


def test_another_host_is_heard_without_a_policy(open_page: OpenPage, complaints: Complaints) -> None:
    page = open_page(bypass_csp=True)
    with serving() as web:
        page.evaluate("(url) => fetch(url, { mode: 'no-cors' })", web.address("/image.png"))
    complaints.expect(f"request to another host: {web.address('/image.png')}")
    complaints.check()


def test_what_was_expected_must_come(page: Page, complaints: Complaints) -> None:
    page.wait_for_load_state()
    complaints.expect("status of 503")
    with pytest.raises(AssertionError, match="never heard"):
        complaints.check()
    complaints.expected.clear()
