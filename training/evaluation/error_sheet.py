"""A picture of the worst cases: line image, label, reading and confidence."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from training.evaluation.metrics import is_exact
from training.labelled import Sample

FONTS = Path(".cache/fonts")
CASES_SHOWN = 16
"""Wrong readings of each folder that are shown."""
WIDTH, ROW, HEAD, MARGIN = 1200, 52, 56, 16
IMAGE, TEXT = 470, 580
"""Widths of an image and of a text, in pixels."""
FONT_SIZE = 19
INK, MUTED, WRONG, RULE = "#1a1a1a", "#707070", "#b3261e", "#e4e4e4"


@dataclass(frozen=True)
class Case:
    """A sample that was read wrong, as what, and how sure the reader was (0 to 1)."""

    sample: Sample
    read: str
    confidence: float


def worst(samples: list[Sample], readings: list[tuple[str, float]], count: int) -> list[Case]:
    """The readings that are not exact, the surest first: at most `count`."""
    wrong = [
        Case(sample, read, confidence)
        for sample, (read, confidence) in zip(samples, readings, strict=True)
        if not is_exact(read, sample.text)
    ]
    return sorted(wrong, key=lambda case: -case.confidence)[:count]


def draw(folders: dict[str, list[Case]]) -> Image.Image:
    """One picture of all folders' cases, one under the other (RGB, WIDTH pixels wide)."""
    height = MARGIN + sum(HEAD + ROW * max(1, len(cases)) for cases in folders.values())
    picture = Image.new("RGB", (WIDTH, height), "white")
    pen = ImageDraw.Draw(picture)
    y = 0
    for folder, cases in folders.items():
        pen.text((MARGIN, y + 20), f"{folder}: surest wrong readings", INK, _default(FONT_SIZE + 3))
        y += HEAD
        if not cases:
            pen.text((MARGIN, y + 12), "none", MUTED, _default(FONT_SIZE))
        for number in range(max(1, len(cases))):
            pen.line((MARGIN, y, WIDTH - MARGIN, y), RULE)
            if cases:
                _draw_case(picture, pen, y, cases[number])
            y += ROW
    return picture


def _draw_case(picture: Image.Image, pen: ImageDraw.ImageDraw, y: int, case: Case) -> None:
    image = Image.fromarray(case.sample.image)
    scale = min(IMAGE / image.width, (ROW - 10) / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    picture.paste(image.resize(size, Image.Resampling.LANCZOS), (MARGIN, y + (ROW - size[1]) // 2))
    left = MARGIN + IMAGE + 20
    for row, (text, colour) in enumerate(((case.sample.text, INK), (case.read or "(nothing)", WRONG))):
        write(pen, (left, y + 3 + row * 23), text, colour, TEXT)
    pen.text((WIDTH - MARGIN, y + 15), f"{case.confidence:.2f}", MUTED, _default(FONT_SIZE), anchor="ra")


def write(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, colour: str, width: int) -> None:
    """Write a text of any script within `width` pixels; what no font draws is spelled as its escape."""
    runs = [(path, "".join(part)) for path, part in _runs(text)]
    size = FONT_SIZE
    while size > 9 and sum(_font(path, size).getlength(part) for path, part in runs) > width:
        size -= 1
    x, baseline = float(at[0]), at[1] + FONT_SIZE
    for path, part in runs:
        font = _font(path, size)
        pen.text((x, baseline), part, colour, font, anchor="ls")
        x += font.getlength(part)


def _runs(text: str) -> list[tuple[str, list[str]]]:
    """Pieces of a text with the font file of each; "" stands for Pillow's own font."""
    drawn = [(font_for(char), char) for char in text]
    spelled = [(path or "", char if path is not None else _escape(char)) for path, char in drawn]
    return [(path, [part for _, part in run]) for path, run in groupby(spelled, key=lambda piece: piece[0])]


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}"


@lru_cache(maxsize=4096)
def font_for(char: str) -> str | None:
    """The first font file that draws the character: "" for Pillow's own, None where there is none."""
    return next((path for path in ("", *_files()) if _draws(path, char)), None)


@lru_cache(maxsize=1)
def _files() -> tuple[str, ...]:
    """Fetched fonts, those of the Noto families first, as they cover most scripts."""
    files = (path for path in FONTS.rglob("*") if path.suffix in {".woff2", ".woff", ".ttf", ".otf"})
    return tuple(
        sorted(map(str, files), key=lambda path: ("noto-sans" not in path, "-400-" not in path, path))
    )


def _draws(path: str, char: str) -> bool:
    """Whether the font has a glyph of its own for the character, not the box that stands for any."""
    if not char.isprintable():
        return False
    font = _font(path, FONT_SIZE)
    return char.isspace() or bytes(font.getmask(char)) != bytes(font.getmask("\U0010fffe"))


@lru_cache(maxsize=256)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size) if path else _default(size)


@lru_cache(maxsize=16)
def _default(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
