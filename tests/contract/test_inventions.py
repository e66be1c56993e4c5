"""Where nothing is written, nothing is read: and what stands alone is read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from handler.reading import read_pages
from tests.contract.test_kinds import detector, font, networks
from training.evaluation.textless import BACKGROUNDS, EACH, images

SHOWN, SIZES = 3, ((320, 240), (400, 90), (240, 60))
"""Images of each kind that are read here, and pixels across and down; training.evaluation.inventions reads
more, and larger ones."""


def texts(image: np.ndarray) -> list[str]:
    (page,) = read_pages(networks().readers["auto"], detector(), [image], ["auto"])
    return [line.reading.text for row in page.rows for line in row]


def test_the_images_are_more_than_a_hundred_and_the_same_each_time() -> None:
    assert len(BACKGROUNDS) * EACH >= 100
    first, second = list(images(1, SIZES)), list(images(1, SIZES))
    assert [kind for kind, _ in first] == list(BACKGROUNDS)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(first, second, strict=True))


def test_hardly_anything_is_read_where_nothing_is_written() -> None:
    """A house with four windows is 田; one such line is what all 132 images may give."""
    shown = list(images(SHOWN, SIZES))
    assert {kind for kind, _ in shown} == set(BACKGROUNDS)
    read = [(kind, text) for kind, image in shown for text in texts(image)]
    assert len(read) <= 1, read


@pytest.mark.parametrize("text", ["7", "B", "Hi", "42", "EXIT"])
@pytest.mark.parametrize("size", [60])
def test_a_character_or_a_word_that_stands_alone_is_read(text: str, size: int) -> None:
    image = Image.new("L", (560, 300), 250)
    ImageDraw.Draw(image).text((60, 70), text, 20, font(size))
    assert texts(np.asarray(image)) == [text]
