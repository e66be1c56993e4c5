"""What documents call their fields: labels.toml has the words, this looks them up."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence, Set
from functools import cache, lru_cache
from pathlib import Path

Table = Mapping[str, Sequence[str]]
"""Phrases by kind."""
_DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
AMOUNTS: Table = _DATA["amounts"]
PAYMENTS: Table = _DATA["payments"]
DATES: Table = _DATA["dates"]
TAX_SUMMARY: Table = _DATA["tax_summary"]
PLACES: Table = _DATA["places"]
BUSINESS_WORDS: Set[str] = {*_DATA["words"]["forms"], *_DATA["words"]["businesses"]}
PHRASES: Set[str] = {
    phrase
    for table in (_DATA["words"], AMOUNTS, PLACES)
    for phrases in table.values()
    for phrase in phrases
    if phrase.isascii()
}
"""Words and phrases, in lower case, that stand in many documents."""
WORDS: Set[str] = {word for phrase in PHRASES for word in re.findall(r"\w+", phrase)}
_PATTERNS: Mapping[str, Sequence[str]] = _DATA["patterns"]
_SHORT = 4
_CONFUSED = str.maketrans("1!|l0538$", "iiiiosebs")


@lru_cache(4096)
def fold_label(text: str) -> str:
    """Only letters, in lower case, with those made one that are read for each other."""
    folded = text.lower().translate(_CONFUSED)
    return re.sub(r"[\W\d_]+", "", folded)


def kind_of(text: str, table: Table) -> str | None:
    """The first kind of the table that has a phrase in this text."""
    folded, words = fold_label(text), {fold_label(word) for word in re.split(r"[\W\d_]+", text)}
    for kind, phrases in table.items():
        if any(_is_in(fold_label(phrase), folded, words) for phrase in phrases):
            return kind
    return None


def _is_in(phrase: str, folded: str, words: Set[str]) -> bool:
    """Short phrases of letters must be whole words: others have them inside."""
    is_short = len(phrase) <= _SHORT and phrase.isascii()
    return phrase in (words if is_short else folded)


@cache
def pattern(*names: str) -> re.Pattern[str]:
    """The expression that finds any of the patterns of these names."""
    return re.compile("|".join(one for name in names for one in _PATTERNS[name]), re.IGNORECASE)


def matches(text: str, *names: str) -> bool:
    """Whether one of the patterns of these names is in the text."""
    return bool(pattern(*names).search(text))
