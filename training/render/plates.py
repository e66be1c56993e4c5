"""Number plates: characters in cells of one size."""

import random

from PIL import Image, ImageDraw

from training.fonts.typefaces import load

FONT_SIZE = 44
"""Font size in pixels at which a character is drawn before it is stretched to its cell."""


def draw_plate(rng: random.Random, text: str, path: str) -> Image.Image:
    """The text in white on black, each character stretched to a cell half as wide as high, mostly in a frame.

    After the Chinese standard GA 36: cells of 45 x 90 mm, 12 mm apart, with more room around the dot.
    """
    high = rng.choice((40, 60))
    wide, apart = int(high * rng.uniform(0.45, 0.55)), int(high * rng.uniform(0.1, 0.17))
    font, stroke = load(path, FONT_SIZE), rng.choice((0, 1, 2))
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
            glyph = Image.new("L", (3 * FONT_SIZE, 3 * FONT_SIZE))
            place = (FONT_SIZE, 2 * FONT_SIZE)
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
