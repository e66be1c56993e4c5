"""Lines cut out of pages, in colour and grey."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from handler.crop import Crop, characters_down, cut, lay_down, turn, whole
from handler.layout import Box


def page() -> NDArray[np.uint8]:
    """Noise in colour, (90, 140, 3)."""
    return np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)


def sign() -> NDArray[np.uint8]:
    """Four characters one above the other, red on green that is as bright, (190, 40, 3)."""
    image = Image.new("RGB", (40, 190), (0, 130, 0))
    for row, char in enumerate("EXIT"):
        ImageDraw.Draw(image).text((20, 8 + 45 * row), char, (255, 0, 0), ImageFont.load_default(40), "mt")
    return np.asarray(image)


def ways(crop: Crop) -> list[Crop]:
    return [turn(crop, 90), turn(crop, 180), turn(crop, 270)]


@pytest.mark.parametrize("box", [Box(70, 40, 60, 20), Box(5, 85, 60, 20), Box(70, 45, 60, 24, 20.0)])
def test_each_channel_is_cut_as_a_grey_page_is(box: Box) -> None:
    colours = cut(page(), box)
    channels = [cut(np.ascontiguousarray(page()[..., channel]), box) for channel in range(3)]
    assert np.array_equal(colours.image, np.dstack([crop.image for crop in channels]))
    corner = np.array([[0.0, 0.0]])
    assert np.array_equal(colours.to_page(corner), channels[0].to_page(corner))


@pytest.mark.parametrize("number", range(3))
def test_colours_turn_with_their_line(number: int) -> None:
    line = page()[:30]
    colours = ways(whole(line))[number]
    grey = ways(whole(line[..., 1]))[number]
    assert np.array_equal(colours.image[..., 1], grey.image)
    points = np.array([[3.0, 5.0], [20.0, 7.0]])
    assert np.array_equal(colours.to_page(points), grey.to_page(points))


def test_a_sign_as_bright_as_its_ground_is_cut_between_its_characters() -> None:
    cuts = characters_down(sign())
    assert len(cuts) == 5
    ink = (sign() == (255, 0, 0)).all(2).any(1)
    assert not ink[cuts[1:-1]].any()


def test_a_sign_is_laid_down_in_its_colours() -> None:
    laid = lay_down(whole(sign()))
    assert laid.image.shape[2] == 3
    assert laid.image[0, 0].tolist() == [0, 130, 0]
    assert (laid.image == (255, 0, 0)).all(2).sum() == (sign() == (255, 0, 0)).all(2).sum()
    black = np.where((sign() == (0, 130, 0)).all(2), 255, 0).astype(np.uint8)
    assert lay_down(whole(black)).image.shape == laid.image.shape[:2]
