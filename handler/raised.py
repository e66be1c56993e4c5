"""Figures that are raised, as exponents and the figures of notes are: m², 10⁻³.

Networks read many of them as if they were on the base line. The ink tells: a raised figure is smaller than
letters are, and its foot is high above what they stand on.
"""

from collections.abc import Sequence
from dataclasses import replace

from handler.character_boxes import refine
from handler.decode import Character, Recognition
from handler.glyphs import Glyphs, Piece, glyphs_of
from handler.image import Pixels

RAISED = dict(zip("0123456789-–+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺", strict=True))
"""What may be raised, and what it is then."""
LEVEL = {raised: plain for plain, raised in RAISED.items() if plain != "–"}
FOOT, SMALL, ON_BASE = 0.25, 0.76, 0.12
"""Of the letters' height: how far above the base line a raised figure ends at least, its own height at most,
and how far above the base line what it follows ends at most."""
LEAST = 0.3
"""Of the letters' height: that of a raised figure at least."""
HIGH = 0.62
"""Of the letters' height: how far above the base line the middle of a raised sign is at least."""
CLOSE = 0.35
"""Of the letters' height: columns without ink before a raised figure at most."""
SAME_HEIGHT = 0.25
"""Of a figure's height: how much higher or lower the figures of one number begin and end at most."""


def settle_raised(reading: Recognition, line: Pixels) -> Recognition:
    """The reading of a line (h, w) or (h, w, 3), extents in its pixels, with its figures raised or not as
    the ink shows them; those that are raised have no space before them."""
    if not any(char in RAISED or char in LEVEL for char in reading.text[1:]):
        return reading
    glyphs = glyphs_of(line)
    has_level = any(char in LEVEL for char in reading.text)
    if not glyphs or not (has_level or any(_may_be_high(piece, glyphs) for piece in glyphs.pieces)):
        return reading
    shown = refine(tuple(c for c in reading.characters if c.char != " "), line)
    inks = [_ink(char, glyphs) for char in shown]
    forms = _forms(shown, inks, glyphs)
    places = iter(range(len(shown)))
    characters: list[Character] = []
    for char in reading.characters:
        if char.char == " ":
            characters.append(char)
            continue
        place = next(places)
        if (
            forms[place] in LEVEL
            and characters
            and characters[-1].char == " "
            and _is_close(inks, place, glyphs)
        ):
            characters.pop()
        characters.append(replace(char, char=forms[place]))
    text = "".join(c.char for c in characters)
    return replace(reading, text=text, characters=tuple(characters)) if text != reading.text else reading


def _ink(char: Character, glyphs: Glyphs) -> Piece | None:
    """The bounds of a character's ink; None if it is not apart from its neighbours'."""
    found = [p for p in glyphs.pieces if char.start <= p.middle < char.end and p.height > 1]
    if not found:
        return None
    return Piece(
        min(p.left for p in found), min(p.top for p in found),
        max(p.right for p in found), max(p.bottom for p in found),
    )  # fmt: skip


def _forms(shown: Sequence[Character], inks: Sequence[Piece | None], glyphs: Glyphs) -> list[str]:
    """What each character is, raised or not. What is raised follows something that is on the base line, or
    is raised; a sign is raised whose figure is."""
    forms = [char.char for char in shown]
    raised = [False] * len(forms)
    for place, (form, ink) in enumerate(zip(forms, inks, strict=True)):
        if not place or not ink or not (form in RAISED or form in LEVEL):
            continue
        is_high = _is_high(form, ink, glyphs)
        follows = raised[place - 1] or _may_be_base(shown, inks, place - 1, glyphs)
        raised[place] = is_high and follows and (form in LEVEL or _ends_there(shown, inks, place, glyphs))
        raised[place] |= forms[place - 1] in LEVEL and form in RAISED and _is_beside(inks[place - 1], ink)
        if raised[place]:
            forms[place] = RAISED.get(form, form)
        elif not is_high and glyphs.base - ink.bottom < ON_BASE * glyphs.height:
            forms[place] = LEVEL.get(form, form)
    for place, char in enumerate(shown):
        follows = place + 1 < len(forms) and raised[place + 1] and forms[place + 1].isdigit()
        if raised[place] and forms[place] in "⁻⁺" and not follows:
            forms[place] = char.char
    return forms


def _is_beside(one: Piece | None, other: Piece) -> bool:
    """Whether two figures stand at one height, whatever the base line is taken for."""
    if not one:
        return False
    room = SAME_HEIGHT * max(one.height, other.height)
    return abs(one.top - other.top) <= room and abs(one.bottom - other.bottom) <= room


def _may_be_high(piece: Piece, glyphs: Glyphs) -> bool:
    return piece.height >= LEAST * glyphs.height and _is_high("", piece, glyphs)


def _is_high(form: str, ink: Piece, glyphs: Glyphs) -> bool:
    above = glyphs.base - ink.bottom
    if form and form in "-–+⁻⁺":
        return glyphs.base - (ink.top + ink.bottom) / 2 >= HIGH * glyphs.height
    return above >= FOOT * glyphs.height and ink.height <= SMALL * glyphs.height


def _may_be_base(
    shown: Sequence[Character], inks: Sequence[Piece | None], place: int, glyphs: Glyphs
) -> bool:
    """Whether an exponent may follow: a letter, whole number or bracket that is on the base line."""
    form, ink = shown[place].char, inks[place]
    if not (form.isalnum() or form in ")]}µ%") or not (ink and _is_on_base(ink, glyphs)):
        return False
    before = "".join(char.char for char in shown[:place])
    return not (form.isdigit() and before.rstrip("0123456789").endswith((".", ",")))


def _ends_there(shown: Sequence[Character], inks: Sequence[Piece | None], place: int, glyphs: Glyphs) -> bool:
    """Whether no letter or figure on the base line follows close by, as in a line that is not straight."""
    if place + 1 == len(shown) or not shown[place + 1].char.isalnum():
        return True
    ink, behind = inks[place], inks[place + 1]
    if not ink or not behind:
        return False
    return behind.left - ink.right > CLOSE * glyphs.height or _is_high(shown[place + 1].char, behind, glyphs)


def _is_on_base(ink: Piece, glyphs: Glyphs) -> bool:
    return abs(glyphs.base - ink.bottom) < ON_BASE * glyphs.height


def _is_close(inks: Sequence[Piece | None], place: int, glyphs: Glyphs) -> bool:
    before, ink = inks[place - 1], inks[place]
    return bool(before and ink and ink.left - before.right <= CLOSE * glyphs.height)
