"""PDFium, which draws PDFs and knows where their text stands. The one module that keeps its threads apart."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2

from frontend.errors import InvalidImageError
from frontend.files.repair import repaired
from frontend.settings import MAX_MEGAPIXELS

RESOLUTION = 200
"""Dots per inch at which the recognizer draws a page of a PDF; a test holds the two together."""
POINTS_PER_INCH = 72
_ONE_AT_A_TIME = threading.Lock()
"""PDFium is not thread-safe, not even where documents are different ones."""


@contextmanager
def opened_pdf(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """A PDF with a page at least; no other is open in this process meanwhile. Raises InvalidImageError."""
    with _ONE_AT_A_TIME:
        try:
            document = pypdfium2.PdfDocument(repaired(data))
            try:
                document.init_forms()  # before a page is opened: what was typed into a form is drawn, too
                if not len(document):
                    raise InvalidImageError("The PDF has no pages. Export it again and resend it.")
                yield document
            finally:
                document.close()
        except pypdfium2.PdfiumError as error:
            raise broken_pdf(locked="assword" in str(error) or "ecurity" in str(error)) from error


def broken_pdf(*, locked: bool) -> InvalidImageError:
    """The error for a PDF that cannot be opened, or is `locked` by a password."""
    what = "encrypted. Save it without a password" if locked else "damaged. Export it again"
    return InvalidImageError(f"The PDF is {what} and send it again.")


def pixel_scale(width: float, height: float) -> float:
    """Pixels for a point of a page so many points wide and high, as the recognizer draws it."""
    most = math.sqrt(MAX_MEGAPIXELS * 1_000_000 / max(1.0, width * height))
    return min(RESOLUTION / POINTS_PER_INCH, most)


def pixel_size(width: float, height: float) -> tuple[int, int]:
    """Pixels across and down of a page so many points wide and high, as the recognizer draws it."""
    scale = pixel_scale(width, height)
    return math.ceil(width * scale), math.ceil(height * scale)


def text_places(data: bytes, number: int) -> list[tuple[float, float]]:
    """Where page `number`, from 1 on, has text of its own: centres of characters in points of its space.

    Only those that a search can find count: spaces do not, nor does what stands for no character.
    Raises InvalidImageError.
    """
    with opened_pdf(data) as document:
        page = document[number - 1]
        try:
            return _places(page)
        finally:
            page.close()


def _places(page: pypdfium2.PdfPage) -> list[tuple[float, float]]:
    text = page.get_textpage()
    try:
        chars = ((number, text.get_text_range(number, 1)) for number in range(text.count_chars()))
        boxes = [
            text.get_charbox(number) for number, char in chars if char.isprintable() and not char.isspace()
        ]
        return [((left + right) / 2, (bottom + top) / 2) for left, bottom, right, top in boxes]
    finally:
        text.close()
