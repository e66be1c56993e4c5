"""Which pages of a document: `3`, or `2-5`."""

from __future__ import annotations

PATTERN = "^[0-9]{1,5}(-[0-9]{1,5})?$"


def parse_pages(text: str) -> range:
    """The page numbers of a text that fits PATTERN: "3" -> 3, "2-5" -> 2 to 5; none if it runs backwards."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)
