"""Patterns that would take the memory of the recognizer are refused before they are compiled."""

from __future__ import annotations

import pytest

from handler.constraint import LONGEST, Constraint
from handler.image import InvalidImageError
from handler.repetition import written_out


@pytest.mark.parametrize(
    "pattern",
    ["(?R)", "a(?R)?b", "(a)(?1)", "(?P<n>a)(?&n)", "(?P<n>a)(?P>n)", "(a)(?-1)", "a{9999999}", "a{1,99999}",
     "a{99999,}", "(a{999}){999}", "((a{99}){99}){99}", "(?:(?:[ab]{300}){3}){30}", "(a{101}){0,100}",
     "(a{99999999999999999999})?", r"\d{10001}", "(?x)(a{999}) {999}", "(?ix:(a{999})#\n{999})",
     "(a{999})(?#x){999}", "(a{999})+{999}"],
)  # fmt: skip
def test_what_would_take_all_memory_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidImageError) as raised:
        Constraint.of(pattern, None)
    assert (raised.value.status, raised.value.field) == (422, "pattern")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\d{4}-\d{2}-\d{2}", "2026-11-30"),
        (r"(?:[A-Z]\d){4}", "A1B2C3D4"),
        (r"[{]{3}", "{{{"),
        (r"\{9999999\}", "{9999999}"),
        ("[a{9999999}]", "9"),
        ("[]{99999}]+", "]9"),
        (r"x{0,200}(?:y{10}){10}", "x"),
        (r"[^\]{99999}]", "a"),
        ("a{,5}", "aaa"),
        ("(?i)total( due)?: .*", "Total: 5"),
    ],
)
def test_others_are_taken(pattern: str, text: str) -> None:
    constraint = Constraint.of(pattern, None)
    assert constraint
    assert constraint.allows(text)[0]


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("abc", 3),
        ("a{5}", 5),
        ("a{2,5}b", 6),
        ("(ab){3}", 9),
        ("((a{3}){4}){5}", 85),
        (r"\d{3}[0-9]{2}", 5),
        ("a{3,}", 3),
    ],
)
def test_repetitions_are_counted_through_groups(pattern: str, size: int) -> None:
    assert written_out(pattern) == size <= LONGEST
