"""Names of files: labels, and never paths."""

from __future__ import annotations

import pytest

from frontend.files.names import file_name, url_name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("receipt.png", "receipt.png"),
        ("发票 2026.pdf", "发票 2026.pdf"),
        ("/home/anna/receipt.png", "receipt.png"),
        ("C:\\Users\\anna\\receipt.png", "receipt.png"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\x1b[31m\u202egnp.exe", "ab[31mgnp.exe"),
        ("  two \t words.png ", "two words.png"),
        ("x" * 300, "x" * 200),
        ("\ud800.png", ".png"),
        *((nothing, None) for nothing in ("", None, "..", "folder/", "\x00", " ", "image", "file", "blob")),
    ],
)
def test_a_name_is_its_last_part_without_what_cannot_be_seen(given: str | None, expected: str | None) -> None:
    assert file_name(given) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/a/receipt.png?size=2#top", "receipt.png"),
        ("https://example.com/%E5%8F%91%E7%A5%A8.png", "发票.png"),
        ("https://example.com/a%2Fb.png", "b.png"),
        ("https://example.com/", None),
        ("https://[broken/a.png", None),
    ],
)
def test_an_address_has_the_name_of_its_file(url: str, expected: str | None) -> None:
    assert url_name(url) == expected
