"""Machine-readable zones of passports, cards and visas (ICAO 9303, parts 4 to 7): lines of A-Z, 0-9 and <.

Which places hold figures and which letters is laid down, and so tells O from 0, I from 1, S from 5, B from 8,
Z from 2 and G from 6; where both may stand, a check digit does that would be wrong otherwise.
"""

import math
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from handler.decode import Allowlist, Character, Recognition, best_path
from handler.emissions import Emissions

FILLER = "<"
ALPHABET = string.ascii_uppercase + string.digits + FILLER
TAKEN_FOR_FILLERS = str.maketrans(
    dict.fromkeys("くぐ〈＜‹ㄑ", FILLER) | dict.fromkeys("«≪《", 2 * FILLER) | {" ": None}
)
"""Characters that a network may take fillers for, and spaces, which there are none of."""
LIKE_FIGURES = {"0": "OQD", "1": "I", "2": "Z", "5": "S", "6": "G", "8": "B"}
LIKE_LETTERS = {letter: figure for figure, letters in LIKE_FIGURES.items() for letter in letters}
SHORTEST, LONGEST, FOREIGN = 28, 48, 0.1
"""Characters of a line that may belong to a zone, and which part of them may be none of the alphabet."""
POSSIBLE, PLAUSIBLE = math.log(1000), math.log(100)
"""How much less probable than what was read, in logs, another character may be: where what was read cannot
stand, and where both can."""

KINDS = {
    "a": string.ascii_uppercase + FILLER,
    "n": string.digits,
    "d": string.digits + FILLER,
    "s": "MFX" + FILLER,
    "c": "ACI",
    "x": ALPHABET,
}
"""Characters that may stand in places of each kind."""
_COMMON = "xxxxxxxxx" + "d" + "aaa" + "dddddd" + "n" + "s" + "dddddd" + "n"
Span = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """A line of a zone: the kind of each place, and of each field with a check digit where both are."""

    kinds: str
    checked: Sequence[tuple[Span, int]] = ()


_CHECKED = (((0, 9), 9), ((13, 19), 19), ((21, 27), 27))
LAYOUTS: Sequence[Layout] = (
    Layout("a" * 44),
    Layout(_COMMON + "x" * 14 + "dn", (*_CHECKED, ((28, 42), 42))),
    Layout(_COMMON + "x" * 16, _CHECKED),
    Layout("a" * 36),
    Layout(_COMMON + "x" * 7 + "n", _CHECKED),
    Layout(_COMMON + "x" * 8, _CHECKED),
    Layout("a" * 30),
    Layout("caaaa" + "x" * 9 + "d" + "x" * 15, (((5, 14), 14),)),
    Layout("ddddddn" + "s" + "ddddddn" + "aaa" + "x" * 11 + "n", (((0, 6), 6), ((8, 14), 14))),
)

Scores = Mapping[str, float]
"""The highest log probability of each character of ALPHABET around a place."""


def read_zone(
    reading: Recognition, emissions: Emissions, alphabet: str, frames: int | None = None
) -> Recognition:
    """The reading, or where it may be a line of a zone, the best one in the zone's alphabet and layout.

    Extents are in frames, see decode.best_path.
    """
    if not _may_be_zone(reading.text):
        return reading
    plain = best_path(emissions, alphabet, frames, Allowlist(ALPHABET, forced=True))
    scores = [scores_of(char, emissions, alphabet) for char in plain.characters]
    text = fitted(plain.text, scores)
    return with_text(plain, text)


def with_text(reading: Recognition, text: str) -> Recognition:
    """The reading with other characters in the same places, which a rule decided: as sure as it was."""
    chars = zip(reading.characters, text, strict=True)
    return replace(reading, text=text, characters=tuple(replace(c, char=char) for c, char in chars))


def _may_be_zone(text: str) -> bool:
    folded = text.translate(TAKEN_FOR_FILLERS)
    foreign = sum(char not in ALPHABET for char in folded)
    return SHORTEST <= len(folded) <= LONGEST and FILLER in folded and foreign <= FOREIGN * len(folded)


def scores_of(char: Character, emissions: Emissions, alphabet: str) -> Scores:
    """The emissions of the place where a character stands."""
    inside = (emissions.looked_at >= math.floor(char.start)) & (emissions.looked_at < char.end)
    found: Tensor = emissions.log_probs[inside]
    best = found.amax(dim=0) if len(found) else torch.full((1 + len(alphabet),), -math.inf)
    return {c: float(best[alphabet.find(c) + 1]) for c in ALPHABET if c in alphabet}


def fitted(text: str, scores: Sequence[Scores]) -> str:
    """A line as the layout that it fits best has it, of those as long; as it is, if it fits none.

    At most one place may hold what the layout does not allow. Names may be of any length: fillers are easily
    miscounted.
    """
    layouts = [layout for layout in LAYOUTS if len(layout.kinds) == len(text)]
    if not layouts and 2 * FILLER in text:
        layouts = [Layout("a" * len(text))]
    ways = []
    for place, layout in enumerate(layouts):
        found, misfits = _in_layout(text, scores, layout)
        found = _checked(found, scores, layout)
        changes = sum(a != b for a, b in zip(text, found, strict=True))
        ways.append((misfits, _wrong_digits(found, layout), changes, place, found))
    misfits, *_, found = min(ways, default=(2, text))
    return found if misfits < 2 else text


