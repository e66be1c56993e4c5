"""Thumbnails of the history: small enough to be kept with every record."""

from __future__ import annotations

import io
import math

from PIL import Image

from frontend.client.file_types import AVIF, HEIC, PDF
from frontend.errors import OCRError
from frontend.files.decoding import decoding, open_image, upright, upright_size
from frontend.files.image_headers import megapixels
from frontend.files.pdfium import opened_pdf
from frontend.files.sandbox import ASIDE

MEDIA_TYPE = "image/webp"
MAX_BYTES = 8000
SIDE = 160
"""Pixels of the longer side, at most."""
_LEAST = 64
"""Pixels of the shorter side: of a long line the beginning is shown."""
_QUALITIES = (70, 40, 10)
_LARGE_MEGAPIXELS = 2.0
"""Larger images, and documents, are drawn one by one in a process of their own; others wait for none."""


def thumbnail(data: bytes, number: int) -> bytes | None:
    """Page `number`, from 1 on, of an image, a TIFF or a PDF as WebP; None if it cannot be drawn."""
    try:
        return _drawn(data, number) if _is_small(data) else ASIDE.run(_drawn, data, number)
    except OCRError:
        return None


def _is_small(data: bytes) -> bool:
    """Whether it is drawn in no time: a photo of a phone may hold more than it says."""
    is_photo = HEIC.matches(data) or AVIF.matches(data)
    return not is_photo and 0 < megapixels(data) <= _LARGE_MEGAPIXELS


def _drawn(data: bytes, number: int) -> bytes:
    return _encoded(_pdf_page(data, number) if PDF.matches(data) else _image(data, number))


def _pdf_page(data: bytes, number: int) -> Image.Image:
    with opened_pdf(data) as document:
        page = document[number - 1]
        bitmap = page.render(scale=SIDE / max(1.0, *page.get_size()), rev_byteorder=True)
        try:
            image: Image.Image = bitmap.to_pil().convert("RGB")
            return image
        finally:
            bitmap.close()
            page.close()


def _image(data: bytes, number: int) -> Image.Image:
    image = open_image(data, number - 1)
    shrink = _scale(*upright_size(image))
    with decoding():
        needed = [math.ceil(side * shrink) for side in image.size]
        image.draft(None, (needed[0], needed[1]))  # a JPEG need not be decoded at its full size
    shown = upright(image)
    scale = _scale(*shown.size)
    box = [min(side, math.ceil(SIDE / scale)) for side in shown.size]
    size = [max(1, min(SIDE, round(side * scale))) for side in box]
    with decoding():
        plain = shown.convert("L") if shown.mode == "1" else shown
        return plain.resize((size[0], size[1]), box=(0, 0, box[0], box[1]), reducing_gap=2.0)


def _scale(width: int, height: int) -> float:
    return min(1.0, max(SIDE / max(width, height), _LEAST / min(width, height)))


def _encoded(image: Image.Image) -> bytes:
    """In the best quality that is small enough; what is mere noise at half the size."""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality)
        if buffer.tell() <= MAX_BYTES:
            return buffer.getvalue()
    return _encoded(image.reduce(2))
