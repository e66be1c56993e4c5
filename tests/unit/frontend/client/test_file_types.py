"""Types of files by their first bytes, the same on both sides of TorchServe's HTTP."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from frontend.client.file_types import FILE_TYPES, IMAGES, PDF, PDF_MARK_BYTES, FileType, media_type
from handler.image import FORMATS


def test_the_handler_reads_the_same_images() -> None:
    assert tuple(kind.name for kind in IMAGES) == FORMATS


@pytest.mark.parametrize("kind", IMAGES, ids=lambda kind: kind.name)
def test_what_pillow_writes_is_known(kind: FileType) -> None:
    file = io.BytesIO()
    Image.new("L", (20, 20)).save(file, kind.name)
    assert [found.name for found in FILE_TYPES if found.matches(file.getvalue())] == [kind.name]


@pytest.mark.parametrize(
    ("start", "expected"), [(b"II*\0", "image/tiff"), (b"MM\0*", "image/tiff"), (b"BM", "image/bmp")]
)
def test_types_by_first_bytes(start: bytes, expected: str) -> None:
    assert media_type(start + bytes(20)) == expected


@pytest.mark.parametrize(
    ("before", "is_pdf"), [(0, True), (PDF_MARK_BYTES - 5, True), (PDF_MARK_BYTES, False)]
)
def test_the_mark_of_a_pdf_may_stand_in_the_first_kilobyte(before: int, is_pdf: bool) -> None:
    assert PDF.matches(b"\n" * before + b"%PDF-1.7") == is_pdf
