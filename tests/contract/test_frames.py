"""Frames of a video through the handler's functions: searched only where asked, in pixels of the frame."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from PIL import Image

from tests import clip
from tests.contract.test_pages import detector, networks
from tests.plain import recognize_requests

TEXT = "The train leaves at half past nine"
ABOVE = "Riverside Channel"


def read(jpeg: bytes, **options: object) -> dict[str, Any]:
    ((status, answer),) = recognize_requests(
        networks(), detector(), [{"body": jpeg}], [json.dumps({"mode": "frame", **options})]
    )
    assert status == 200
    return answer


def frame() -> bytes:
    """A noisy frame with a line at its upper and one at its lower edge."""
    picture = Image.new("RGB", clip.SIZE, (70, 80, 90))
    clip.write(picture, ABOVE)
    upper = picture.crop((0, clip.SIZE[1] - 100, clip.SIZE[0], clip.SIZE[1]))
    clip.write(picture := Image.new("RGB", clip.SIZE, (70, 80, 90)), TEXT)
    picture.paste(upper, (0, 0))
    return clip.spoilt(picture, np.random.default_rng(1))


def test_a_whole_frame_is_read() -> None:
    answer = read(frame())
    assert (answer["width"], answer["height"]) == clip.SIZE
    assert [line["text"] for line in answer["lines"]] == [ABOVE, TEXT]


def test_areas_are_searched_and_nothing_else() -> None:
    whole = read(frame())["lines"]
    (line,) = read(frame(), areas=[[0, 600, 1280, 720]])["lines"]
    assert line["text"] == TEXT
    assert np.allclose(line["bbox"], whole[1]["bbox"], atol=8)
    both = read(frame(), areas=[[0, -20, 1280, 120], [0, 600, 1280, 800]])["lines"]
    assert [line["text"] for line in both] == [ABOVE, TEXT]
    assert read(frame(), areas=[[0, 200, 1280, 500], [0, 900, 1280, 990], [5, 9, 5, 9]])["lines"] == []
