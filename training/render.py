"""Draw lines of text as they stand on signs, paper and screens: text -> grey image (H, W).

Only Pillow and numpy are needed; a line costs about 2 ms. What a camera or scanner does to it comes later,
for whole batches: augment.py.
"""

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from handler.charset import ASCII
from handler.image import Grey
from training import surface
from training import text as texts
from training.distortion import crop, distort
from training.typefaces import is_wide, load, pick_font

SIZES = (24, 32, 44)
"""Font sizes in pixels; what is smaller in life is scaled down afterwards."""
SCREEN_SIZES = (10, 12, 13, 15, 18)
WIDE_SIZES = (30, 44)
"""Few, since each size of a font of thousands of characters takes memory, and large, for many strokes."""
WIDE_SCREEN_SIZES = (12, 14, 16, 20)
LATIN_IN_WIDE = 0.15
"""How often Latin text is drawn by such a font, where the alphabet has more than Latin."""
NARROW_GAP, CLEAR = 0.25, (0.4, 0.8)
"""Font sizes: the widest gap beside a wide character that is no space; how much wider a space is there."""
LATIN_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHKLMNPRSTUVWXYZ0123456789  "
WIDE_LETTERS = "的一是不了人有在中大来上国日本年月出生会時間行後前元号のにはをたがでとるしイスント。，"
"""What is drawn of neighbouring lines."""


@dataclass(frozen=True)
class Domain:
    """A kind of picture: what is written, and in which sections of fonts.txt, by weight.

    `fonts` are for Latin text, `wide` for Chinese and Japanese.
    """

    text: texts.Mix
    fonts: dict[str, float]
    wide: dict[str, float]
    scene: float = 0.0
    """Chance of coloured grounds, perspective, curves, outlines and shadows."""
    worn: float = 0.0
    """Chance of print with gaps and bleeding, or of dots."""
    plate: bool = False
    """Characters in cells of one size, as on number plates."""
    screen: bool = False
    """Small and sharp, with the subpixels of a screen."""
    tracked: float = 0.25
    """Chance of letters that stand wider or closer than the font has them; on no screen."""


DOMAINS = {
    "scene": Domain(
        texts.SCENE,
        {"sans": 6, "serif": 3, "display": 4, "hand": 1, "mono": 0.5},
        {"wide-sans": 4, "wide-serif": 2, "wide-display": 2, "wide-hand": 1.5},
        scene=0.85,
    ),
    "receipt": Domain(
        texts.RECEIPT,
        {"receipt": 4, "mono": 3, "sans": 4, "serif": 0.7},
        {"wide-sans": 5, "wide-serif": 3, "wide-pixel": 0.5, "wide-hand": 0.3},
        scene=0.05,
        worn=0.5,
    ),
    "document": Domain(
        texts.DOCUMENT,
        {"serif": 5, "sans": 5, "mono": 1, "hand": 0.2},
        {"wide-sans": 5, "wide-serif": 5, "wide-hand": 0.3},
        scene=0.05,
        worn=0.15,
    ),
    "screen": Domain(
        texts.DOCUMENT,
        {"sans": 6, "serif": 1.5, "mono": 2.5},
        {"wide-sans": 6, "wide-serif": 1, "wide-pixel": 0.5},
        screen=True,
    ),
    "plate": Domain(texts.PLATE, {"sans": 3, "mono": 1}, {"wide-sans": 1}, plate=True),
}


def choose_font(rng: random.Random, domain: Domain, text: str, alphabet: str) -> str | None:
    """A font file for the text, if any; for Latin text sometimes a wide one, as in Chinese print."""
    wide = is_wide(text) or (is_wide(alphabet) and rng.random() < LATIN_IN_WIDE)
    first, second = (domain.wide, domain.fonts) if wide else (domain.fonts, domain.wide)
    return pick_font(rng, first, text) or (pick_font(rng, second, text) if is_wide(alphabet) else None)


