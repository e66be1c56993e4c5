"""Ranges of pages as requests name them."""

from __future__ import annotations

import pytest

from frontend.files.page_ranges import parse_pages


@pytest.mark.parametrize(
    ("text", "pages"), [("3", [3]), ("2-5", [2, 3, 4, 5]), ("4-4", [4]), ("5-2", []), ("00012", [12])]
)
def test_pages(text: str, pages: list[int]) -> None:
    assert list(parse_pages(text)) == pages
