"""Half-width katakana: a voiced one is two characters, the kana and its mark, and makes one of the text.

A network takes the mark for a degree sign or a quotation mark, or for nothing. Where kana stand half as far
apart as they are high, what follows one that can be voiced, as wide as it and with ink at its top alone, is
its mark; the network's probabilities say which of the two.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from handler.decode import Character, Recognition
from handler.emissions import Emissions
from handler.image import Pixels, ink_levels

VOICED, HALF_VOICED = "\u3099", "\u309a"
"""Unicode's combining marks, which NFC joins to their kana."""
MARKS = {
    "ﾞ": VOICED,
    "゛": VOICED,
    VOICED: VOICED,
    "ﾟ": HALF_VOICED,
    "゜": HALF_VOICED,
    HALF_VOICED: HALF_VOICED,
}
LIKE = {VOICED: 'ﾞ゛”“″"`', HALF_VOICED: "ﾟ゜°º®。o"}
"""Characters that a network takes the marks for."""
SIGNS = LIKE[VOICED] + LIKE[HALF_VOICED]
HALF_WIDTH_KANA = 0.75
"""Kana are half-width whose middles are less than this part of the line's height apart."""
ROOM = 1.5
"""A kana has room for a mark behind it whose neighbour is this many times as far away as others are."""
MARK_EDGE = 0.6
"""Distances from the middle of a kana to where its mark begins."""
MARK_INK, MARK_TOP, MARK_BELOW = 0.4, 0.45, 0.1
"""Ink is this far from the ground, of what is farthest. A mark's lies in this part of the line's height, from
above; so much of it, at most, lies lower."""
LONG_VOWEL_SIGN, LONG_VOWEL_SHARE = "ー", 0.05
"""A dash between kana is the sign of a long vowel if that is this part as probable, or more."""

KanaLine = tuple[Emissions, str, NDArray[np.bool_], float]
"""Emissions of a line, the alphabet, where the line (h, w) has ink, and pixels across a frame."""
Placed = tuple[Character, float]
"""A character and its middle, in frames."""


def compose(
    reading: Recognition, emissions: Emissions, alphabet: str, image: Pixels, frame_width: float
) -> Recognition:
    """The reading, extents in frames, with each kana and its mark as one character, and with long vowels.

    `image` (h, w) or (h, w, 3) is the line as the network saw it.
    """
    if not any(map(_is_katakana, reading.text)):
        return reading
    line = (emissions, alphabet, _ink(image), frame_width)
    characters = _with_long_vowels(_with_marks(reading.characters, line), line)
    return replace(reading, text="".join(c.char for c in characters), characters=tuple(characters))


def _with_long_vowels(characters: Sequence[Character], line: KanaLine) -> list[Character]:
    """A dash after one kana and before another, or at the end, lengthens a vowel where it may well."""
    kana = [*(_is_katakana(c.char) for c in characters), True]
    return [
        replace(c, char=LONG_VOWEL_SIGN)
        if c.char == "-" and place and kana[place - 1] and kana[place + 1] and _may_be_long(c, line)
        else c
        for place, c in enumerate(characters)
    ]


def _may_be_long(dash: Character, line: KanaLine) -> bool:
    as_long, as_dash = (_probability(char, dash.start, dash.end, line) for char in (LONG_VOWEL_SIGN, "-"))
    return as_long >= LONG_VOWEL_SHARE * as_dash


def _with_marks(characters: Sequence[Character], line: KanaLine) -> list[Character]:
    rest = [(c, _middle(c, line)) for c in characters]
    pitch = _pitch(rest)
    is_narrow = pitch * line[3] < HALF_WIDTH_KANA * len(line[2])
    done: list[Character] = []
    while rest:
        (kana, middle), *rest = rest
        voiced = _voiced_forms(kana.char)
        taken = 1 if rest and MARKS.get(rest[0][0].char) in voiced else None
        if taken:
            voiced = {mark: char for mark, char in voiced.items() if mark == MARKS[rest[0][0].char]}
        elif voiced and is_narrow:
            taken = _signs_behind(middle, rest, pitch, line)
        if taken is not None:
            end = max([kana.end, *(c.end for c, _ in rest[:taken])])
            char = max(voiced, key=lambda mark: _evidence(mark, voiced[mark], kana, end, line))
            kana, rest = replace(kana, char=voiced[char], end=end), rest[taken:]
        done.append(kana)
    return done


