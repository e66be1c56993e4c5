"""The front doors in two languages: short, and agreed on every figure, address and command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = "README.md", "README.zh-CN.md"


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", [ENGLISH, CHINESE])
def test_it_has_at_most_120_lines(name: str) -> None:
    assert len(text_of(name).splitlines()) <= 120


@pytest.mark.parametrize(
    "pattern",
    [r"\d[\d.,]*\d|\d", r"\]\((?!README)([^)#]+)", r"`([^`\n<]+)[^`\n]*`"],
    ids=["figures", "links", "commands"],
)
def test_both_languages_say_the_same(pattern: str) -> None:
    english, chinese = (sorted(set(re.findall(pattern, text_of(name)))) for name in (ENGLISH, CHINESE))
    assert english == chinese
