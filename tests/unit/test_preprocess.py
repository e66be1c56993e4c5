"""Bytes to grey images to line tensors."""

import io
import math
import zlib
from contextlib import suppress
from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from handler.image import MAX_PIXELS, InvalidImageError, count_frames, decode_image, to_grey
from handler.preprocess import (
    MAX_ASPECT,
    MAX_WIDTH,
    OVERLAP,
    WIDTH_STEP,
    check_line,
    cut_line,
    normalize,
    padded_width,
    resize_to_height,
    split,
    text_rows,
    text_slope,
    to_batch,
    to_line,
)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "code", "status"),
    [
        (b"", "invalid-image", 400),
        (b"hello, this is no image", "invalid-image", 400),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "unsupported-image-type", 415),
        (b"GIF89a" + bytes(20), "unsupported-image-type", 415),
        (b"%PDF-1.7", "invalid-image", 400),
        (b'<?xml version="1.0"?><svg/>', "unsupported-image-type", 415),
        (b'<?xml version="1.0"?><html/>', "invalid-image", 400),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "unsupported-image-type", 415),
        (b"P6\n2 2\n255\n" + bytes(12), "unsupported-image-type", 415),
        (b"\x00\x00\x01\x00\x01\x00", "unsupported-image-type", 415),
    ],
)
def test_what_is_not_an_image_is_refused_by_kind(data: bytes, code: str, status: int) -> None:
    with pytest.raises(InvalidImageError) as caught:
        decode_image(data)
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_truncated_images_are_refused(format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), format)
    with pytest.raises(InvalidImageError) as caught:
        to_grey(decode_image(data[: len(data) // 2]))
    assert caught.value.status == 400


def test_too_many_pixels_are_refused_by_the_header_alone() -> None:
    """The file announces 90,000 megapixels and holds none: decoding it would fail otherwise."""
    header = bytearray(encoded(Image.new("L", (10, 10))))
    header[16:24] = (300_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    assert MAX_PIXELS < 300_000**2
    with pytest.raises(InvalidImageError) as caught:
        decode_image(bytes(header))
    assert (caught.value.code, caught.value.status) == ("image-too-large", 413)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Pillow, about what it finds
def test_a_tiff_that_is_broken_anywhere_is_refused_or_read() -> None:
    image = Image.effect_noise((24, 16), 80)
    data = encoded(image, "TIFF", save_all=True, append_images=[image])
    directories = [at for at in range(len(data)) if at < 8 or at > len(data) - 700]
    for at, value in product(directories[::3], (0, 4, 255)):
        broken = bytearray(data)
        broken[at] = value
        for frame in range(min(count_frames(bytes(broken)), 3)):
            with suppress(InvalidImageError):
                to_grey(decode_image(bytes(broken), frame))


def test_exif_orientation_is_applied() -> None:
    image = Image.new("L", (40, 20), 255)
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_image(encoded(image, "JPEG", exif=exif)).size == (20, 40)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_comes_out_dark_on_white(mode: str) -> None:
    levels = np.full((20, 40), 255, np.uint8)
    levels[5:15, 10:30] = 0
    image = Image.fromarray(levels)
    image = Image.fromarray(levels.astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    format = "TIFF" if mode in {"CMYK", "I;16"} else "PNG"
    grey = to_grey(decode_image(encoded(image, format)))
    assert grey.shape == (20, 40)
    assert grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - levels).max() <= 2


def test_transparency_lies_on_white() -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert to_grey(image).min() == 255


@pytest.mark.parametrize(("height", "width"), [(16, 64), (32, 100), (97, 13), (1, 1), (1000, 3000)])
def test_lines_keep_their_proportions(height: int, width: int) -> None:
    line = resize_to_height(np.zeros((height, width), np.uint8), 32)
    assert line.shape == (32, max(1, round(width * 32 / height)))


def test_buckets_are_narrow_steps() -> None:
    assert [padded_width(w) for w in (1, WIDTH_STEP, WIDTH_STEP + 1)] == [
        WIDTH_STEP,
        WIDTH_STEP,
        2 * WIDTH_STEP,
    ]


@pytest.mark.parametrize("width", [1, 500, MAX_WIDTH, MAX_WIDTH + 1, 2 * MAX_WIDTH, 5000, 30000])
def test_pieces_cover_the_line_and_overlap(width: int) -> None:
    pieces = split(width)
    assert pieces[0].start == 0
    assert pieces[-1].end == width
    assert all(piece.end - piece.start <= MAX_WIDTH for piece in pieces)
    assert all(piece.start % WIDTH_STEP == 0 for piece in pieces)
    for left, right in zip(pieces, pieces[1:], strict=False):
        assert left.end - right.start == OVERLAP


def test_contrast_and_brightness_do_not_matter() -> None:
    line = np.random.default_rng(0).integers(0, 200, (32, 50), dtype=np.uint8)
    faint = (line // 2 + 60).astype(np.uint8)
    assert np.abs(normalize(line) - normalize(faint)).max() < 0.05
    assert np.abs(normalize(np.full((32, 50), 200, np.uint8))).max() == 0


def test_batches_are_padded_with_zeros_on_the_right() -> None:
    batch = to_batch([np.ones((32, 10), np.float32), np.ones((32, 16), np.float32)], 16)
    assert batch.shape == (2, 1, 32, 16)
    assert batch[0, 0, :, 10:].abs().sum() == 0
    assert batch.sum() == 32 * 26


def test_a_line_too_long_to_be_one_is_refused() -> None:
    """One pixel high and millions wide, it would be gigabytes at model height."""
    assert check_line(np.zeros((2, 2 * MAX_ASPECT), np.uint8)).shape == (2, 2 * MAX_ASPECT)
    with pytest.raises(InvalidImageError) as caught:
        check_line(np.zeros((1, MAX_ASPECT + 1), np.uint8))
    assert caught.value.status == 413


@pytest.mark.parametrize("top", [1.0, 200.0, 65535.0])
def test_float_images_are_scaled_by_their_brightest(top: float) -> None:
    levels = np.zeros((10, 20), np.float32)
    levels[3:7] = top
    grey = to_grey(decode_image(encoded(Image.fromarray(levels), "TIFF")))
    assert (grey.min(), grey.max()) == (0, 255)


def test_blank_rows_around_text_are_cut_and_hardly_change_what_is_seen() -> None:
    line = np.full((40, 200), 255, np.uint8)
    line[8:32, 20:180:7] = 0
    top, bottom = text_rows(line)
    assert (top, bottom) == (6, 34)
    tall = np.pad(line, ((300, 120), (0, 0)), constant_values=255)
    assert text_rows(tall) == (306, 334)
    assert np.array_equal(to_line(tall, 32), to_line(line, 32))


@pytest.mark.parametrize("levels", [np.full((30, 90), 128, np.uint8), np.zeros((1, 1), np.uint8)])
def test_an_image_without_text_keeps_all_its_rows(levels: np.ndarray) -> None:
    assert text_rows(levels) == (0, len(levels))


def test_a_thin_streak_in_a_wide_image_is_no_line() -> None:
    """Cut to the streak it would be hundreds of thousands of pixels wide at model height."""
    streak = np.full((500, 30000), 255, np.uint8)
    streak[200:203, ::2] = 0
    assert text_rows(streak) == (0, 500)


def skewed(degrees: float, size: tuple[int, int] = (600, 40)) -> np.ndarray:
    """A line of print, turned about its middle on a page that has room for it."""
    line = Image.new("L", size, 230)
    font = ImageFont.load_default(26)
    ImageDraw.Draw(line).text((8, 4), "The quick brown fox, 4711 times over", 20, font=font)
    return np.asarray(line.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=230))


@pytest.mark.parametrize("degrees", [-6.0, -3.0, 2.0, 5.0])
def test_a_skewed_line_is_straightened(degrees: float) -> None:
    image = skewed(degrees)
    assert math.degrees(math.atan(text_slope(image))) == pytest.approx(-degrees, abs=0.4)
    line, strip = cut_line(image)
    assert len(line) < 0.7 * len(image)
    left, right = (sum(strip.rows(x, image.shape[1])) / 2 for x in (0, image.shape[1]))
    assert right - left == pytest.approx(-math.tan(math.radians(degrees)) * image.shape[1], rel=0.12)


def test_an_upright_line_is_left_as_it_is() -> None:
    image = skewed(0)
    line, strip = cut_line(image)
    assert strip.slope == 0
    assert np.array_equal(line, image[strip.top : strip.bottom])


def test_noise_and_short_words_have_no_slope() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 600), dtype=np.uint8)
    assert text_slope(noise) == 0
    assert text_slope(skewed(5)[:, :60]) == 0
