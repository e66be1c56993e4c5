"""Draw lines of text as they stand on signs, paper and screens: text -> image (H, W) or (H, W, 3).

Only Pillow and numpy are needed; a line costs about 2 ms. What a camera or scanner does to it comes later,
for whole batches: augmentation/.
"""

import random
import re
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from handler.charset import ASCII
from training.fonts.typefaces import draws, is_wide, load, pick_font
from training.render import surface
from training.render.distortion import crop, distort
from training.render.domains import DOMAINS, Domain
from training.render.plates import draw_plate
from training.render.typesetting import PLAIN_FIGURES, length, set_line, spread, write
from training.text import generator as texts

FONT_SIZES = (24, 32, 44)
"""Font sizes in pixels; what is smaller in life is scaled down afterwards."""
SCREEN_SIZES = (10, 12, 13, 15, 18)
WIDE_SIZES = (30, 44)
"""Few, since each size of a font of thousands of characters takes memory, and large, for many strokes."""
WIDE_SCREEN_SIZES = (12, 14, 16, 20)
LATIN_IN_WIDE = 0.15
"""How often Latin text is drawn by such a font, where the alphabet has more than Latin."""
SMALL, SMALL_WIDE = (9, 15), (13, 20)
"""Heights in pixels, between which small print is drawn; wide characters need more."""
LINK = 0.05
"""How often text on a screen is a link."""
LATIN_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHKLMNPRSTUVWXYZ0123456789  "
WIDE_LETTERS = "的一是不了人有在中大来上国日本年月出生会時間行後前元号のにはをたがでとるしイスント。，"
"""Letters of which neighbouring lines are made."""


def choose_font(rng: random.Random, domain: Domain, text: str, alphabet: str) -> str | None:
    """A font file for the text, if any; for Latin text sometimes a wide one, as in Chinese print."""
    wide = is_wide(text) or (is_wide(alphabet) and rng.random() < LATIN_IN_WIDE)
    first, second = (domain.wide, domain.fonts) if wide else (domain.fonts, domain.wide)
    return pick_font(rng, first, text) or (pick_font(rng, second, text) if is_wide(alphabet) else None)


def draw_ink(
    rng: random.Random, text: str, path: str, scene: bool, tracked: float, domain: Domain | None = None
) -> Image.Image:
    """The text in white on black with a margin of one font size; some with wide or narrow spacing.

    In scenes also with small capitals, or letters that dance on the base line.
    """
    wide = is_wide(text)
    size = rng.choice(WIDE_SIZES if wide else FONT_SIZES)
    emoji = bool(domain) and rng.random() < domain.emoji
    runs = set_line(rng, text, path, size, composed=_composes(rng, text, path), emoji=emoji)
    spacing = track(rng, text, tracked) * size
    capitals = scene and not wide and text.isupper() and rng.random() < 0.12
    dance = 0.05 * size if scene and rng.random() < 0.05 else 0.0
    stroke = 1 if rng.random() < 0.06 and not (wide and size < WIDE_SIZES[-1]) else 0
    if spacing or capitals or dance:
        runs = spread(rng, runs, spacing, dance, path if capitals else "")
    image = Image.new("L", (int(length(runs) + max(-spacing, 0)) + 2 * size + 2, 3 * size))
    if domain and domain.segments and rng.random() < 0.4:
        unlit = [replace(run, text=re.sub(r"[\d-]", "8", run.text)) for run in runs]
        write(image, (size, 2 * size), unlit, fill=rng.randint(12, 50))
    write(image, (size, 2 * size), runs, stroke)
    return image


def _composes(rng: random.Random, text: str, path: str) -> bool:
    """Whether raised figures are drawn as small plain ones: where the font lacks them, and often else."""
    return text.translate(PLAIN_FIGURES) != text and (rng.random() < 0.5 or not draws(path, text))


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
            font = load(path, rng.choice(WIDE_SIZES if wide else FONT_SIZES))
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


def draw_text(rng: random.Random, domain: Domain, alphabet: str, language: str = "") -> tuple[str, str]:
    """A text of the alphabet and a font file that has all of it; a text that no font has is drawn anew.

    The text is in one language where it is named, and else in any.
    For some texts with raised figures the font has but the plain ones, see typesetting.PLAIN_FIGURES.
    """
    while True:
        text = texts.draw(rng, domain.text, alphabet, domain.long, language)
        composed = rng.random() < 0.6
        path = choose_font(rng, domain, text.translate(PLAIN_FIGURES) if composed else text, alphabet)
        if path:
            return text, path


def render(
    rng: random.Random, domain: Domain, alphabet: str = ASCII, colour: bool = False
) -> tuple[surface.Picture, str]:
    """One random line: its image and its text, in which runs of spaces count as one.

    The image is grey (H, W); where `colour` is asked for, pictures that have colours are (H, W, 3).
    """
    if domain.kinds:
        others = [*domain.kinds, None]
        chosen = rng.choices(others, [*domain.kinds.values(), 1 - sum(domain.kinds.values())])[0]
        domain = DOMAINS[chosen] if chosen else domain
    text, path = draw_text(rng, domain, alphabet)
    return draw_line(rng, domain, text, path, colour), " ".join(text.split())


def draw_line(
    rng: random.Random, domain: Domain, text: str, path: str, colour: bool = False
) -> surface.Picture:
    """The image of a text in a font file: (H, W), or (H, W, 3) if it has colours and they are asked for."""
    picture = _draw(rng, domain, text, path, colour and rng.random() < domain.coloured)
    return _shrink(rng, picture, is_wide(text)) if rng.random() < domain.small else picture


def _draw(rng: random.Random, domain: Domain, text: str, path: str, coloured: bool) -> surface.Picture:
    wide = is_wide(text)
    if domain.screen:
        size = 3 * rng.choice(WIDE_SCREEN_SIZES if wide else SCREEN_SIZES)
        emoji, link = rng.random() < domain.emoji, rng.random() < LINK
        runs = set_line(rng, text, path, size, composed=_composes(rng, text, path), emoji=emoji)
        return surface.show_on_screen(rng, runs, size, coloured, link)
    if domain.plate:
        ink = distort(rng, draw_plate(rng, text, path), scene=True)
        _, top, _, bottom = ink.getbbox() or (0, 0, *ink.size)
        ink = ink.crop((0, top - rng.randint(-3, 4), ink.width, bottom + rng.randint(-3, 4)))
        return surface.paint(rng, ink, scene=True, fine=True, coloured=coloured)
    scene = rng.random() < domain.scene
    ink = draw_ink(rng, text, path, scene, domain.tracked, domain)
    size = ink.height // 3
    if rng.random() < 0.03:
        underline(ink, size, wide)
    ink = crop(rng, distort(rng, ink, scene), size)
    if rng.random() < (0.2 if scene else 0.15):
        add_neighbours(rng, ink, path, scene, wide)
    if rng.random() < domain.worn:
        ink = surface.wear(rng, ink, fine=wide)
    return surface.paint(rng, ink, scene, fine=wide, coloured=coloured)


def _shrink(rng: random.Random, picture: surface.Picture, wide: bool) -> surface.Picture:
    """The picture as small as fine print in a photograph or scan: a few pixels a letter."""
    height = rng.uniform(*(SMALL_WIDE if wide else SMALL))
    if height >= len(picture):
        return picture
    shape = (max(4, round(picture.shape[1] * height / len(picture))), round(height))
    how = rng.choice([Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS])
    return np.asarray(Image.fromarray(picture).resize(shape, how))
