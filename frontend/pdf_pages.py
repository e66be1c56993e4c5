"""Files as pages of a PDF: the pages of a PDF as they are, and those of an image as pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from frontend.errors import InvalidRequestError
from frontend.image_headers import count_frames
from frontend.pdf_text import Matrix, Point, numbers
from frontend.pdfium import POINTS_PER_INCH, RESOLUTION, broken_pdf, is_pdf, pixel_scale, text_places
from frontend.pictures import decoding, open_image, orientation, upright, upright_size

_SENSIBLE_DPI = (97, 1200)
"""Less is what screens and cameras write, which know nothing of paper."""
_LONGEST_POINTS = 14_400.0
"""No page of a PDF is longer."""
_JPEG_QUALITY = 92
_JPEG_SPACES = {"L": Name.DeviceGray, "RGB": Name.DeviceRGB, "CMYK": Name.DeviceCMYK}
_PNG_HEADER_BYTES = 8
_MATRICES = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}
"""By EXIF orientation, how the unit square of a picture lies in that of its page."""

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
    return PdfSource(data) if is_pdf(data) else ImageSource(data)


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
        return self._places[number - 1] if number <= len(self._places) else []

    @cached_property
    def _places(self) -> list[list[Point]]:
        return text_places(self._data)


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
        is_as_sent, picture = self._picture(pdf, image)
        width, height = _paper(found, image)
        page = pdf.add_blank_page(page_size=(width, height))
        page.add_resource(picture, Name.XObject, Name("/Picture"))
        turned = numbers(*_MATRICES[orientation(image) if is_as_sent else 1])
        shown = f"q {numbers(width, 0, 0, height, 0, 0)} cm {turned} cm /Picture Do Q"
        page.contents_add(pdf.make_stream(shown.encode("ascii")))
        return page, (width / found[0], 0, 0, -height / found[1], 0, height)

    def own_text(self, number: int) -> list[Point]:  # noqa: ARG002
        return []

    def _picture(self, pdf: pikepdf.Pdf, image: Image.Image) -> tuple[bool, pikepdf.Stream]:
        """The picture, and whether it lies as in the file: a JPEG does, byte for byte; others are upright."""
        if image.format == "JPEG" and image.mode in _JPEG_SPACES:
            with decoding():
                image.load()  # what is broken is found now, not by who opens the PDF
            inverted = image.mode == "CMYK" and "adobe" in image.info
            return True, _jpeg(pdf, self._data, image, inverted=inverted)
        shown = upright(image)
        if image.format == "WEBP" and shown.mode == "RGB" and not _is_lossless(self._data):
            return False, _jpeg(pdf, _encoded(shown, "JPEG", quality=_JPEG_QUALITY), shown)
        return False, _lossless(pdf, shown)


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
    """What is shown of a page: its crop box, as far as it lies on the paper."""
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
    return width * fit, height * fit


def _resolution(image: Image.Image) -> tuple[float, float]:
    """Dots per inch across and down, as the file says if that can be meant for paper."""
    least, most = _SENSIBLE_DPI
    try:
        across, down = (float(dpi) for dpi in image.info.get("dpi", ()))
    except (TypeError, ValueError, ZeroDivisionError):
        return RESOLUTION, RESOLUTION
    is_sensible = least <= across <= most and least <= down <= most
    return (across, down) if is_sensible else (RESOLUTION, RESOLUTION)


def _jpeg(pdf: pikepdf.Pdf, data: bytes, image: Image.Image, *, inverted: bool = False) -> pikepdf.Stream:
    stream = _xobject(pdf, data, image, _JPEG_SPACES[image.mode], bits=8)
    stream.Filter = Name.DCTDecode
    if inverted:  # as Adobe writes CMYK
        stream.Decode = Array([1, 0] * 4)
    return stream


def _lossless(pdf: pikepdf.Pdf, image: Image.Image) -> pikepdf.Stream:
    """The image as PNG compresses it, which is one of the filters of PDF."""
    colors, bits = (3, 8) if image.mode == "RGB" else (1, 1 if image.mode == "1" else 8)
    space = Name.DeviceRGB if colors == 3 else Name.DeviceGray
    stream = _xobject(pdf, _png_pixels(_encoded(image, "PNG")), image, space, bits)
    stream.Filter = Name.FlateDecode
    stream.DecodeParms = Dictionary(Predictor=15, Colors=colors, BitsPerComponent=bits, Columns=image.width)
    return stream


def _xobject(
    pdf: pikepdf.Pdf, data: bytes, image: Image.Image, space: pikepdf.Name, bits: int
) -> pikepdf.Stream:
    return pdf.make_stream(
        data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=image.width,
        Height=image.height,
        ColorSpace=space,
        BitsPerComponent=bits,
    )


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _png_pixels(png: bytes) -> bytes:
    """The compressed pixels of a PNG: its chunks IDAT put together."""
    found, place = [], _PNG_HEADER_BYTES
    while place < len(png):
        length, kind = int.from_bytes(png[place : place + 4], "big"), png[place + 4 : place + 8]
        if kind == b"IDAT":
            found.append(png[place + 8 : place + 8 + length])
        place += 12 + length
    return b"".join(found)


def _is_lossless(webp: bytes) -> bool:
    return webp[12:16] == b"VP8L"
