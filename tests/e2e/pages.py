"""Images of whole pages, drawn on the spot."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

SIZE = (640, 420)
ITEMS = ("Milk", "Bread", "Apples", "Cheese", "Coffee", "Pepper", "Onions", "Butter")


def rows(number: int) -> list[tuple[str, str]]:
    """A receipt's rows, item and price; no two numbers below 5,000 give the same."""
    head = [(f"RECEIPT {1000 + number}", ""), ("Riverside Market", "")]
    items = [
        (f"{ITEMS[(number + n) % len(ITEMS)]} {2 + (number + n) % 7} kg", f"{3 + number % 90}.{10 + n}")
        for n in range(4)
    ]
    return [*head, *items, ("TOTAL", f"{number % 900}.50")]


def draw(number: int) -> Image.Image:
    page = Image.new("L", SIZE, 252)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(26)
    for row, (item, price) in enumerate(rows(number)):
        pen.text((50, 40 + 50 * row), item, 25, font)
        pen.text((470, 40 + 50 * row), price, 25, font)
    return page


def text(number: int) -> str:
    """The text of the page, row by row."""
    return "\n".join(" ".join(part for part in row if part) for row in rows(number))


def pdf(*images: Image.Image) -> bytes:
    """A PDF that has these images as its pages, at 200 dots per inch."""
    buffer = io.BytesIO()
    first, *rest = (image.copy() for image in images)
    first.save(buffer, "PDF", save_all=True, append_images=rest, resolution=200)
    return buffer.getvalue()