def _wrong_digits(text: str, layout: Layout) -> int:
    """How many check digits of a line are wrong; a filler is none only behind a field without any, which is
    continued, or behind one with nothing else."""
    fields = [(text[start:end], text[place]) for (start, end), place in layout.checked]
    return sum(
        FILLER in field and bool(field.strip(FILLER)) if digit == FILLER else digit != check_digit(field)
        for field, digit in fields
    )


def _in_layout(text: str, scores: Sequence[Scores], layout: Layout) -> tuple[str, int]:
    """A line with the characters that a layout allows, and the places where none is possible."""
    done, misfits = "", 0
    for char, kind, score in zip(text, layout.kinds, scores, strict=True):
        possible = char if char in KINDS[kind] else _instead(char, KINDS[kind], score)
        misfits += possible is None
        done += possible or char
    return done, misfits


def _instead(char: str, allowed: str, scores: Scores) -> str | None:
    """A substitute for a character that cannot stand there: one like it, else one about as probable."""
    alike = [c for c in LIKE_FIGURES.get(char, "") + LIKE_LETTERS.get(char, "") if c in allowed]
    best = max(alike or allowed, key=lambda c: scores.get(c, -math.inf))
    return best if alike or scores.get(char, 0) - scores.get(best, -math.inf) < POSSIBLE else None


def _checked(text: str, scores: Sequence[Scores], layout: Layout) -> str:
    """A line in which a figure replaces a letter like it, or the reverse, where a check digit asks for it."""
    for (start, end), place in layout.checked:
        if text[place] == FILLER or text[place] == check_digit(text[start:end]):
            continue
        ways = [
            (scores[n][text[n]] - scores[n].get(other, -math.inf), text[:n] + other + text[n + 1 :])
            for n in range(start, end)
            if layout.kinds[n] == "x"
            for other in LIKE_FIGURES.get(text[n], "") + LIKE_LETTERS.get(text[n], "")
        ]
        right = [way for way in ways if way[0] < PLAUSIBLE and check_digit(way[1][start:end]) == text[place]]
        text = min(right)[1] if right else text
    return text


def check_digit(field: str) -> str:
    """The check digit of a field: its values (A is 10, < is 0) weighted 7, 3, 1 in turn, modulo 10."""
    values = [0 if char == FILLER else int(char, 36) for char in field]
    return str(sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10)


def zones(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The zones in lines of a page: `format`, `lines`, and `check_digits`, whether each is right.

    The first line tells by its first letter a visa from a passport or a card; the others must be in layout.
    """
    for number in range(len(lines) - 1):
        first, second, *rest = lines[number : number + 3]
        if _fits(second, LAYOUTS[1], LAYOUTS[2]) and _names(first, 44):
            yield _zone("MRV-A" if first[0] == "V" else "TD3", first, second)
        elif _fits(second, LAYOUTS[4], LAYOUTS[5]) and _names(first, 36):
            yield _zone("MRV-B" if first[0] == "V" else "TD2", first, second)
        elif _fits(first, LAYOUTS[7]) and _fits(second, LAYOUTS[8]) and rest and _names(rest[0], 30):
            yield _zone("TD1", first, second, rest[0])


def _fits(line: str, *layouts: Layout) -> bool:
    return any(
        len(line) == len(layout.kinds)
        and all(char in KINDS[kind] for char, kind in zip(line, layout.kinds, strict=True))
        for layout in layouts
    )


def _names(line: str, length: int) -> bool:
    """Whether a line has letters and fillers alone, and is about so long: fillers are easily miscounted."""
    return abs(len(line) - length) <= 2 and 2 * FILLER in line and all(char in KINDS["a"] for char in line)


def _zone(form: str, *lines: str) -> dict[str, Any]:
    fields = _card_fields(*lines) if form == "TD1" else _fields(form, lines[1])
    digits = {name: digit == check_digit(field) for name, (field, digit) in fields.items()}
    return {"format": form, "lines": list(lines), "check_digits": digits}


def _fields(form: str, line: str) -> dict[str, tuple[str, str]]:
    """Fields of a second line and their check digits."""
    fields = {
        "number": (line[:9], line[9]),
        "birth": (line[13:19], line[19]),
        "expiry": (line[21:27], line[27]),
    }
    if form == "TD3":
        personal = line[28:42]
        fields["personal"] = personal, "0" if line[42] == FILLER and not personal.strip(FILLER) else line[42]
    if form in {"TD2", "TD3"}:
        fields["composite"] = line[:10] + line[13:20] + line[21:-1], line[-1]
    return fields


def _card_fields(first: str, second: str, _names: str) -> dict[str, tuple[str, str]]:
    """Fields of a card of three lines. A number of more than nine characters goes on after a filler."""
    number, digit = first[5:14], first[14]
    if digit == FILLER:
        more = first[15:].partition(FILLER)[0]
        number, digit = number + more[:-1], more[-1:]
    return {
        "number": (number, digit),
        "birth": (second[:6], second[6]),
        "expiry": (second[8:14], second[14]),
        "composite": (first[5:] + second[:7] + second[8:15] + second[18:29], second[29]),
    }
