"""Lines over frames: which go on, which are new, and what they say by the vote of all readings."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from frontend.live.tracking import MAX_BALLOTS, SETTLED_READINGS, Track, Tracker
from frontend.live.voting import Ballot, vote
from tests.unit.frontend.fake_torchserve import line

CALM = False
CHANGED = True


class Screen:
    """Feeds readings, one frame each."""

    def __init__(self) -> None:
        self.tracks = Tracker()
        self.frame = 0

    def read(self, *lines: dict, changed: bool = CALM, looked: bool = True) -> list[Track]:
        self.frame += 1
        return self.tracks.update(self.frame, lines, lambda _: looked, lambda _: changed)

    @property
    def shown(self) -> list[tuple[int, str]]:
        return [(track.id, track.text) for track in self.tracks.shown]


@pytest.fixture
def screen() -> Screen:
    return Screen()


def ballots(*readings: tuple[str, float]) -> list[Ballot]:
    return [Ballot(text, weight, 1) for text, weight in readings]


@pytest.mark.parametrize(
    ("readings", "text"),
    [
        ([("Hello", 0.9)], "Hello"),
        ([("Hallo", 0.5), ("Hello", 0.3), ("Hello", 0.3)], "Hello"),
        ([("Hxllo world", 0.6), ("Hello wxrld", 0.6), ("Hello worlx", 0.5)], "Hello world"),
        ([("Helo", 0.9), ("Hello", 0.5), ("Hello", 0.5)], "Hello"),
        ([("Hellow", 0.4), ("Hello", 0.5), ("Hello", 0.1)], "Hello"),
        ([("列车九点半开", 0.9), ("列车九占半开", 0.4), ("列牛九点半开", 0.4)], "列车九点半开"),
    ],
)
def test_each_character_is_voted_over(readings: Sequence[tuple[str, float]], text: str) -> None:
    assert vote(ballots(*readings))[0] == text


def test_confidence_is_the_support_of_the_weakest_character() -> None:
    assert vote(ballots(("ab", 0.9), ("ab", 0.7)))[1] == pytest.approx(0.8)
    assert vote(ballots(("ab", 0.9), ("ax", 0.5)))[1] == pytest.approx(0.45)


def test_a_misreading_changes_neither_id_nor_text(screen: Screen) -> None:
    for text in ("Mind the gap", "Mind the gap", "Mimd the qap", "Mind the gap", "Nind the gap"):
        screen.read(line(text))
        assert screen.shown == [(1, "Mind the gap")]


def test_over_a_moving_ground_a_single_misreading_is_none_the_less_one(screen: Screen) -> None:
    for text in ("Mind the gap", "Mind the gap", "Mimd the gap", "Mind the gap", "Mind the cap"):
        screen.read(line(text), changed=CHANGED)
        assert screen.shown == [(1, "Mind the gap")]


def test_another_text_in_its_place_is_another_line_at_once(screen: Screen) -> None:
    screen.read(line("The train is late"))
    (ended,) = screen.read(line("Who is there?"), changed=CHANGED)
    assert (ended.text, ended.first_frame, ended.last_frame) == ("The train is late", 1, 1)
    assert screen.shown == [(2, "Who is there?")]


def test_a_similar_text_is_another_line_when_it_was_read_twice(screen: Screen) -> None:
    for _ in range(10):
        screen.read(line("Chapter 1"))
    assert screen.read(line("Chapter 2"), changed=CHANGED) == []
    assert screen.shown == [(1, "Chapter 1")]
    (ended,) = screen.read(line("Chapter 2"))
    assert (ended.text, ended.last_frame) == ("Chapter 1", 10)
    (now,) = screen.tracks.shown
    assert (now.id, now.text, now.first_frame, now.readings) == (2, "Chapter 2", 11, 2)


def test_a_line_that_is_not_found_once_stays_and_one_not_found_twice_has_ended(screen: Screen) -> None:
    screen.read(line("Mind the gap"))
    assert screen.read() == []
    assert screen.read(line("Mind the gap")) == []
    assert screen.read() == []
    assert screen.shown == [(1, "Mind the gap")]
    (ended,) = screen.read()
    assert (ended.id, ended.last_frame) == (1, 3)
    assert screen.shown == []


def test_where_nobody_looked_nothing_ends(screen: Screen) -> None:
    screen.read(line("Mind the gap"))
    for _ in range(5):
        screen.read(looked=False)
    assert screen.shown == [(1, "Mind the gap")]


def test_two_lines_keep_their_ids_whatever_their_order(screen: Screen) -> None:
    above, below = line("No, wait!", top=20), line("I have to go.", top=60)
    screen.read(below, above)
    screen.read(above, below)
    assert screen.shown == [(2, "No, wait!"), (1, "I have to go.")]


def test_a_line_that_moves_a_little_is_the_same(screen: Screen) -> None:
    for top in (100, 85, 70, 55):
        screen.read(line("Directed by", top=top), changed=CHANGED)
    assert screen.shown == [(1, "Directed by")]


def test_a_line_is_settled_after_some_sure_readings_or_many(screen: Screen) -> None:
    for number in range(1, SETTLED_READINGS + 1):
        screen.read(line("Sure", confidence=0.97), line("Unsure", top=90, confidence=0.5))
        sure, unsure = screen.tracks.shown
        assert (sure.is_settled, unsure.is_settled) == (number >= SETTLED_READINGS, False)
    for _ in range(MAX_BALLOTS):
        screen.read(line("Unsure", top=90, confidence=0.5))
    assert screen.tracks.shown[-1].is_settled
