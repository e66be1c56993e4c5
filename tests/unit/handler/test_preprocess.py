"""Bytes to pixels to line tensors."""

import io
import math
import zlib
from contextlib import suppress
from itertools import product

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageDraw, ImageFont

from handler.image import (
    MAX_PIXELS,
    InvalidImageError,
    count_frames,
    decode_image,
    ink_levels,
    luminance,
    to_pixels,
)
from handler.preprocess import (
    MAX_ASPECT,
    check_line,
    cut_line,
    max_width,
    normalize,
    overlap,
    padded_width,
    resize_to_height,
    split,
    text_rows,
    text_slope,
    to_batch,
    to_line,
    width_step,
)
from tests.e2e import lines


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "code", "status"),
    [
        (b"", "invalid-image", 400),
        (b"hello, this is no image", "invalid-image", 400),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "invalid-image", 400),
        (b"8BPS" + bytes(20), "unsupported-image-type", 415),
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


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF"])
def test_truncated_images_are_refused(format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), format)
    with pytest.raises(InvalidImageError) as caught:
        to_pixels(decode_image(data[: len(data) // 2]))
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
                to_pixels(decode_image(bytes(broken), frame))


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
    grey = to_pixels(decode_image(encoded(image, format)))
    assert grey.shape == (20, 40)
    assert grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - levels).max() <= 2


def test_what_is_all_transparent_is_white() -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert to_pixels(image).min() == 255


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa"])
@pytest.mark.parametrize(("drawn", "ground"), [("white", 0), ("black", 255), ("#ddd", 0), ("#222", 255)])
def test_transparency_lies_on_what_contrasts_with_what_is_drawn(mode: str, drawn: str, ground: int) -> None:
    image = Image.new("RGBA", (60, 20), (128, 128, 128, 0))
    ImageDraw.Draw(image).text((4, 4), "MENU", drawn)
    levels = to_pixels(image.convert(mode))
    assert levels[0, 0] == ground
    assert abs(int(levels.max()) - int(levels.min())) > 200


def test_colours_stay_and_grey_in_three_channels_becomes_one() -> None:
    """A scan saved as JPEG in colour is grey; one stamp in colour on it is not."""
    levels = np.random.default_rng(0).integers(0, 256, (40, 90), dtype=np.uint8)
    scan = Image.fromarray(levels).convert("RGB")
    assert np.array_equal(to_pixels(decode_image(encoded(scan))), levels)
    assert to_pixels(decode_image(encoded(scan, "JPEG"))).shape == (40, 90)
    nearly = np.asarray(scan).copy()
    nearly[..., 2] -= np.minimum(nearly[..., 2], 10)
    assert to_pixels(Image.fromarray(nearly)).shape == (40, 90)
    nearly[21, 35] = 200, 30, 30
    assert np.array_equal(to_pixels(decode_image(encoded(Image.fromarray(nearly)))), nearly)


def word(ink: tuple[int, int, int], ground: tuple[int, int, int]) -> np.ndarray:
    """A word on a ground with blank rows around it, (60, 200, 3)."""
    image = Image.new("RGB", (200, 60), ground)
    ImageDraw.Draw(image).text((10, 18), "Colours", ink, ImageFont.load_default(20))
    return np.asarray(image)


def test_luminance_is_pillow_s() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    assert np.array_equal(luminance(noise), np.asarray(Image.fromarray(noise).convert("L")))
    assert np.array_equal(luminance(noise[..., 0]), noise[..., 0])


@pytest.mark.parametrize("ground", [(0, 128, 0), (255, 255, 255), (30, 30, 90)])
def test_where_luminance_shows_the_ink_it_is_taken(ground: tuple[int, int, int]) -> None:
    image = word((220, 40, 40) if sum(ground) > 300 else (250, 240, 90), ground)
    assert np.array_equal(ink_levels(image), luminance(image))


@pytest.mark.parametrize(
    ("ink", "ground"),
    [((255, 0, 0), (0, 130, 0)), ((0, 0, 255), (20, 20, 20)), ((255, 240, 0), (255, 255, 255))],
)
def test_ink_as_bright_as_its_ground_is_seen(ink: tuple[int, int, int], ground: tuple[int, int, int]) -> None:
    """Under camera noise, which drowns what is left of it in the luminance."""
    noise = np.random.default_rng(0).normal(0, 10, (60, 200, 3))
    image = (word(ink, ground) + noise).clip(0, 255).astype(np.uint8)
    black = text_rows(word((0, 0, 0), (255, 255, 255)))
    assert np.abs(np.subtract(text_rows(image), black)).max() <= 2
    assert np.ptp(ink_levels(word(ink, ground))) > 2 * np.ptp(luminance(word(ink, ground)))


@pytest.mark.parametrize(("height", "width"), [(16, 64), (32, 100), (97, 13), (1, 1), (1000, 3000)])
def test_lines_keep_their_proportions(height: int, width: int) -> None:
    line = resize_to_height(np.zeros((height, width), np.uint8), 32)
    assert line.shape == (32, max(1, round(width * 32 / height)))


@pytest.mark.parametrize(("height", "step", "widest"), [(32, 16, 1024), (48, 24, 1536)])
def test_buckets_are_narrow_steps(height: int, step: int, widest: int) -> None:
    assert [padded_width(w, height) for w in (1, step, step + 1)] == [step, step, 2 * step]
    assert padded_width(widest, height) == max_width(height) == widest


@pytest.mark.parametrize("height", [32, 48])
@pytest.mark.parametrize("width", [1, 500, 1024, 1025, 1536, 1537, 2048, 5000, 30000])
def test_pieces_cover_the_line_and_overlap(width: int, height: int) -> None:
    pieces = split(width, height)
    assert pieces[0].start == 0
    assert pieces[-1].end == width
    assert all(piece.end - piece.start <= max_width(height) for piece in pieces)
    assert all(piece.start % width_step(height) == 0 for piece in pieces)
    for left, right in zip(pieces, pieces[1:], strict=False):
        assert left.end - right.start == overlap(height)


def test_contrast_and_brightness_do_not_matter() -> None:
    line = np.random.default_rng(0).integers(0, 200, (32, 50), dtype=np.uint8)
    faint = (line // 2 + 60).astype(np.uint8)
    assert np.abs(normalize(line) - normalize(faint)).max() < 0.05
    assert np.abs(normalize(np.full((32, 50), 200, np.uint8))).max() == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_batches_are_padded_with_zeros_on_the_right(channels: int) -> None:
    lines = [np.ones((channels, 32, width), np.float32) for width in (10, 16)]
    batch = to_batch(lines, 16)
    assert batch.shape == (2, channels, 32, 16)
    assert batch[0, :, :, 10:].abs().sum() == 0
    assert batch.sum() == channels * 32 * 26


def test_colours_are_scaled_and_grey_is_seen_in_each_channel() -> None:
    line = np.zeros((48, 10, 3), np.uint8)
    line[..., 0], line[..., 1] = 255, 127
    red, green, blue = normalize(line, 3)
    assert (red == 1).all()
    assert np.abs(green).max() < 0.005
    assert (blue == -1).all()
    grey = np.random.default_rng(0).integers(0, 256, (48, 10), dtype=np.uint8)
    assert np.array_equal(normalize(grey, 3), normalize(np.dstack([grey] * 3), 3))
    assert to_batch([normalize(grey, 3)], 16).shape == (1, 3, 48, 16)


def test_a_model_of_grey_lines_sees_the_luminance_of_colours() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(noise).convert("L"))
    assert np.array_equal(normalize(noise), normalize(expected))
    assert np.array_equal(to_line(noise, 32), to_line(expected, 32))
    assert to_line(noise, 48, 3).shape == (48, 108, 3)


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
    grey = to_pixels(decode_image(encoded(Image.fromarray(levels), "TIFF")))
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


def test_a_skewed_line_keeps_its_colours() -> None:
    grey = skewed(4)
    image = np.dstack([grey, np.full_like(grey, 90), 255 - grey])
    line, strip = cut_line(image)
    assert math.degrees(math.atan(strip.slope)) == pytest.approx(-4, abs=0.4)
    assert line.ndim == 3
    assert (line[..., 1] == 90).all()
    assert np.abs(line[..., 0].astype(int) + line[..., 2] - 255).max() <= 1


def test_an_upright_line_is_left_as_it_is() -> None:
    image = skewed(0)
    line, strip = cut_line(image)
    assert strip.slope == 0
    assert np.array_equal(line, image[strip.top : strip.bottom])


def test_noise_and_short_words_have_no_slope() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 600), dtype=np.uint8)
    assert text_slope(noise) == 0
    assert text_slope(skewed(5)[:, :60]) == 0


@pytest.mark.parametrize("kind", ["heic", "avif", "rotated heic", "rotated avif", "avif of both brands"])
def test_photos_of_phones_are_read_as_they_are_shown(kind: str) -> None:
    shown = np.asarray(lines.draw("Total 42.50").convert("L")).astype(int)
    read = to_pixels(decode_image(lines.photos("Total 42.50")[kind]))
    assert read.shape == shown.shape
    assert np.abs(read - shown).mean() < 3


def test_of_several_photos_in_one_file_the_main_one_is_read() -> None:
    file = pillow_heif.HeifFile()
    for side in (40, 60, 80):
        file.add_from_pillow(Image.new("RGB", (side, side), "white"))
    buffer = io.BytesIO()
    file.save(buffer, primary_index=1)
    assert decode_image(buffer.getvalue()).size == (60, 60)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_photo_that_says_it_is_huge_is_refused_unopened(kind: str) -> None:
    with pytest.raises(InvalidImageError) as caught:
        decode_image(lines.claiming(encoded(Image.new("RGB", (64, 64)), kind), 9000))
    assert caught.value.status == 413
