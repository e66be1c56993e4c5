"""What the header of an image file says; nothing is decoded; pictures.py does that."""

from __future__ import annotations

import io
import struct

from PIL import Image

Image.MAX_IMAGE_PIXELS = None
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
_TIFF = (b"II*\x00", b"MM\x00*")
BROKEN = (OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError, struct.error)
"""What Pillow raises for files that are broken in one way or another."""


def megapixels(data: bytes) -> float:
    """The size of an image; 0 for a document, and for what the recognizer will refuse."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return image.width * image.height / 1_000_000
    except BROKEN:
        return 0.0


def count_frames(data: bytes) -> int:
    """Pages of a TIFF; 1 for any other image, and for what the recognizer will refuse."""
    if not data.startswith(_TIFF):
        return 1
    try:
        with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
            return int(getattr(image, "n_frames", 1))
    except BROKEN:
        return 1
