"""Damage that viewers see past; what is damaged beyond that stays as it is."""

from __future__ import annotations

import io
import time
import zlib

import pypdfium2
import pytest
from PIL import Image, PngImagePlugin

from frontend.files.repair import repaired
from tests.e2e import lines, pages


def png(*texts: str) -> bytes:
    """An image with comments before its pixels."""
    info = PngImagePlugin.PngInfo()
    for text in texts:
        info.add_text("Comment", text)
    return lines.encode(Image.linear_gradient("L"), pnginfo=info)


@pytest.mark.parametrize("texts", [("only",), ("one", "two"), ("x" * 5000,)])
def test_a_comment_with_a_wrong_checksum_is_left_out(texts: tuple[str, ...]) -> None:
    whole, data = png(*texts), bytearray(png(*texts))
    end = data.index(b"tEXt") + 4 + len(b"Comment") + 1 + len(texts[0])
    data[end] ^= 255
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(data))
    with Image.open(io.BytesIO(repaired(bytes(data)))) as mended, Image.open(io.BytesIO(whole)) as image:
        assert mended.tobytes() == image.tobytes()


def test_pixels_with_a_wrong_checksum_stay_as_they_are() -> None:
    data = bytearray(png("text"))
    data[data.index(b"IDAT") + 10] ^= 255
    assert repaired(bytes(data)) == bytes(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", png("text"), png("text")[:-30]],
    ids=["empty", "a mark", "another type", "whole", "cut off"],
)
def test_whole_files_and_what_cannot_be_repaired_stay_as_they_are(data: bytes) -> None:
    assert repaired(data) == data


@pytest.mark.parametrize("lost", [10, 20, 30, 50, 70, 100, 150])
def test_a_pdf_without_its_end_opens(lost: int) -> None:
    blank = Image.new("L", (40, 30), 255)
    whole = pages.pdf(blank, blank)
    assert zlib.crc32(repaired(whole)) == zlib.crc32(whole)
    with pypdfium2.PdfDocument(repaired(whole[:-lost])) as document:
        assert len(document) == 2


def test_a_pdf_without_a_catalog_stays_as_it_is() -> None:
    assert repaired(b"%PDF-1.7\nnothing") == b"%PDF-1.7\nnothing"


@pytest.mark.parametrize(
    ("start", "part"),
    [
        *((b"%PDF-1.7\n", part) for part in (b"1", b"1 1 obj ", b"/Root ", b"1 1 obj /Type /Catalog ")),
        (b"\x89PNG\r\n\x1a\n", b"\0\0\0\0text\0\0\0\0"),
    ],
)
def test_a_long_file_is_looked_through_once(start: bytes, part: bytes) -> None:
    """What is looked for again from every byte keeps a whole process waiting: for hours, of such a file."""
    started = time.process_time()
    repaired(start + part * (4_000_000 // len(part)))
    assert time.process_time() - started < 2
