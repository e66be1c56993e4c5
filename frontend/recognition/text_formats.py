"""Lines of a page -> its text, as `text_format` asks for it. A new format is an entry in TEXT_FORMATS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Literal

from frontend.recognition import shapes
from frontend.recognition.listings import as_code
from frontend.recognition.upright import Lines

TextFormat = Literal["lines", "paragraphs", "markdown", "tsv", "csv", "code"]


def as_lines(lines: Lines, field: str = "text") -> str:
    """Lines of one row joined by a space, rows by a line feed; `field` of each line is its text."""
    rows = groupby(lines, key=lambda line: line["row"])
    return "\n".join(" ".join(line[field] for line in row) for _, row in rows)


TEXT_FORMATS: Mapping[TextFormat, Callable[[Lines, str], str]] = {
    "lines": as_lines,
    "paragraphs": shapes.as_paragraphs,
    "markdown": shapes.as_markdown,
    "tsv": shapes.as_tsv,
    "csv": shapes.as_csv,
    "code": as_code,
}
