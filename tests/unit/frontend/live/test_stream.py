"""The parts of a stream that need no recognizer: the newest frame, the pace."""

from __future__ import annotations

import threading

import pytest

from frontend.live.stream import FRAMES_PER_SECOND, Newest, Pace


def test_the_newest_frame_waits_and_older_ones_are_counted() -> None:
    newest = Newest()
    newest.put(b"one")
    assert newest.take() == (1, b"one", 0)
    for jpeg in (b"two", b"three", b"four"):
        newest.put(jpeg)
    assert newest.take() == (4, b"four", 2)
    newest.close()
    assert newest.take() is None


def test_who_waits_for_a_frame_is_woken_at_the_end() -> None:
    newest = Newest()
    waiting = threading.Thread(target=newest.take)
    waiting.start()
    newest.close()
    waiting.join(5)
    assert not waiting.is_alive()


def test_the_pace_follows_the_time_that_frames_take() -> None:
    pace = Pace()
    assert pace.frames_per_second == FRAMES_PER_SECOND
    for _ in range(50):
        pace.took(0.5)
    assert pace.frames_per_second == pytest.approx(2, abs=0.1)
    for _ in range(50):
        pace.took(0.001)
    assert pace.frames_per_second == FRAMES_PER_SECOND
