"""Where text is looked for in a video: where something changed, and in the whole picture now and then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from frontend.errors import ImageTooLargeError, InvalidImageError
from frontend.live.tracking import SETTLED_READINGS
from frontend.live.video import MAX_SIDE, SEARCH_SECONDS, Area, Video, make_thumbnail
from tests.e2e import lines
from tests.unit.frontend.fake_torchserve import line, prediction

SIZE = (640, 360)
PLACE = (100, 300)  # left and top of the track
OTHER = (40, 40)


class Player:
    """A video over a stand-in for the recognizer, which finds `text` where the track's pixels are."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looked: list[list[Area] | None] = []
        self.text = "Mind the gap"
        self.video = Video(self._read, clock=lambda: self.now)
        self.frames = 0

    def _read(self, _jpeg: bytes, areas: list[Area] | None) -> Any:
        self.looked.append(areas)
        return prediction(*([line(self.text, *PLACE)] if self.text else []))

    def show(self, jpeg: bytes, after: float = 0.1) -> dict[str, Any]:
        self.now += after
        self.frames += 1
        return self.video.show(self.frames, jpeg)

    def settle(self, jpeg: bytes) -> None:
        for _ in range(SETTLED_READINGS):
            self.show(jpeg)
        self.looked.clear()


@pytest.fixture
def player() -> Player:
    return Player()


def frame(*blocks: Sequence[int], noise: float = 0, seed: int = 0) -> bytes:
    """A grey picture with white blocks (left, top), of the size of a track of 12 letters."""
    picture = Image.new("L", SIZE, 90)
    for left, top in blocks:
        ImageDraw.Draw(picture).rectangle((left, top, left + 120, top + 20), fill=255)
    spoilt = np.asarray(picture, float) + np.random.default_rng(seed).normal(0, noise, SIZE[::-1])
    return lines.encode(Image.fromarray(spoilt.clip(0, 255).astype(np.uint8)), "JPEG", quality=90)


def test_the_first_frame_is_searched_as_a_whole_and_the_next_only_around_the_line(player: Player) -> None:
    player.show(frame(PLACE))
    player.show(frame(PLACE, noise=6, seed=1))
    whole, (area,) = player.looked
    assert whole is None
    left, top, right, bottom = area
    assert (left, right) == (0, SIZE[0])
    assert 0 < top < PLACE[1] < PLACE[1] + 20 < bottom <= SIZE[1]


def test_a_picture_that_is_the_same_is_not_looked_at_again(player: Player) -> None:
    player.settle(frame(PLACE))
    shown = player.show(frame(PLACE))
    assert shown["unchanged"]
    assert [line["text"] for line in shown["lines"]] == ["Mind the gap"]
    assert player.looked == []


def test_a_line_is_shown_until_it_is_missed_even_in_frames_that_were_not_read(player: Player) -> None:
    player.settle(frame(PLACE))
    for _ in range(3):
        shown = player.show(frame(PLACE))
        assert shown["unchanged"]
        assert shown["lines"][0]["last_frame"] == player.frames
    last, player.text = player.frames, ""
    answers = [player.show(frame(noise=6, seed=seed)) for seed in range(3)]
    (ended,) = [line for answer in answers for line in answer["ended"]]
    assert (ended["first_frame"], ended["last_frame"]) == (1, last)


def test_noise_is_no_change_once_a_line_is_settled(player: Player) -> None:
    player.settle(frame(PLACE))
    assert [player.show(frame(PLACE, noise=10, seed=n))["unchanged"] for n in range(1, 4)] == [True] * 3


def test_a_subtitle_that_changes_is_read_at_once(player: Player) -> None:
    player.settle(frame(PLACE))
    player.text = "Who is there?"
    shown = player.show(frame((PLACE[0] + 30, PLACE[1])))
    assert not shown["unchanged"]
    assert [line["text"] for line in shown["lines"]] == ["Who is there?"]
    assert [line["text"] for line in shown["ended"]] == ["Mind the gap"]


def test_what_appears_elsewhere_is_looked_at_there(player: Player) -> None:
    player.settle(frame(PLACE))
    player.show(frame(PLACE, OTHER))
    ((area,),) = player.looked
    assert area[1] <= OTHER[1] < OTHER[1] + 20 <= area[3] < PLACE[1]


def test_the_whole_picture_is_searched_again_in_time_but_only_if_it_changed(player: Player) -> None:
    player.settle(frame(PLACE))
    player.show(frame(PLACE), after=2 * SEARCH_SECONDS)
    assert player.looked == []
    player.show(frame(PLACE, noise=20, seed=5), after=2 * SEARCH_SECONDS)
    assert player.looked == [None]


def test_a_subtitle_that_vanishes_ends_although_the_picture_stays_the_same_then(player: Player) -> None:
    player.settle(frame(PLACE))
    player.text = ""
    shown = [player.show(frame()) for _ in range(3)]
    assert [len(each["lines"]) for each in shown] == [1, 0, 0]
    assert [line["text"] for each in shown for line in each["ended"]] == ["Mind the gap"]
    assert shown[-1]["unchanged"]


def test_a_video_may_change_its_size(player: Player) -> None:
    player.settle(frame(PLACE))
    player.show(lines.encode(Image.new("L", (320, 240), 90), "JPEG"))
    assert player.looked == [None]


def test_a_thumbnail_is_an_eighth_of_any_jpeg() -> None:
    exif = Image.Exif()
    exif[lines.ORIENTATION] = lines.ROTATED
    for mode, size in (("L", (640, 360)), ("RGB", (641, 355)), ("CMYK", (640, 360))):
        thumbnail = make_thumbnail(lines.encode(Image.new(mode, size), "JPEG"))
        assert (thumbnail.mode, thumbnail.size) == ("L", (-(-size[0] // 8), -(-size[1] // 8)))
    turned = make_thumbnail(lines.encode(Image.new("L", (640, 360)), "JPEG", exif=exif))
    assert turned.size == (45, 80)


def test_frames_that_are_none() -> None:
    whole = frame(PLACE)
    for broken in (b"", b"no jpeg", whole[: len(whole) // 2], lines.encode(Image.new("L", (9, 9)), "PNG")):
        with pytest.raises(InvalidImageError, match="JPEG"):
            make_thumbnail(broken)
    with pytest.raises(ImageTooLargeError, match="pixels"):
        make_thumbnail(lines.encode(Image.new("L", (MAX_SIDE + 1, 8)), "JPEG"))
