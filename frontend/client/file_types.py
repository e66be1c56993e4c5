"""The types of files that are read. The page and the command line take them from here.

`handler/image.py` has its own list, since the two share no code; a test holds them together.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PDF_MARK_BYTES = 1024
"""A PDF's mark may stand anywhere in so many first bytes (ISO 32000-1, implementation note 13)."""


class FileType(NamedTuple):
    """`signature` is a regular expression for the first bytes, read as Latin-1, `.` being any of them.

    It is the same in Python and JavaScript. `name` is Pillow's, but for PDF.
    """

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    signature: str

    def matches(self, data: bytes) -> bool:
        """Whether a file that begins with `data` is of this type."""
        return re.match(self.signature.encode("ascii"), data, re.DOTALL) is not None


PNG = FileType("PNG", "image/png", (".png",), r"\x89PNG\r\n\x1a\n")
JPEG = FileType("JPEG", "image/jpeg", (".jpg", ".jpeg"), r"\xff\xd8\xff")
BMP = FileType("BMP", "image/bmp", (".bmp",), r"BM")
GIF = FileType("GIF", "image/gif", (".gif",), r"GIF8[79]a")
"""Its first frame is read."""
WEBP = FileType("WEBP", "image/webp", (".webp",), r"RIFF.{4}WEBP")
TIFF = FileType("TIFF", "image/tiff", (".tif", ".tiff"), r"II\*\x00|MM\x00\*")
HEIC = FileType("HEIF", "image/heic", (".heic", ".heif"), r".{4}ftyp(?:he[iv][cxms]|mif1|msf1)")
AVIF = FileType("AVIF", "image/avif", (".avif",), r".{4}ftypavi[fs]")
PDF = FileType("PDF", "application/pdf", (".pdf",), rf".{{0,{PDF_MARK_BYTES - 5}}}%PDF-")

ZIP = FileType("ZIP", "application/zip", (".zip",), r"PK\x03\x04|PK\x05\x06")
"""Not read itself, but what is in it is; the second mark is that of an empty one."""

# Of files with the brand of both (mif1) Pillow's AVIF leaves alone what is not its own, so it comes first.
IMAGES = (PNG, JPEG, BMP, GIF, WEBP, TIFF, AVIF, HEIC)
FILE_TYPES = (*IMAGES, PDF)


def media_type(content: bytes) -> str:
    """By its first bytes, never by what a client called it: nothing that a browser would run can come out."""
    found = (kind.media_type for kind in FILE_TYPES if kind.matches(content))
    return next(found, "application/octet-stream")
