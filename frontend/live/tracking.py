"""Tracks lines of text over the frames of a video, each with the text that all of its frames vote for.

A line is the same line while its pixels are. Where they changed, its text decides: another one that is read
twice is a new line, and one that is read once was misread. Plain values in and out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from frontend.live.voting import Ballot, similarity, vote
from frontend.recognition.predictions import Line, Point

SAME_PLACE_SIMILARITY = 0.6
"""Two texts in one place are two lines below this similarity, if the pixels changed."""
MOVED_SIMILARITY = 0.8
"""A line that moved by no more than its height is the same from this similarity on."""
CHALLENGER_SHARE = 0.25
"""Another text takes over if it is read with this part of the confidence that the line was read with."""
MAX_BALLOTS = 25
"""The latest readings of a line vote."""
SETTLED_READINGS, SETTLED_CONFIDENCE = 4, 0.9
"""A line is read no more after so many readings, if its confidence is as high; else after MAX_BALLOTS."""
MAX_MISSES = 2
"""A line that is not found so many times in a row has ended."""

Box = list[Point]
Test = Callable[[Box], bool]
"""Something about the picture inside a box."""


@dataclass(eq=False)
class Track:
    """A line while it is shown. `challenger` is a reading that may be the first of another line."""

    id: int
    line: Line
    first_frame: int
    last_frame: int = 0
    ballots: deque[Ballot] = field(default_factory=lambda: deque(maxlen=MAX_BALLOTS))
    readings: int = 0
    text: str = ""
    confidence: float = 0.0
    challenger: Ballot | None = None
    misses: int = 0

    def add(self, ballot: Ballot) -> None:
        """Count a reading in."""
        self.last_frame = ballot.frame
        self.ballots.append(ballot)
        self.readings += 1
        self.text, self.confidence = vote(self.ballots)

    def follow(self, line: Line, ballot: Ballot, *, changed: bool) -> Ballot | None:
        """Take in what was read in its place. The challenger, if it is read again: another line began."""
        self.misses = 0
        challenger, self.challenger = self.challenger, None
        if challenger is not None and self._gives_way(challenger, ballot):
            return challenger
        self.line = line
        if challenger is None and changed and ballot.text != self.text:
            self.challenger = ballot
            return None
        if challenger is not None:
            self.add(challenger)
        self.add(ballot)
        return None

    def _gives_way(self, challenger: Ballot, ballot: Ballot) -> bool:
        needed = CHALLENGER_SHARE * sum(ballot.weight for ballot in self.ballots) / len(self.ballots)
        nearer = similarity(ballot.text, challenger.text) > similarity(ballot.text, self.text)
        return nearer and min(ballot.weight, challenger.weight) >= needed

    @property
    def is_settled(self) -> bool:
        """Whether another reading of the same picture would tell nothing."""
        enough = SETTLED_READINGS if self.confidence >= SETTLED_CONFIDENCE else MAX_BALLOTS
        return self.readings >= enough and not self.misses and not self.challenger

    def facts(self) -> dict[str, Any]:
        """The line as JSON."""
        return {
            "id": self.id,
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "bbox": self.line["bbox"],
            "polygon": self.line["polygon"],
            "first_frame": self.first_frame,
            "last_frame": self.last_frame,
            "readings": self.readings,
        }


class Tracker:
    """The lines that a video shows now, from top to bottom; frames come in their order."""

    def __init__(self) -> None:
        self.shown: list[Track] = []
        self._ids = count(1)

    def update(self, frame: int, lines: Sequence[Line], looked: Test, changed: Test) -> list[Track]:
        """Take in what was read in a frame; the lines that have ended with it.

        `looked`: whether text was looked for there. `changed`: whether the picture there is another one than
        when text was last looked for.
        """
        followed = self._match(lines, changed)
        lost = [
            track for track in self.shown if track not in followed.values() and looked(track.line["bbox"])
        ]
        ended = [track for track in lost if _is_over(track, lines)]
        for number, line in enumerate(lines):
            ballot = Ballot(line["text"], line["confidence"], frame)
            track = followed.get(number)
            if track is None:
                self._begin(line, [ballot])
            elif challenger := track.follow(line, ballot, changed=changed(line["bbox"])):
                self._begin(line, [challenger, ballot])
                ended.append(track)
        self.shown = [track for track in self.shown if track not in ended]
        self.shown.sort(key=lambda track: track.line["bbox"][0][::-1])
        return ended

    def stay(self, frame: int) -> None:
        """Lines that nothing speaks against are shown with this frame, too, whether they were read or not."""
        for track in self.shown:
            if not track.misses and not track.challenger:
                track.last_frame = frame

    def _match(self, lines: Sequence[Line], changed: Test) -> dict[int, Track]:
        """The lines that go on, by the number of what was read in their place; the surest pairs first."""
        pairs = [
            (grade, number, track)
            for number, line in enumerate(lines)
            for track in self.shown
            if (grade := _grade(track, line, changed))
        ]
        found: dict[int, Track] = {}
        for _, number, track in sorted(pairs, key=lambda pair: -pair[0]):
            if number not in found and track not in found.values():
                found[number] = track
        return found

    def _begin(self, line: Line, ballots: Sequence[Ballot]) -> None:
        track = Track(next(self._ids), line, ballots[0].frame)
        for ballot in ballots:
            track.add(ballot)
        self.shown.append(track)


def _grade(track: Track, line: Line, changed: Test) -> float:
    """How surely a line of this frame is that one; 0: it is another one."""
    before, now = track.line["bbox"], line["bbox"]
    height = now[1][1] - now[0][1]
    if not _touches(before, now, height):
        return 0.0
    alike = similarity(track.text, line["text"])
    if _touches(before, now, -height / 2) and (alike >= SAME_PLACE_SIMILARITY or not changed(now)):
        return 1.0 + alike
    return alike if alike >= MOVED_SIMILARITY else 0.0


def _is_over(track: Track, lines: Sequence[Line]) -> bool:
    """A line that was not found may have been overlooked, unless another one stands there."""
    track.misses += 1
    box = track.line["bbox"]
    replaced = any(_touches(box, line["bbox"], -(box[1][1] - box[0][1]) / 2) for line in lines)
    return replaced or track.misses >= MAX_MISSES


def _touches(first: Box, second: Box, margin: float) -> bool:
    """Whether two boxes overlap by more than -`margin`, or lie apart by less than `margin`."""
    return all(
        first[0][axis] < second[1][axis] + margin and second[0][axis] < first[1][axis] + margin
        for axis in (0, 1)
    )
