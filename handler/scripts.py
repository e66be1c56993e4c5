"""One line, one script: characters that look the same in several scripts or widths are told apart by it.

To a network ×, ＝, く or 日 look like x, =, < or 8. What the line is written in says which one is meant; how
far apart characters stand says how wide they are.
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby, pairwise
from statistics import median

import torch
from torch import Tensor

from handler.decode import Allowlist, Character, Recognition, best_path
from handler.emissions import Emissions

FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
"""Full-width forms of ASCII, and what they are forms of."""
FULL_WIDTH_TABLE = str.maketrans(FULL_WIDTH)
MINORITY = 0.45
"""Characters of other scripts are doubted in a line of ASCII where they are less than this part of it."""
STRANGE = 1e-3
"""How probable one of them is beforehand, beside what looks like it in ASCII."""
SUPERSCRIPTS, SUPERSCRIPT_CONFIDENCE = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"), 0.5
"""Raised figures, which belong to text in any script; read with less confidence they are plain ones, unless
the ink shows otherwise (see raised.py)."""
SIMPLE = frozenset("一二三十丁了亅丨丶丿乙乂又人入八个几匕卜口日目田回土工")
"""Chinese characters that may look like something in ASCII; the others look like nothing there."""
SPACED = 4.5
"""How much more probable a space is in a line without Chinese or Japanese than the networks say: they learned
from lines with and without spaces between words (training/RUNS.md)."""
HALF_WIDTH = 0.78
"""Letters or figures stand close, as half-width ones do, below this part of Chinese characters' distance."""


def best_reading(
    emissions: Emissions, alphabet: str, frames: int | None = None, allowlist: Allowlist | None = None
) -> Recognition:
    """Best path of one line (see decode.best_path), in one script.

    Where all of a line is of scripts with spaces between words, spaces are SPACED times as probable. Where
    most of it is ASCII, and the rest is of scripts that have look-alikes of it, what is most probable without
    them stands, if none of it is far less so.
    """
    reading = best_path(emissions, alphabet, frames, allowlist)
    if allowlist is None and any(
        c.char in SUPERSCRIPTS and c.confidence < SUPERSCRIPT_CONFIDENCE for c in reading.characters
    ):
        emissions, _ = emissions.ruling_out(superscripts(alphabet))
        reading = best_path(emissions, alphabet, frames)
    strange = sum(map(is_strange, reading.text))
    if allowlist is None and not strange and " " in alphabet:
        spaced = emissions.favouring(alphabet.index(" ") + 1, SPACED)
        return best_path(spaced, alphabet, frames) if spaced is not emissions else reading
    doubtful = sum(map(may_be_ascii, reading.text)) == strange < MINORITY * len(reading.text)
    if allowlist is not None or not doubtful:
        return reading
    plain, losses = emissions.ruling_out(look_alikes(alphabet))
    return best_path(plain, alphabet, frames) if 0 < max(losses, default=0) < -math.log(STRANGE) else reading


def is_strange(char: str) -> bool:
    """Whether a character is out of place in a line of ASCII: Chinese, Japanese, Greek, full-width, a sign of
    mathematics, a numeral; not a letter with an accent, a quotation mark, a dash, or a sign of money."""
    if char.isascii() or char in SUPERSCRIPTS:
        return False
    name = unicodedata.name(char, "")
    latin = name.startswith("LATIN") or unicodedata.category(char) in {"Pd", "Pi", "Pf", "Po", "Sc"}
    return not latin or unicodedata.east_asian_width(char) in {"F", "W", "H"}


def may_be_ascii(char: str) -> bool:
    """Whether it is strange and may look like something in ASCII, as few Chinese characters do: those of
    number plates do not."""
    return is_strange(char) and (char in SIMPLE or not is_ideograph(char))


def is_ideograph(char: str) -> bool:
    """Whether a character is a Chinese one, of any language."""
    return "\u4e00" <= char <= "\u9fff"


@lru_cache(maxsize=4)
def look_alikes(alphabet: str) -> Tensor:
    """(1 + len(alphabet),) bool: those that may look like something in ASCII."""
    return torch.tensor([False, *map(may_be_ascii, alphabet)])


@lru_cache(maxsize=4)
def superscripts(alphabet: str) -> Tensor:
    """(1 + len(alphabet),) bool: the raised figures."""
    return torch.tensor([False, *(char in SUPERSCRIPTS for char in alphabet)])


def settle_widths(reading: Recognition) -> Recognition:
    """The reading with full-width letters, figures and signs in ASCII where they are none.

    In a line of ASCII few full-width forms are none, since they look the same there. Among Chinese or
    Japanese characters only letters and figures are asked: see _narrow_places.
    """
    full = sum(char in FULL_WIDTH for char in reading.text)
    if not full:
        return reading
    if 2 * full < len(reading.text) and reading.text.translate(FULL_WIDTH_TABLE).isascii():
        narrow = set(range(len(reading.text)))
    else:
        narrow = set(_narrow_places(reading.characters))
    characters = tuple(
        replace(c, char=FULL_WIDTH.get(c.char, c.char)) if place in narrow else c
        for place, c in enumerate(reading.characters)
    )
    return replace(reading, text="".join(c.char for c in characters), characters=characters)


def _narrow_places(characters: Sequence[Character]) -> list[int]:
    """Places of full-width letters and figures that are none: those of neighbours that stand close, and
    single ones, which with a space beside them take as much room, and are far more often half-width."""
    kinds = [_kind(c.char) for c in characters]
    middles = [c.middle for c in characters]
    wide = [middles[n + 1] - middles[n] for n, pair in enumerate(pairwise(kinds)) if pair == ("wide", "wide")]
    narrow = []
    for kind, group in groupby(range(len(kinds)), key=kinds.__getitem__):
        places = list(group)
        if kind == "full" and (len(places) == 1 or _stand_close([middles[n] for n in places], wide)):
            narrow += places
    return narrow


def _stand_close(middles: list[float], wide: list[float]) -> bool:
    return bool(wide) and (middles[-1] - middles[0]) / (len(middles) - 1) < HALF_WIDTH * median(wide)


def _kind(char: str) -> str:
    if char in FULL_WIDTH and FULL_WIDTH[char].isalnum():
        return "full"
    return "wide" if unicodedata.east_asian_width(char) == "W" else "other"