def draw_ink(rng: random.Random, text: str, path: str, scene: bool, tracked: float) -> Image.Image:
    """The text in white on black with a margin of one font size; some with wide or narrow spacing.

    In scenes also with small capitals, or letters that dance on the base line.
    """
    wide = is_wide(text)
    size = rng.choice(WIDE_SIZES if wide else SIZES)
    font = load(path, size)
    spacing = track(rng, text, tracked) * size
    gaps = boundary_gaps(rng, text, font) if wide else []
    capitals = scene and not wide and text.isupper() and rng.random() < 0.12
    dance = 0.05 * size if scene and rng.random() < 0.05 else 0.0
    length = font.getlength(text) + max(spacing, 0) * len(text) + sum(gaps)
    image = Image.new("L", (int(length) + 2 * size + 2, 3 * size))
    pen = ImageDraw.Draw(image)
    stroke = 1 if rng.random() < 0.06 and not (wide and size < WIDE_SIZES[-1]) else 0
    if not (spacing or capitals or dance):
        surface.write(image, (size, 2 * size), text, font, gaps, stroke)
        return image
    small = load(path, round(0.8 * size)) if capitals else font
    x = float(size)
    for index, char in enumerate(text):
        drawn = small if index and text[index - 1] != " " else font
        y = 2 * size + rng.gauss(0, dance)
        pen.text((x, y), char, font=drawn, fill=255, anchor="ls", stroke_width=stroke)
        x += drawn.getlength(char) + spacing + (gaps[index] if gaps else 0)
    return image


def boundary_gaps(rng: random.Random, text: str, font: ImageFont.FreeTypeFont) -> list[float]:
    """Pixels to add after each character of a text of wide characters and others.

    Typesetting puts narrow gaps between the two, which no reader takes for spaces and no label has; a space
    is drawn so much wider than these that every reader sees it.
    """
    gap = rng.uniform(0.05, NARROW_GAP) * font.size if rng.random() < 0.6 else 0.0
    missing = max(0.0, gap + rng.uniform(*CLEAR) * font.size - font.getlength(" "))
    gaps = []
    for left, char, right in zip(" " + text, text, text[1:] + " ", strict=False):
        wide, next_wide = is_wide(char), is_wide(right)
        if char == " ":
            gaps.append(missing if is_wide(left) or next_wide else 0.0)
        else:
            gaps.append(gap if wide != next_wide and (char + right).isalnum() else 0.0)
    return gaps