def _voiced_forms(kana: str) -> Mapping[str, str]:
    """A kana, of either width, with each mark that it can have, or with the one it has."""
    plain, *has = list(unicodedata.normalize("NFKD", kana))
    marks = has or (VOICED, HALF_VOICED)
    forms = {mark: unicodedata.normalize("NFC", plain + mark) for mark in marks if _is_katakana(kana)}
    return {mark: form for mark, form in forms.items() if len(form) == 1}


def _signs_behind(middle: float, rest: Sequence[Placed], pitch: float, line: KanaLine) -> int | None:
    """How many characters behind a kana stand for its mark, if the line shows one there."""
    if rest and rest[0][0].char in SIGNS:
        return 1 if _is_mark(rest[0][1] - pitch / 2, rest[0][1] + pitch / 2, line) else None
    spaces = 1 if rest and rest[0][0].char == " " else 0
    start, end = middle + MARK_EDGE * pitch, middle + (1 + MARK_EDGE) * pitch
    if len(rest) > spaces:
        end = min(end, rest[spaces][1] - MARK_EDGE * pitch)
    has_room = end - start > (ROOM - 2 * MARK_EDGE) * pitch
    return spaces if has_room and _is_mark(start, end, line) else None


def _is_mark(start: float, end: float, line: KanaLine) -> bool:
    """Whether there is ink between two frames, at the top alone."""
    _, _, ink, frame_width = line
    shown = ink[:, max(0, round(start * frame_width)) : max(0, round(end * frame_width))]
    return bool(shown.any() and shown[round(MARK_TOP * len(ink)) :].sum() <= MARK_BELOW * shown.sum())


def _evidence(mark: str, voiced: str, kana: Character, end: float, line: KanaLine) -> float:
    """How probable a kana is with a mark: read as one, or beside what the mark is taken for."""
    signs = [_probability(sign, kana.start, end + 1, line) for sign in LIKE[mark]]
    return _probability(voiced, kana.start, kana.end, line) + sum(signs)


def _probability(char: str, start: float, end: float, line: KanaLine) -> float:
    """The highest probability of a character in frames from start to end."""
    emissions, alphabet, *_ = line
    label = alphabet.find(char) + 1
    if not label:
        return 0.0
    inside = (emissions.looked_at >= int(start)) & (emissions.looked_at < end)
    found = emissions.log_probs[inside, label]
    return float(found.max().exp()) if len(found) else 0.0


def _middle(char: Character, line: KanaLine) -> float:
    """Where a character is surest, in frames; where it stands, if it was not looked at."""
    emissions, alphabet, *_ = line
    inside = (emissions.looked_at >= int(char.start)) & (emissions.looked_at < char.end)
    if not inside.any():
        return (char.start + char.end) / 2
    surest = emissions.log_probs[inside, alphabet.find(char.char) + 1].argmax()
    return float(emissions.looked_at[inside][surest]) + 0.5


def _pitch(characters: Sequence[Placed]) -> float:
    """Frames from one katakana to the next: the lower quartile; infinite where there are no two."""
    pairs = pairwise(characters)
    found = [b - a for (one, a), (two, b) in pairs if _is_katakana(one.char) and _is_katakana(two.char)]
    return sorted(found)[(len(found) - 1) // 4] if found else math.inf


def _is_katakana(char: str) -> bool:
    return "\u30a1" <= char <= "\u30ff" and char != "・" or "\uff66" <= char <= "\uff9d"


def _ink(image: Pixels) -> NDArray[np.bool_]:
    levels = ink_levels(image).astype(np.int16)
    away = np.abs(levels - int(np.median(levels)))
    ink: NDArray[np.bool_] = away > MARK_INK * max(1, int(away.max()))
    return ink
