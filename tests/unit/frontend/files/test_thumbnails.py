"""Thumbnails: of every kind of file, small in every way."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image

from frontend.files import sandbox
from frontend.files.sandbox import ASIDE
from frontend.files.thumbnails import MAX_BYTES, SIDE, thumbnail
from tests.e2e import lines, pages
from tests.golden import PAGE


def encoded(image: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def drawn(data: bytes, page: int = 1) -> Image.Image:
    content = thumbnail(data, page)
    assert content is not None
    assert len(content) <= MAX_BYTES
    image = Image.open(io.BytesIO(content))
    assert image.format == "WEBP"
    assert max(image.size) <= SIDE
    return image


def large_ones() -> list[bytes]:
    large = Image.new("L", (2000, 1500), 200)
    return [encoded(large), pages.pdf(large)]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((800, 400), (160, 80)),
        ((300, 600), (80, 160)),
        ((50, 20), (50, 20)),
        ((3000, 40), (160, 40)),
        ((4000, 128), (160, 64)),
        ((1, 900), (1, 160)),
    ],
)
def test_the_longer_side_is_bounded_and_of_a_long_line_the_beginning_is_shown(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert drawn(encoded(Image.new("L", size, 200))).size == expected


def test_the_beginning_of_a_line_is_on_its_left() -> None:
    line = Image.new("L", (2000, 60), 255)
    line.paste(0, (0, 0, 160, 60))
    assert drawn(encoded(line)).convert("L").getpixel((80, 30)) < 30


def test_noise_is_small_too() -> None:
    noise = Image.frombytes("RGB", (160, 160), random.Random(1).randbytes(160 * 160 * 3))
    drawn(encoded(noise))


def test_each_page_of_a_document_has_its_own() -> None:
    black, white = (Image.new("L", (400, 600), level) for level in (0, 255))
    tiff = encoded(black, "TIFF", save_all=True, append_images=[white])
    for document in (pages.pdf(black, white), tiff):
        shades = [drawn(document, number).convert("L").getpixel((50, 50)) for number in (1, 2)]
        assert shades[0] < 30
        assert shades[1] > 225


def test_a_photo_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert drawn(encoded(Image.new("RGB", (800, 400)), "JPEG", exif=exif)).size == (80, 160)


@pytest.mark.parametrize("data", [b"", b"no image", b"%PDF-1.7\nnothing", PAGE.path.read_bytes()[:2000]])
def test_what_cannot_be_drawn_has_none(data: bytes) -> None:
    assert thumbnail(data, 1) is None


def test_a_page_that_is_not_there_has_none() -> None:
    assert thumbnail(pages.pdf(Image.new("L", (8, 8))), 2) is None


def test_a_small_image_waits_for_no_large_one() -> None:
    with ASIDE._lock:
        assert drawn(encoded(Image.new("L", (900, 60), 200))).size == (160, 60)


@pytest.mark.parametrize("data", [*lines.photos("Total 42.50").values(), *large_ones()])
def test_what_may_take_long_is_drawn_where_time_and_memory_are_bounded(
    monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    assert max(drawn(data).size) == SIDE
    monkeypatch.setattr(sandbox, "PATIENCE", 0)
    with ASIDE._lock:
        assert thumbnail(data, 1) is None
