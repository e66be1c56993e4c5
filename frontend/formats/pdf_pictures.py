"""Images as pictures in a PDF: as they are packed in their files, where that can be."""

from __future__ import annotations

import io

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from frontend.files.decoding import decoding, orientation, upright
from frontend.formats.pdf_text import Matrix

_JPEG_QUALITY = 92
_JPEGS = {"JPEG", "MPO"}
"""MPO is what some cameras write: a JPEG, and a second one after its end."""
_JPEG_SPACES = {"L": Name.DeviceGray, "RGB": Name.DeviceRGB, "CMYK": Name.DeviceCMYK}
_PNG_HEADER_BYTES = 8
_PLAIN_PNGS = {("1", b"\1"), ("L", b"\x08"), ("RGB", b"\x08")}
"""Modes and bits for a sample."""
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


def make_picture(pdf: pikepdf.Pdf, data: bytes, image: Image.Image) -> tuple[pikepdf.Stream, Matrix]:
    """An image that is opened from `data`, and how it lies on its page. Raises InvalidImageError."""
    if image.format in _JPEGS and image.mode in _JPEG_SPACES:
        _check_whole(image)
        return _jpeg(pdf, data, image), _MATRICES[orientation(image)]
    if _is_plain(data, image):
        _check_whole(image)
        return _lossless(pdf, data, image), _MATRICES[1]
    shown = upright(image)
    if image.format == "WEBP" and shown.mode == "RGB" and not _is_lossless(data):
        return _jpeg(pdf, _encoded(shown, "JPEG", quality=_JPEG_QUALITY), shown), _MATRICES[1]
    return _lossless(pdf, _encoded(shown, "PNG"), shown), _MATRICES[1]


def _check_whole(image: Image.Image) -> None:
    """Find broken images now, and not when somebody opens the PDF. Raises InvalidImageError."""
    with decoding():
        image.load()


def _jpeg(pdf: pikepdf.Pdf, jpeg: bytes, image: Image.Image) -> pikepdf.Stream:
    stream = _xobject(pdf, jpeg, image, _JPEG_SPACES[image.mode], bits=8)
    stream.Filter = Name.DCTDecode
    if image.mode == "CMYK" and "adobe" in image.info:  # which writes it inverted
        stream.Decode = Array([1, 0] * 4)
    return stream


def _lossless(pdf: pikepdf.Pdf, png: bytes, image: Image.Image) -> pikepdf.Stream:
    """The image as a PNG of it has it packed, which is one of the filters of PDF."""
    colors, bits = (3, 8) if image.mode == "RGB" else (1, 1 if image.mode == "1" else 8)
    space = Name.DeviceRGB if colors == 3 else Name.DeviceGray
    stream = _xobject(pdf, _png_pixels(png), image, space, bits)
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


def _is_plain(data: bytes, image: Image.Image) -> bool:
    """Whether this is a PNG whose pixels can be taken over as they are packed."""
    depth, interlace = data[24:25], data[28:29]
    is_simple = (image.mode, depth) in _PLAIN_PNGS and interlace == b"\0" and "transparency" not in image.info
    return image.format == "PNG" and is_simple and orientation(image) == 1


def _is_lossless(webp: bytes) -> bool:
    return webp[12:16] == b"VP8L"
