"""Texts of rows: what one begins with, and how wrapped ones are joined again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from frontend.recognition.upright import is_wide

SENTENCE_ENDS = frozenset('.!?:;。！？：；…"”’)）')
_HYPHENS = frozenset("-\N{SOFT HYPHEN}\N{HYPHEN}")
_BULLET = re.compile(r"([•●○◦▪■□◆‣·*–—-])\s+(?=\S)")
_NUMBER = re.compile(
    r"([(（]?(\d{1,3})[)）]|(\d{1,3})[.、．](?!\d)|([a-z])[.)](?=\s)|([①-⑳])|([一二三四五六七八九十]{1,3})、)\s*(?=\S)"
)
_IDEOGRAPHIC = "一二三四五六七八九十"


class Marker(NamedTuple):
    """What an item of a list begins with: its sign, how long it is with its space, its number if any."""

    sign: str
    length: int
    number: int | None

    @property
    def is_bullet(self) -> bool:
        """Whether it says by itself that a list begins."""
        return self.number is None and self.sign not in "-–—*·"


def marker_of(text: str) -> Marker | None:
    """The marker of a list that a row begins with."""
    if bullet := _BULLET.match(text):
        return Marker(bullet[1], bullet.end(), None)
    if found := _NUMBER.match(text):
        return Marker(found[1], found.end(), _counted(next(filter(None, found.groups()[1:]))))
    return None


def is_marker(text: str) -> bool:
    """Whether a text is a marker and nothing else."""
    found = marker_of(f"{text} x")
    return found is not None and found.length > len(text)


def _counted(text: str) -> int:
    """The number that a marker stands for."""
    if text.isdecimal():
        return int(text)
    if text in _IDEOGRAPHIC:
        return _IDEOGRAPHIC.index(text) + 1
    return ord(text[-1])


def may_follow(first: Marker, second: Marker) -> bool:
    """Whether items with these markers may follow each other in a list."""
    if first.number is None or second.number is None:
        return first.number == second.number or first.sign != second.sign
    return second.number == first.number + 1


def first_word(text: str) -> str:
    """What must have room in a row for the text to begin in it."""
    if is_wide(text[0]):
        return text[0]
    return next((text[:n] for n, char in enumerate(text) if char.isspace() or is_wide(char)), text)


def joined(texts: Sequence[str], wraps: Sequence[bool], known: str) -> str:
    """The rows as one text; those that do not wrap end with a line feed. `known`: all text of the page."""
    text = texts[0]
    for row, is_wrapped in zip(texts[1:], wraps, strict=True):
        text = _wrapped(text, row, known) if is_wrapped else f"{text}\n{row}"
    return text


def is_divided(text: str, row: str) -> bool:
    """Whether `row` goes on with the word that ends a row's `text` with a hyphen."""
    return len(text) > 1 and text[-1] in _HYPHENS and text[-2].isalpha() and row[0].islower()


def _wrapped(text: str, row: str, known: str) -> str:
    if is_wide(text[-1]) or is_wide(row[0]):
        return text + row
    if text[-1] in _HYPHENS and row[0].isalnum() and len(text) > 1 and text[-2].isalnum():
        word = f"{text.split()[-1]}{row.split()[0]}"
        is_one_word = is_divided(text, row) and word.strip(".,;:") not in known
        return (text[:-1] if is_one_word else text) + row
    return f"{text} {row}"
