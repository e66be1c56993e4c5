"""Files as pages of a PDF: the pages of a PDF as they are, and those of an image as pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import pikepdf
from pikepdf import Name
from PIL import Image

from frontend.client.file_types import PDF
from frontend.errors import InvalidRequestError
from frontend.files.decoding import open_image, orientation, upright_size
from frontend.files.image_headers import count_frames
from frontend.files.pdfium import POINTS_PER_INCH, RESOLUTION, broken_pdf, pixel_scale, text_places
from frontend.formats.pdf_pictures import make_picture
from frontend.formats.pdf_text import Matrix, Point, numbers

_SENSIBLE_DPI = (97, 1200)
"""Less is what screens and cameras write, which know nothing of paper."""
_SHORTEST_POINTS, _LONGEST_POINTS = 3.0, 14_400.0
"""No page of a PDF is shorter or longer."""

Size = tuple[int, int]


class Source(Protocol):
    """A file, page by page, counted from 1."""

    def copy_page(self, pdf: pikepdf.Pdf, number: int, size: Size) -> tuple[pikepdf.Page, Matrix]:
        """Page `number` as the last one of `pdf`, and what leads from pixels to its space.

        `size` is what the answer says of it, in pixels. Raises OCRError.
        """

    def own_text(self, number: int) -> list[Point]:
        """Where the page has text already: points of its space."""


def open_source(data: bytes) -> Source:
    """The pages of a file. Raises InvalidImageError."""
    return PdfSource(data) if PDF.matches(data) else ImageSource(data)


class PdfSource:
    """A PDF: its pages stay what they are."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        with reading_pdf():
            self._pdf = pikepdf.open(io.BytesIO(data))
            self._count = len(self._pdf.pages)

    def copy_page(
        self,
        pdf: pikepdf.Pdf,
        number: int,
        size: Size,  # noqa: ARG002
    ) -> tuple[pikepdf.Page, Matrix]:
        if number > self._count:
            raise _no_such_page(number, self._count)
        with reading_pdf():
            pdf.pages.append(self._pdf.pages[number - 1])
            page = pdf.pages[-1]
            return page, page_matrix(page)

    def own_text(self, number: int) -> list[Point]:
        return text_places(self._data, number)


class ImageSource:
    """An image, or a TIFF of several: each frame is a picture that fills its page."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = count_frames(data)

    def copy_page(self, pdf: pikepdf.Pdf, number: int, size: Size) -> tuple[pikepdf.Page, Matrix]:
        if number > self._count:
            raise _no_such_page(number, self._count)
        image = open_image(self._data, number - 1)
        found = upright_size(image)
        if self._count == 1 and found != size:
            raise _other_size(found, size)
        picture, placed = make_picture(pdf, self._data, image)
        width, height = _paper(found, image)
        page = pdf.add_blank_page(page_size=(width, height))
        page.add_resource(picture, Name.XObject, Name("/Picture"))
        shown = f"q {numbers(width, 0, 0, height, 0, 0)} cm {numbers(*placed)} cm /Picture Do Q"
        page.contents_add(pdf.make_stream(shown.encode("ascii")))
        return page, (width / found[0], 0, 0, -height / found[1], 0, height)

    def own_text(self, number: int) -> list[Point]:  # noqa: ARG002
        return []


def page_matrix(page: pikepdf.Page) -> Matrix:
    """From pixels of a page of a PDF, as the recognizer draws it, to the page's space."""
    left, bottom, right, top = _visible(page)
    step = 1 / pixel_scale(right - left, top - bottom)
    turned = int(page.obj.get("/Rotate", 0)) % 360
    return {
        90: (0, step, step, 0, left, bottom),
        180: (-step, 0, 0, step, right, bottom),
        270: (0, -step, -step, 0, right, top),
    }.get(turned, (step, 0, 0, -step, left, top))


def _visible(page: pikepdf.Page) -> tuple[float, float, float, float]:
    """The visible part of a page: its crop box, as far as it lies within the media box."""
    paper, crop = _box(page.mediabox), _box(page.cropbox)
    shown = (
        max(paper[0], crop[0]), max(paper[1], crop[1]), min(paper[2], crop[2]), min(paper[3], crop[3])
    )  # fmt: skip
    return shown if shown[0] < shown[2] and shown[1] < shown[3] else paper


def _box(array: pikepdf.Array) -> tuple[float, float, float, float]:
    x, y, other_x, other_y = (float(edge) for edge in array)
    return min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)


@contextmanager
def reading_pdf() -> Iterator[None]:
    """Around all that qpdf reads. Raises InvalidImageError."""
    try:
        yield
    except pikepdf.PasswordError as error:
        raise broken_pdf(locked=True) from error
    except (pikepdf.PdfError, ValueError, TypeError, LookupError, RuntimeError) as error:
        raise broken_pdf(locked=False) from error


def _no_such_page(number: int, count: int) -> InvalidRequestError:
    message = f"The answer has a page {number}, the file only {count}. Send the file that was read."
    return InvalidRequestError([("image", message)])


def _other_size(found: Size, said: Size) -> InvalidRequestError:
    message = "The image has {} x {} pixels, its answer says {} x {}. Send the file that was read."
    return InvalidRequestError([("image", message.format(*found, *said))])


def _paper(pixels: Size, image: Image.Image) -> tuple[float, float]:
    """Width and height of the page in points."""
    across, down = _resolution(image)
    if orientation(image) >= 5:
        across, down = down, across
    width, height = pixels[0] / across * POINTS_PER_INCH, pixels[1] / down * POINTS_PER_INCH
    fit = min(1.0, _LONGEST_POINTS / max(width, height))
    return _within(width * fit), _within(height * fit)


def _within(points: float) -> float:
    """A trifle less, so that drawn again the page has not a pixel more."""
    return min(max(points - 0.001, _SHORTEST_POINTS), _LONGEST_POINTS)


def _resolution(image: Image.Image) -> tuple[float, float]:
    """Dots per inch across and down, as the file says if that can be meant for paper."""
    least, most = _SENSIBLE_DPI
    try:
        across, down = (float(dpi) for dpi in image.info.get("dpi", ()))
    except (TypeError, ValueError, ZeroDivisionError):
        return RESOLUTION, RESOLUTION
    is_sensible = least <= across <= most and least <= down <= most
    return (across, down) if is_sensible else (RESOLUTION, RESOLUTION)
