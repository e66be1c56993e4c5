"""A page as the recognizer sees it, but in colour, for who shows it: upright, and a PDF drawn."""

from __future__ import annotations

import io
import math
from typing import NamedTuple

from PIL import Image

from frontend.client.file_types import PDF
from frontend.errors import InvalidRequestError
from frontend.files.decoding import decoding, open_image, upright, upright_size
from frontend.files.image_headers import count_frames
from frontend.files.pdfium import opened_pdf, pixel_scale, pixel_size

_JPEG_QUALITY = 90
_JPEG_MAX_SIDE = 65_500


class Picture(NamedTuple):
    """An encoded page; `width` and `height` are those that it has when it is read, `pages` is the file's."""

    content: bytes
    media_type: str
    width: int
    height: int
    pages: int


def draw(data: bytes, number: int, max_side: int | None) -> Picture:
    """Page `number`, from 1 on, of an image, a TIFF or a PDF; no side longer than `max_side` pixels.

    Raises InvalidImageError, ImageTooLargeError or InvalidRequestError.
    """
    image, size, pages = _drawn(data, number, max_side)
    with decoding():
        return Picture(*_encode(_fitted(image, max_side)), *size, pages)


def page_image(data: bytes, number: int) -> Image.Image:
    """The same in the size that it has when it is read, in mode 1, L or RGB. Raises as `draw` does."""
    image, _, _ = _drawn(data, number, None)
    return image


def _drawn(data: bytes, number: int, max_side: int | None) -> tuple[Image.Image, tuple[int, int], int]:
    """The page, at least as large as it is wanted, the size that it has when it is read, and their number."""
    return _draw_pdf(data, number, max_side) if PDF.matches(data) else _draw_image(data, number, max_side)


def _draw_pdf(data: bytes, number: int, max_side: int | None) -> tuple[Image.Image, tuple[int, int], int]:
    with opened_pdf(data) as document:
        pages = len(document)
        _check_number(number, pages)
        page = document[number - 1]
        width, height = page.get_size()
        size = pixel_size(width, height)
        shrink = min(1.0, max_side / max(size)) if max_side else 1.0
        bitmap = page.render(scale=pixel_scale(width, height) * shrink, rev_byteorder=True)
        try:
            image = bitmap.to_pil().convert("RGB")  # a copy: the bitmap goes
        finally:
            bitmap.close()
            page.close()
    return image, size, pages


def _draw_image(data: bytes, number: int, max_side: int | None) -> tuple[Image.Image, tuple[int, int], int]:
    pages = count_frames(data)
    _check_number(number, pages)
    image = open_image(data, number - 1)
    size = upright_size(image)
    if max_side:
        with decoding():
            image.draft(None, (max_side, max_side))  # a JPEG need not be decoded at its full size
    return upright(image), size, pages


def _check_number(number: int, pages: int) -> None:
    if number > pages:
        raise InvalidRequestError([("page", f"There is no page {number}: the file has {pages}.")])


def _fitted(image: Image.Image, max_side: int | None) -> Image.Image:
    longest = max(image.size)
    if not max_side or longest <= max_side:
        return image
    size = [max(1, math.floor(side * max_side / longest)) for side in image.size]
    return (image.convert("L") if image.mode == "1" else image).resize((size[0], size[1]))


def _encode(image: Image.Image) -> tuple[bytes, str]:
    """Two colours are a PNG, and what is too long for a JPEG; the rest is a JPEG."""
    buffer = io.BytesIO()
    if image.mode == "1" or max(image.size) > _JPEG_MAX_SIDE:
        image.save(buffer, "PNG")
        return buffer.getvalue(), "image/png"
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue(), "image/jpeg"
