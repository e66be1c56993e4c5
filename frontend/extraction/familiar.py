"""Words that documents use everywhere are surer than their letters, and correct those that were misread.

A misreading seldom spells such a word, or the same word in two places. Where one letter is unsure and another
one makes such a word, that one was meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from math import log, prod
from typing import Any

from frontend.extraction import labels

SLIPS = 0.05
"""Share of misreadings that spell a familiar or repeated word."""
UNSURE, UNSURE_IN_PHRASE, MENDED = 0.92, 0.99, 0.95
"""A letter of a word, or of two, is mended if it is less sure; how sure it is then."""
_SIGNS = ".,:;"
"""They are read where they stand, not for letters."""
_WORD = re.compile(r"[^\W_]{2,}")
_TOKEN = re.compile(r"[^\s,.()/&-]+")
_TELLING = 4
"""Characters of a word that does not repeat by chance."""
_MENDABLE = 5
"""And of one that no other is as near to."""
_FLOOR = 1e-6


def repeated(texts: Iterable[str]) -> set[str]:
    """Words, in lower case, that occur in more than one of the texts."""
    counts = Counter(word for text in texts for word in {match[0].lower() for match in _WORD.finditer(text)})
    return {word for word, count in counts.items() if count > 1 and len(word) >= _TELLING}


def confidences_of(line: Mapping[str, Any], text: str) -> list[float] | None:
    """Of each character of a line's text; None where they are not known."""
    chars = line.get("chars")
    if not chars or len(chars) != len(text):
        return None
    return [max(_FLOOR, float(char["confidence"])) for char in chars]


def mend(text: str, confidences: list[float]) -> str:
    """The text, of the same length, with unsure letters changed where that spells a familiar word or phrase.

    Their `confidences` are set to MENDED.
    """
    mended = text
    for start, end in _places(text):
        word = mended[start:end]
        unsure = UNSURE_IN_PHRASE if " " in word else UNSURE
        doubtful = [at for at in range(start, end) if confidences[at] < unsure and not _is_sign(mended, at)]
        found = ((at, letter) for at in doubtful if (letter := _letter(word.lower(), at - start)))
        for at, letter in islice(found, 1):
            is_upper = mended[at].isupper() or word.isupper()
            mended = mended[:at] + (letter.upper() if is_upper else letter) + mended[at + 1 :]
            confidences[at] = MENDED
    return mended


def _is_sign(text: str, at: int) -> bool:
    """Whether it is a sign behind a word and no letter that was misread."""
    return text[at] in _SIGNS and not text[at + 1 : at + 2].isalpha()


def raised(text: str, confidences: Sequence[float], again: set[str]) -> list[float]:
    """Confidences of characters: higher for familiar words, and for those that stand there `again`."""
    found = list(confidences)
    for match in _WORD.finditer(text):
        word = match[0].lower()
        read = prod(found[slice(*match.span())])
        if read < 1 and (word in again or word in labels.WORDS):
            power = log(1 - SLIPS * (1 - read)) / log(read)
            for at in range(*match.span()):
                found[at] **= power
    return found


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Where words, and pairs of words beside each other, stand in a text."""
    spans = [match.span() for match in _TOKEN.finditer(text)]
    yield from spans
    yield from ((a, d) for (a, b), (c, d) in zip(spans, spans[1:], strict=False) if text[b:c] in {" ", ". "})


def _letter(word: str, at: int) -> str | None:
    """The one letter that makes this a familiar word or phrase in place of another."""
    if len(word) < _MENDABLE or word in labels.PHRASES:
        return None
    letters = _letters().get((word[:at], word[at + 1 :]), "")
    return letters if len(letters) == 1 else None


@cache
def _letters() -> Mapping[tuple[str, str], str]:
    """The letters that stand between two parts of familiar words."""
    found: dict[tuple[str, str], str] = {}
    for word in sorted(labels.PHRASES):
        for at, letter in enumerate(word):
            if letter.isalpha():
                key = word[:at], word[at + 1 :]
                found[key] = found.get(key, "") + letter
    return found
