"""Files are opened in a process of its own: what takes too long or too much costs that process at most."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pikepdf
import psutil
import pypdfium2
import pytest
from PIL import Image

from handler.document import open_sheets
from handler.image import InvalidImageError
from handler.sandbox import Sandbox
from tests.e2e import lines

MB = 1024 * 1024


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(0.3)
    yield made
    made.close()


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def line(level: int) -> bytes:
    return encoded(Image.new("L", (400, 40), level))


def noise(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, side), np.uint8))


def test_it_opens_what_open_sheets_opens(sandbox: Sandbox) -> None:
    frames = encoded(noise(50), "TIFF", save_all=True, append_images=[noise(60)])
    for data, pages in ((line(7), None), (frames, None), (frames, "2")):
        (sheets, is_document), (expected, expected_kind) = sandbox.open(data, pages), open_sheets(data, pages)
        assert is_document == expected_kind
        for sheet, other in zip(sheets, expected, strict=True):
            assert np.array_equal(sheet.image, other.image)


def test_what_is_wrong_with_a_file_is_told(sandbox: Sandbox) -> None:
    for data, code, status in ((b"", "invalid-image", 400), (b"8BPS", "unsupported-image-type", 415)):
        with pytest.raises(InvalidImageError) as raised:
            sandbox.open(data)
        assert (raised.value.code, raised.value.status, raised.value.field) == (code, status, "image")


def test_what_takes_too_long_ends_and_harms_no_other(sandbox: Sandbox) -> None:
    jpeg = encoded(Image.new("L", (4000, 4000), 200), "JPEG", progressive=True)
    slow = jpeg[:-2] + 100 * jpeg[jpeg.rindex(b"\xff\xda") : -2] + jpeg[-2:]  # its last scan again and again
    with pytest.raises(InvalidImageError, match=r"takes over 0\.3 s") as raised:
        sandbox.open(slow)
    assert (raised.value.code, raised.value.status) == ("image-too-large", 413)
    assert sandbox.open(line(9))[0][0].image[0, 0] == 9


def test_a_process_that_was_killed_is_replaced() -> None:
    before = set(psutil.Process().children())
    sandbox = Sandbox()
    (process,) = set(psutil.Process().children()) - before
    process.terminate()
    psutil.wait_procs([process], 10)
    with pytest.raises(InvalidImageError):
        sandbox.open(line(5))
    assert sandbox.open(line(6))[0][0].image[0, 0] == 6
    sandbox.close()


def _png_with(kind: bytes, content: bytes) -> bytes:
    """A small PNG with one more chunk before its pixels."""
    png = line(7)
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    place = png.index(b"IDAT") - 4
    return png[:place] + chunk + png[place:]


def _pdf_with(content: bytes) -> bytes:
    """A PDF of one page, whose content was packed so."""
    pdf = pypdfium2.PdfDocument.new()
    pdf.new_page(200, 100)
    pdf.save(file := io.BytesIO())
    pdf.close()
    with pikepdf.open(file) as page:
        page.pages[0].Contents = page.make_stream(content, Filter=pikepdf.Name.FlateDecode)
        page.save(packed := io.BytesIO(), compress_streams=False)
    return packed.getvalue()


@pytest.mark.parametrize(
    "bomb",
    [
        _png_with(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(300 * MB))),
        _png_with(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(300 * MB))),
        _png_with(b"iCCP", b"profile\0\0" + zlib.compress(bytes(300 * MB))),
        _pdf_with(zlib.compress(b" " * 300 * MB)),
        _pdf_with(zlib.compress(b"q " * 10 * MB)),
    ],
    ids=["zTXt", "iTXt", "iCCP", "PDF of spaces", "PDF of operators"],
)
def test_what_grows_when_unpacked_takes_bounded_time_and_memory(bomb: bytes) -> None:
    assert len(bomb) < MB
    before = set(psutil.Process().children())
    sandbox = Sandbox(2.0)
    with suppress(InvalidImageError):
        (sheet,), _ = sandbox.open(bomb)
        assert sheet.image.size
    (process,) = set(psutil.Process().children()) - before
    assert process.memory_info().rss < 500 * MB
    assert sandbox.open(line(9))[0][0].image[0, 0] == 9
    sandbox.close()


@pytest.mark.parametrize("size", [(1, 40_000), (40_000, 10)])
def test_sides_are_bounded_and_not_only_their_product(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImageError, match="32767 pixels across or down") as raised:
        open_sheets(encoded(Image.new("1", size)))
    assert raised.value.status == 413


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_small_header_hides_no_large_image(kind: str) -> None:
    """A file with far more pixels than its header says is refused, or scaled to what that says."""
    photo = lines.encode(Image.new("RGB", (3000, 2000), "white"), kind)
    sandbox = Sandbox(5.0)
    with suppress(InvalidImageError):
        (sheet,), _ = sandbox.open(lines.claiming(photo, 100))
        assert sheet.image.shape[:2] == (100, 100)
    (sheet,), _ = sandbox.open(lines.encodings("x")["heic"])
    assert sheet.image.shape[::-1] == lines.draw("x").size
    sandbox.close()
