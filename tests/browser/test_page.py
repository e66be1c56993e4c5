"""The page as such: fast, alone, and for everybody."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser import axe


def test_the_page_is_accessible(page: Page, axe_source: str) -> None:
    assert axe.findings(page, axe_source) == []
