"""Which lines come next."""

from __future__ import annotations

import random
from typing import Any

import pytest

from frontend.feedback.selection import most_useful


def line(name: str, text: str, confidence: float, record: str = "", version: str = "1") -> dict[str, Any]:
    return {
        "_id": name,
        "record": record or name,
        "text": text,
        "confidence": confidence,
        "model": "auto",
        "model_version": version,
    }


def names(waiting: list[dict[str, Any]], *reviewed: dict[str, Any], count: int = 9) -> str:
    return "".join(found["_id"] for found in most_useful(waiting, reviewed, count))


def test_the_least_sure_comes_first() -> None:
    lines = [line("a", "Apples", 0.5), line("b", "苹果", 0.1), line("c", "12.50", 0.3)]
    assert names(lines) == "bca"
    assert names(lines, count=2) == "bc"
    assert names([]) == ""


def test_what_is_like_a_line_looked_at_comes_later() -> None:
    lines = [line("a", "TOTAL 12.50", 0.2), line("b", "Riverside Market", 0.4)]
    assert names(lines) == "ab"
    assert names(lines, line("x", "total 12.5O", 0.2)) == "ba"


def test_what_another_model_read_alike_counts_less() -> None:
    lines = [line("a", "TOTAL 12.50", 0.2), line("b", "Riverside Market", 0.4)]
    assert names(lines, line("x", "TOTAL 12.50", 0.2, version="0")) == "ba"
    assert (
        names([lines[0], line("b", "Riverside Market", 0.59)], line("x", "TOTAL 12.50", 0.2, version="0"))
        == "ba"
    )
    assert (
        names([lines[0], line("b", "Riverside Market", 0.61)], line("x", "TOTAL 12.50", 0.2, version="0"))
        == "ab"
    )


def test_lines_alike_and_lines_of_one_record_take_turns_with_others() -> None:
    assert names([line("a", "TOTAL", 0.1), line("b", "TOTAL", 0.2), line("c", "Milk", 0.6)]) == "acb"
    assert names([line("a", "one", 0.1, "r"), line("b", "two", 0.2, "r"), line("c", "six", 0.5)]) == "acb"


@pytest.mark.parametrize("seed", range(3))
def test_the_order_is_always_the_same(seed: int) -> None:
    lines = [
        line(f"{n:02}", random.Random(n).choice(["TOTAL", "Milk", "牛奶"]), n % 4 / 10) for n in range(20)
    ]
    reviewed = [line("x", "Milk", 0.1), line("y", "Milch", 0.2)]
    wanted = names(lines, *reviewed, count=20)
    random.Random(seed).shuffle(lines)
    assert names(lines, *reversed(reviewed), count=20) == wanted
