"""Extents of characters moved to ink, and vertical lines cut into characters."""

from __future__ import annotations

import numpy as np
import pytest

from handler.character_boxes import refine
from handler.crop import Crop, characters_down, lay_down, whole
from handler.decode import Character

WIDE, NARROW = (10, 34), (38, 42)
"""Ink of a W and of an i beside it, in columns."""


def line(*inked: tuple[int, int], width: int = 60) -> np.ndarray:
    image = np.full((32, width), 240, np.uint8)
    for start, end in inked:
        image[6:26, start:end] = 20
    return image


def test_a_boundary_moves_from_halfway_to_where_nothing_is_inked() -> None:
    """CTC emits both in the middle and cuts halfway, within the wide one."""
    wide, narrow = Character("W", 1.0, 14.0, 31.0), Character("i", 1.0, 31.0, 49.0)
    found = refine((wide, narrow), line(WIDE, NARROW))
    for char, (start, end) in zip(found, (WIDE, NARROW), strict=True):
        shared = min(char.end, end) - max(char.start, start)
        assert shared / (max(char.end, end) - min(char.start, start)) > 0.6
    assert found[0].end <= found[1].start


def test_ink_as_bright_as_its_ground_is_as_good() -> None:
    wide, narrow = Character("W", 1.0, 14.0, 31.0), Character("i", 1.0, 31.0, 49.0)
    grey = line(WIDE, NARROW)
    colours = np.where(grey[..., None] == 240, (0, 130, 0), (255, 0, 0)).astype(np.uint8)
    assert refine((wide, narrow), colours) == refine((wide, narrow), grey)


def test_an_extent_lies_between_the_ink_and_the_room_around_it() -> None:
    (char,) = refine((Character("l", 1.0, 10.0, 40.0),), line((20, 24)))
    assert 10 <= char.start <= 20
    assert 24 <= char.end <= 40


def test_without_ink_extents_stay() -> None:
    space = Character(" ", 1.0, 10.0, 20.0)
    assert refine((space,), line()) == (space,)
    assert refine((), line()) == ()


def vertical(pitch: int, count: int, width: int = 30) -> np.ndarray:
    image = np.full((pitch * count, width), 240, np.uint8)
    for n in range(count):
        for left in (4, 14, 24):
            image[n * pitch + 4 : (n + 1) * pitch - 4, left : left + 3] = 30
    image[2 * pitch + pitch // 2, :] = 240  # a gap within a character, as in 二
    return image


@pytest.mark.parametrize("pitch", [27, 34, 44])
def test_a_line_that_stands_is_cut_between_its_characters(pitch: int) -> None:
    assert characters_down(vertical(pitch, 6)) == pytest.approx([pitch * n for n in range(7)], abs=3)


def test_characters_laid_down_know_where_they_stood() -> None:
    laid = lay_down(whole(vertical(34, 4)))
    assert isinstance(laid, Crop)
    assert laid.vertical
    pitch = laid.image.shape[1] / 4
    for n in range(4):
        left, right = n * pitch + 6, (n + 1) * pitch - 2
        points = laid.to_page(np.array([[left, 5.0], [right, 5.0], [right, 28.0], [left, 28.0]]))
        assert 34 * n - 3 <= points[:, 1].min() < points[:, 1].max() <= 34 * (n + 1) + 3
        assert points[:, 0].min() >= 0
        assert points[:, 0].max() <= 30
