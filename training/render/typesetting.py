"""How the characters of a line are set: runs of one font with gaps between, raised figures, and emoji."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageFont, features

from training.fonts.typefaces import emoji_font, is_wide, load

NARROW_GAP, EXTRA_SPACE = 0.25, (0.4, 0.8)
"""Font sizes: the widest gap beside a wide character that is no space; how much wider a space is there."""
PLAIN = ["-liga", "-clig", "-calt"] if features.check("raqm") else None
"""No ligatures, which fonts for programmers draw for `->` and `!=`: they look like other characters."""
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
PLAIN_FIGURES = str.maketrans(RAISED | LOWERED)
"""Raised and lowered figures as the plain ones that word processors draw smaller in their stead."""
EMOJI = (
    "😀😁😂😃😄😅😆😉😊😋😍😎😏😐😒😔😘😜😞😡😢😤😭😮😱😴😷🙏🙂🙃🙄🤔👍👎👏👋👌💪👀🎉🎁🎂🎄🔥💯💔💙💚💛💜🌟🌈🌙🌸🌹🍀🍎🍕🍔🍺☕🍰⚽🏀🏆🎵🎶🎤🎬📷📱💻📞📧📌📎📅📈"
    "🔒🔑🔔🔍💡💰🚀🚗🚌🚲🏠🏫🐶🐱🐼🐰🐷🐟🌍⏰☀☁☂⛄⚡✈❤⭐✨❌❓❗"
)


@dataclass(frozen=True)
class TextRun:
    """Characters of one font, `rise` pixels above the base line, and the pixels that follow them."""

    text: str
    font: ImageFont.FreeTypeFont
    rise: float = 0.0
    after: float = 0.0

    @property
    def length(self) -> float:
        """Pixels to where the next run begins."""
        return self.font.getlength(self.text) + self.after


def length(runs: Sequence[TextRun]) -> float:
    """Pixels that a line takes."""
    return sum(run.length for run in runs)


def write(
    image: Image.Image, place: tuple[float, float], runs: Sequence[TextRun], stroke: int = 0, fill: int = 255
) -> None:
    """Draw the runs from a place on the base line."""
    pen, (x, y) = ImageDraw.Draw(image), place
    for run in runs:
        at = (x, y - run.rise)
        pen.text(at, run.text, font=run.font, fill=fill, anchor="ls", stroke_width=stroke, features=PLAIN)
        x += run.length


def boundary_gaps(rng: random.Random, text: str, font: ImageFont.FreeTypeFont) -> list[float]:
    """Pixels to add after each character of a text of wide characters and others.

    Typesetting puts narrow gaps between the two, which no reader takes for spaces and no label has; a space
    is drawn so much wider than these that every reader sees it.
    """
    gap = rng.uniform(0.05, NARROW_GAP) * font.size if rng.random() < 0.6 else 0.0
    missing = max(0.0, gap + rng.uniform(*EXTRA_SPACE) * font.size - font.getlength(" "))
    gaps = []
    for left, char, right in zip(" " + text, text, text[1:] + " ", strict=False):
        wide, next_wide = is_wide(char), is_wide(right)
        if char == " ":
            gaps.append(missing if is_wide(left) or next_wide else 0.0)
        else:
            gaps.append(gap if wide != next_wide and (char + right).isalnum() else 0.0)
    return gaps


def set_line(
    rng: random.Random, text: str, path: str, size: int, composed: bool = False, emoji: bool = False
) -> list[TextRun]:
    """The text in one font file; `composed` draws raised figures as small plain ones, `emoji` adds one."""
    font = load(path, size)
    gaps = boundary_gaps(rng, text, font) if is_wide(text) else [0.0] * len(text)
    runs = list(_runs(text, font, gaps))
    if composed and not set(text).isdisjoint(RAISED.keys() | LOWERED.keys()):
        small = load(path, round(rng.uniform(0.55, 0.68) * size))
        runs = [part for run in runs for part in _with_figures(run, small, size)]
    return _with_emoji(rng, runs, size) if emoji else runs


def _runs(text: str, font: ImageFont.FreeTypeFont, gaps: Sequence[float]) -> Iterator[TextRun]:
    begin = 0
    for end in [*(index + 1 for index, gap in enumerate(gaps) if gap), len(text)]:
        if end > begin:
            yield TextRun(text[begin:end], font, after=gaps[end - 1])
        begin = end


def _with_figures(run: TextRun, small: ImageFont.FreeTypeFont, size: int) -> Iterator[TextRun]:
    """The run with its raised and lowered figures as plain ones of a smaller size."""
    begin = 0
    for end in range(1, len(run.text) + 1):
        last = end == len(run.text)
        if last or _rise(run.text[end]) != _rise(run.text[end - 1]):
            rise = _rise(run.text[begin])
            part = run.text[begin:end].translate(PLAIN_FIGURES) if rise else run.text[begin:end]
            yield TextRun(part, small if rise else run.font, rise * size, run.after if last else 0.0)
            begin = end


def _rise(char: str) -> float:
    """How far above the base line a character is set, in font sizes."""
    return 0.33 if char in RAISED else -0.14 if char in LOWERED else 0.0


def _with_emoji(rng: random.Random, runs: list[TextRun], size: int) -> list[TextRun]:
    """The runs with an emoji between two words or behind them, which no label has; none without a font."""
    path = emoji_font()
    if not path:
        return runs
    sign = TextRun(rng.choice(EMOJI), load(path, round(rng.uniform(0.9, 1.1) * size)), after=0.25 * size)
    places = [(n, at) for n, run in enumerate(runs) for at, char in enumerate(run.text) if char == " "]
    if not places or rng.random() < 0.3:
        return [*runs[:-1], replace(runs[-1], after=0.3 * size), sign]
    number, at = rng.choice(places)
    run = runs[number]
    head, tail = replace(run, text=run.text[: at + 1], after=0.0), replace(run, text=run.text[at + 1 :])
    return [*runs[:number], head, sign, *([tail] if tail.text else []), *runs[number + 1 :]]


def spread(
    rng: random.Random, runs: list[TextRun], spacing: float, dance: float, capitals: str
) -> list[TextRun]:
    """Each character on its own, `spacing` pixels apart and up to about `dance` off the base line.

    `capitals` is the font file of small capitals behind the first letter of each word, if there are any.
    """
    spread_runs, begins = [], True
    for run in runs:
        small = load(capitals, round(0.8 * run.font.size)) if capitals else run.font
        for index, char in enumerate(run.text):
            after = spacing + (run.after if index == len(run.text) - 1 else 0.0)
            rise = run.rise + (rng.gauss(0, dance) if dance else 0.0)
            spread_runs.append(TextRun(char, run.font if begins else small, rise, after))
            begins = char == " "
    return spread_runs
