"""The scaled page that the detector is given, and boxes that turn with the page."""

from __future__ import annotations

import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from handler.crop import turn_box
from handler.image import turn_points
from handler.layout import Box, Detector, coarse_scale, count_letters, scaled_size, tiles, weights_path


@pytest.mark.parametrize("length", [32, 1536, 2048, 2080, 3008, 8192, 12000])
def test_tiles_believe_every_pixel_once(length: int) -> None:
    whole = tiles(length)
    assert [pixel for *_, first, last in whole for pixel in range(first, last)] == list(range(length))
    assert all(0 <= start <= first < last <= end <= length for start, end, first, last in whole)
    assert len({end - start for start, end, *_ in whole}) == 1


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ((1600, 1132), (1600, 1120)),  # as it is
        ((368, 500), (736, 992)),  # small ones twice as large
        ((50, 400), (160, 1216)),  # three times at most
        ((6000, 8000), (3008, 4000)),  # twelve megapixels
        ((1, 1), (32, 32)),
    ],
)
def test_pages_are_looked_at_in_a_size_that_shows_their_text(
    given: tuple[int, int], seen: tuple[int, int]
) -> None:
    assert scaled_size(*given) == seen


def text_page(size: int, dark: bool) -> NDArray[np.uint8]:
    """Ten lines of capitals of a font size in pixels, black on white or white on black."""
    image = Image.new("L", (900, 1000), 255 - 255 * dark)
    font = ImageFont.load_default(size)
    for row in range(10):
        ImageDraw.Draw(image).text((40, 40 + 90 * row), "MIXED GOODS AND MORE", 255 * dark, font)
    return np.asarray(image)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [12, 20, 40])
def test_the_height_of_letters_is_seen(size: int, dark: bool) -> None:
    assert count_letters(text_page(size, dark))[1] == pytest.approx(0.7 * size, abs=2)


def large_page(size: int, rows: int) -> NDArray[np.uint8]:
    """Text of a font size in pixels in so many rows all over 36 megapixels."""
    image = Image.new("L", (6000, 6000), 255)
    font = ImageFont.load_default(size)
    text = "MIXED GOODS AND MORE " * (500 // size)
    for row in range(rows):
        ImageDraw.Draw(image).text((40, 40 + 5900 * row // rows), text, 0, font)
    return np.asarray(image)


@pytest.mark.slow
def test_a_large_page_full_of_small_letters_is_looked_at_coarsely() -> None:
    assert coarse_scale(large_page(14, 120)) == pytest.approx((12 / 36) ** 0.5, abs=0.01)


def test_a_large_page_with_large_letters_or_with_few_is_looked_at_closely() -> None:
    assert coarse_scale(large_page(50, 60)) is None
    sparse = np.full((6000, 6000), 255, np.uint8)
    sparse[3000:3200, 2000:2900] = text_page(20, dark=False)[:200]
    assert coarse_scale(sparse) is None
    assert coarse_scale(text_page(12, dark=False)) is None


def test_a_page_with_few_letters_does_not_tell_their_height() -> None:
    assert count_letters(np.full((700, 900), 255, np.uint8)) == (0, None)


def test_tall_letters_are_looked_at_from_farther_away_and_small_ones_as_before() -> None:
    assert scaled_size(1600, 1120, letters=32) == (800, 576)
    assert scaled_size(1600, 1120, letters=12) == scaled_size(1600, 1120) == (1600, 1120)
    assert scaled_size(6400, 6400, letters=500) == (1600, 1600)


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_boxes_and_points_turn_with_the_image(angle: int) -> None:
    image = np.zeros((60, 100), np.uint8)
    image[10:20, 30:70] = 255
    ys, xs = np.nonzero(np.rot90(image, -angle // 90))
    turned = turn_box(Box(50, 15, 40, 10), angle, 60, 100)
    assert turned.bounds() == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    points = np.array([[3.0, 5.0], [90.0, 7.0]])
    size = (60, 100) if angle % 180 == 0 else (100, 60)
    back = turn_points(turn_points(points, angle, 60, 100), -angle, *size)
    assert back == pytest.approx(points)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def colours(ink: tuple[int, int, int], ground: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Three lines of capitals (320, 640, 3), red first."""
    image = Image.new("RGB", (640, 320), ground)
    for row in range(3):
        ImageDraw.Draw(image).text((40, 40 + 90 * row), "MIXED GOODS", ink, ImageFont.load_default(40))
    return np.asarray(image)


def test_the_network_sees_colours_as_opencv_reads_them(detector: Detector) -> None:
    page = colours((250, 200, 40), (20, 60, 120))
    _, file = cv2.imencode(".png", cv2.cvtColor(page, cv2.COLOR_RGB2BGR))
    read = cv2.imdecode(file, cv2.IMREAD_COLOR).astype(np.float32) / 127.5 - 1
    session = onnxruntime.InferenceSession(weights_path(), providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: np.ascontiguousarray(read.transpose(2, 0, 1)[None])}
    assert np.allclose(detector.probabilities(page), session.run(None, given)[0][0, 0], atol=1e-4)


def test_grey_is_seen_alike_in_one_channel_and_in_three(detector: Detector) -> None:
    page = colours((30, 30, 30), (220, 220, 220))
    assert np.array_equal(detector.probabilities(page), detector.probabilities(page[..., 0]))


@pytest.mark.parametrize("ink", [(255, 0, 0), (30, 60, 200), (120, 120, 120)])
def test_lines_as_bright_as_their_ground_are_found(detector: Detector, ink: tuple[int, int, int]) -> None:
    bright = round(float(np.dot(ink, (0.299, 0.587, 0.114))))
    ground = (0, round(bright / 0.587), 0) if ink[0] != ink[1] else (255, 100, 0)
    found = sorted(detector(colours(ink, ground)), key=lambda box: box.y)
    assert [box.y for box in found] == pytest.approx([64, 154, 244], abs=12)


def test_the_height_of_letters_as_bright_as_their_ground_is_seen() -> None:
    ink = text_page(40, dark=False) == 0
    page = np.where(ink[..., None], (255, 0, 0), (0, 130, 0)).astype(np.uint8)
    assert count_letters(page) == count_letters(np.where(ink, 0, 255).astype(np.uint8))