def draw_plate(rng: random.Random, text: str, path: str) -> Image.Image:
    """The text in white on black, each character stretched to a cell half as wide as high, mostly in a frame.

    After the Chinese standard GA 36: cells of 45 x 90 mm, 12 mm apart, with more room around the dot.
    """
    high = rng.choice((40, 60))
    wide, apart = int(high * rng.uniform(0.45, 0.55)), int(high * rng.uniform(0.1, 0.17))
    font, stroke = load(path, WIDE_SIZES[-1]), rng.choice((0, 1, 2))
    image = Image.new("L", ((len(text) + 3) * (wide + apart), 2 * high))
    x, top = wide, high // 2
    for char in text:
        if char in " ·・-":
            dot = rng.uniform(0.04, 0.09) * high
            x += apart
            if char != " ":
                middle = top + high / 2
                ImageDraw.Draw(image).rectangle((x - dot, middle - dot, x + dot, middle + dot), fill=255)
            x += 2 * apart
        else:
            glyph = Image.new("L", (3 * WIDE_SIZES[-1], 3 * WIDE_SIZES[-1]))
            place = (WIDE_SIZES[-1], 2 * WIDE_SIZES[-1])
            ImageDraw.Draw(glyph).text(place, char, font=font, fill=255, anchor="ls", stroke_width=stroke)
            glyph = glyph.crop(glyph.getbbox())
            narrow = max(3, min(wide, glyph.width * high // glyph.height)) if char in "1I" else wide
            image.paste(glyph.resize((narrow, high)), (x + (wide - narrow) // 2, top))
            x += wide + apart
    left, right, room = wide - 2 * apart, x + apart, rng.uniform(0.12, 0.3) * high
    if rng.random() < 0.7:
        box = (left, top - room, right, top + high + room)
        ImageDraw.Draw(image).rectangle(box, outline=255, width=rng.choice((1, 2, 3)))
    return image.crop(
        (int(left - 0.3 * high * rng.random()), 0, int(right + 0.3 * high * rng.random()), 2 * high)
    )


def track(rng: random.Random, text: str, chance: float) -> float:
    """Space between letters in font sizes: none mostly; Chinese and Japanese titles are spread far."""
    if rng.random() >= chance:
        return 0.0
    if is_wide(text) and len(text) <= 8 and " " not in text and rng.random() < 0.3:
        return rng.uniform(0.35, 1.3)
    return rng.choice([rng.uniform(-0.04, 0.06), rng.uniform(0, 0.35)])


def add_neighbours(rng: random.Random, ink: Image.Image, path: str, scene: bool, wide: bool) -> None:
    """Edges of other lines, words beside, rules and frames that a crop has caught."""
    pen = ImageDraw.Draw(ink)
    width, height = ink.size
    reach = 0.2 if scene else 0.1
    other = "".join(rng.choices(WIDE_LETTERS if wide else LATIN_LETTERS, k=30))
    for above in rng.choice([(True,), (False,), (True, False)]):
        if rng.random() < 0.6:
            y, anchor = (rng.uniform(0, reach), "ls") if above else (rng.uniform(1 - reach, 1), "lt")
            font = load(path, rng.choice(WIDE_SIZES if wide else SIZES))
            pen.text((rng.uniform(-1, 0.5) * height, y * height), other, font=font, fill=255, anchor=anchor)
        else:
            y = rng.uniform(0, 0.06) * height if above else rng.uniform(0.93, 1) * height
            pen.line([(0, y), (width, y + rng.uniform(-1, 1))], fill=255, width=rng.choice([1, 1, 2, 3]))
    if rng.random() < 0.2:  # the frame of a table's cell
        x = rng.choice([rng.uniform(0, 0.08) * height, width - rng.uniform(0.01, 0.08) * height])
        pen.line([(x, 0), (x, height)], fill=255, width=rng.choice([1, 2]))


def underline(ink: Image.Image, size: float, wide: bool) -> None:
    """A rule right under a straight line of text; wide characters reach further below the base line."""
    left, _, right, _ = ink.getbbox() or (0, 0, 1, 1)
    y = 2 * size + max(2, (0.2 if wide else 0.09) * size)
    ImageDraw.Draw(ink).line([(left, y), (right, y)], fill=255, width=max(1, round(0.05 * size)))


def draw_text(rng: random.Random, domain: Domain, alphabet: str) -> tuple[str, str]:
    """A text of the alphabet and a font file that has all of it; a text that no font has is drawn anew."""
    while True:
        text = texts.draw(rng, domain.text, alphabet)
        path = choose_font(rng, domain, text, alphabet)
        if path:
            return text, path


def render(rng: random.Random, domain: Domain, alphabet: str = ASCII) -> tuple[Grey, str]:
    """One random line: its image (H, W) and its text, in which runs of spaces count as one."""
    text, path = draw_text(rng, domain, alphabet)
    return draw_line(rng, domain, text, path), " ".join(text.split())


def draw_line(rng: random.Random, domain: Domain, text: str, path: str) -> Grey:
    """The image (H, W) of a text in a font file that has all of it."""
    wide = is_wide(text)
    if domain.screen:
        font = load(path, 3 * rng.choice(WIDE_SCREEN_SIZES if wide else SCREEN_SIZES))
        gaps = boundary_gaps(rng, text, font) if wide else []
        return surface.show_on_screen(rng, text, font, gaps)
    if domain.plate:
        ink = distort(rng, draw_plate(rng, text, path), scene=True)
        _, top, _, bottom = ink.getbbox() or (0, 0, *ink.size)
        ink = ink.crop((0, top - rng.randint(-3, 4), ink.width, bottom + rng.randint(-3, 4)))
        return surface.paint(rng, ink, scene=True, fine=True)
    scene = rng.random() < domain.scene
    ink = draw_ink(rng, text, path, scene, domain.tracked)
    size = ink.height / 3
    if rng.random() < 0.03:
        underline(ink, size, wide)
    ink = crop(rng, distort(rng, ink, scene), size)
    if rng.random() < (0.2 if scene else 0.15):
        add_neighbours(rng, ink, path, scene, wide)
    if rng.random() < domain.worn:
        ink = surface.wear(rng, ink, fine=wide)
    return surface.paint(rng, ink, scene, fine=wide)
