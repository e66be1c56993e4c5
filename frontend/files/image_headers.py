"""The header of an image file. Nothing is decoded here; decoding.py does that."""

from __future__ import annotations

import io
import struct

from PIL import AvifImagePlugin, Image
from pillow_heif import register_heif_opener

from frontend.client.file_types import IMAGES, TIFF

register_heif_opener()
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # of as many as there are cores, each takes memory
Image.MAX_IMAGE_PIXELS = None
IMAGE_FORMATS = tuple(kind.name for kind in IMAGES)
"""Pillow's names of the formats that are read."""
BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError, RuntimeError),
    struct.error,
)
"""Exceptions that Pillow raises for broken files."""


def megapixels(data: bytes) -> float:
    """The size of an image; 0 for a document, and for what the recognizer will refuse."""
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            return image.width * image.height / 1_000_000
    except BROKEN:
        return 0.0


def count_frames(data: bytes) -> int:
    """Pages of a TIFF; 1 for any other image, and for what the recognizer will refuse."""
    if not TIFF.matches(data):
        return 1
    try:
        with Image.open(io.BytesIO(data), formats=[TIFF.name]) as image:
            return int(getattr(image, "n_frames", 1))
    except BROKEN:
        return 1
