"""A receipt, drawn on the spot."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from tests.e2e.lines import encode

RECEIPT = """
KEDAI SERI MAWAR SDN BHD
No. 12, Jalan Kenanga 3
47100 Puchong, Selangor
Tel: 03-8061 2345
Invoice No: 20417
Date: 03/04/2019 19:08
Item|Qty|Price|Amount
Teh tarik|2|1.80|3.60
Nasi lemak|1|6.50|6.50
Sub Total|||10.10
GST 6%|||0.61
Rounding|||-0.01
Total|||RM 10.70
Cash|||20.00
Change|||9.30
"""
_COLUMNS = (50, 420, 560, 720)


def receipt() -> bytes:
    """A picture of RECEIPT: rows below each other, cells at _COLUMNS."""
    font = ImageFont.load_default(30)
    rows = RECEIPT.strip().split("\n")
    image = Image.new("RGB", (920, 60 * len(rows) + 80), "white")
    pen = ImageDraw.Draw(image)
    for number, row in enumerate(rows):
        for left, cell in zip(_COLUMNS, row.split("|"), strict=False):
            pen.text((left, 40 + 60 * number), cell, "black", font)
    return encode(image)
