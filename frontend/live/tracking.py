"""Lines of text over the frames of a video: which are the same, and what they say by the vote of all frames.

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
from frontend.recognition.torchserve import Line, Point

ALIKE = 0.6
"""Two texts in one place are two lines below this similarity, if the pixels changed."""
SAME = 0.8
"""A line that moved by no more than its height is the same from this similarity on."""
SURE = 0.25
"""Another text takes over if it is read with this part of the confidence that the line was read with."""
BALLOTS = 25
"""The latest readings of a line vote."""
ENOUGH, CLEAR = 4, 0.9
"""A line is read no more after so many readings, if its confidence is as high; else after BALLOTS."""
MISSES = 2
"""A line that is not found so many times in a row has ended."""

Box = list[Point]
Test = Callable[[Box], bool]
"""Something about the picture inside a box."""


@dataclass(eq=False)
class Subtitle:
    """A line while it is shown. `rival` is a reading that may be the first of another line."""

    id: int
    line: Line
    first_frame: int
    last_frame: int = 0
    ballots: deque[Ballot] = field(default_factory=lambda: deque(maxlen=BALLOTS))
    readings: int = 0
    text: str = ""
    confidence: float = 0.0
    rival: Ballot | None = None
    misses: int = 0

    def add(self, ballot: Ballot) -> None:
        """Count a reading in."""
        self.last_frame = ballot.frame
        self.ballots.append(ballot)
        self.readings += 1
        self.text, self.confidence = vote(self.ballots)

    def follow(self, line: Line, ballot: Ballot, *, changed: bool) -> Ballot | None:
        """Take in what was read in its place. The rival, if it is read again: another line began."""
        self.misses = 0
        rival, self.rival = self.rival, None
        if rival is not None and self._gives_way(rival, ballot):
            return rival
        self.line = line
        if rival is None and changed and ballot.text != self.text:
            self.rival = ballot
            return None
        if rival is not None:
            self.add(rival)
        self.add(ballot)
        return None

    def _gives_way(self, rival: Ballot, ballot: Ballot) -> bool:
        needed = SURE * sum(ballot.weight for ballot in self.ballots) / len(self.ballots)
        nearer = similarity(ballot.text, rival.text) > similarity(ballot.text, self.text)
        return nearer and min(ballot.weight, rival.weight) >= needed

    @property
    def is_settled(self) -> bool:
        """Whether another reading of the same picture would tell nothing."""
        enough = ENOUGH if self.confidence >= CLEAR else BALLOTS
        return self.readings >= enough and not self.misses and not self.rival

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


class Subtitles:
    """The lines that a video shows now, from top to bottom; frames come in their order."""

    def __init__(self) -> None:
        self.shown: list[Subtitle] = []
        self._ids = count(1)

    def update(self, frame: int, lines: Sequence[Line], looked: Test, changed: Test) -> list[Subtitle]:
        """Take in what was read in a frame; the lines that have ended with it.

        `looked`: whether text was looked for there. `changed`: whether the picture there is another one than
        when text was last looked for.
        """
        followed = self._match(lines, changed)
        lost = [
            subtitle
            for subtitle in self.shown
            if subtitle not in followed.values() and looked(subtitle.line["bbox"])
        ]
        ended = [subtitle for subtitle in lost if _is_over(subtitle, lines)]
        for number, line in enumerate(lines):
            ballot = Ballot(line["text"], line["confidence"], frame)
            subtitle = followed.get(number)
            if subtitle is None:
                self._begin(line, [ballot])
            elif rival := subtitle.follow(line, ballot, changed=changed(line["bbox"])):
                self._begin(line, [rival, ballot])
                ended.append(subtitle)
        self.shown = [subtitle for subtitle in self.shown if subtitle not in ended]
        self.shown.sort(key=lambda subtitle: subtitle.line["bbox"][0][::-1])
        return ended

    def stay(self, frame: int) -> None:
        """Lines that nothing speaks against are shown with this frame, too, whether they were read or not."""
        for subtitle in self.shown:
            if not subtitle.misses and not subtitle.rival:
                subtitle.last_frame = frame

    def _match(self, lines: Sequence[Line], changed: Test) -> dict[int, Subtitle]:
        """The lines that go on, by the number of what was read in their place; the surest pairs first."""
        pairs = [
            (grade, number, subtitle)
            for number, line in enumerate(lines)
            for subtitle in self.shown
            if (grade := _grade(subtitle, line, changed))
        ]
        found: dict[int, Subtitle] = {}
        for _, number, subtitle in sorted(pairs, key=lambda pair: -pair[0]):
            if number not in found and subtitle not in found.values():
                found[number] = subtitle
        return found

    def _begin(self, line: Line, ballots: Sequence[Ballot]) -> None:
        subtitle = Subtitle(next(self._ids), line, ballots[0].frame)
        for ballot in ballots:
            subtitle.add(ballot)
        self.shown.append(subtitle)


def _grade(subtitle: Subtitle, line: Line, changed: Test) -> float:
    """How surely a line of this frame is that one; 0: it is another one."""
    before, now = subtitle.line["bbox"], line["bbox"]
    height = now[1][1] - now[0][1]
    if not _touches(before, now, height):
        return 0.0
    alike = similarity(subtitle.text, line["text"])
    if _touches(before, now, -height / 2) and (alike >= ALIKE or not changed(now)):
        return 1.0 + alike
    return alike if alike >= SAME else 0.0


def _is_over(subtitle: Subtitle, lines: Sequence[Line]) -> bool:
    """A line that was not found may have been overlooked, unless another one stands there."""
    subtitle.misses += 1
    box = subtitle.line["bbox"]
    replaced = any(_touches(box, line["bbox"], -(box[1][1] - box[0][1]) / 2) for line in lines)
    return replaced or subtitle.misses >= MISSES


def _touches(first: Box, second: Box, margin: float) -> bool:
    """Whether two boxes overlap by more than -`margin`, or lie apart by less than `margin`."""
    return all(
        first[0][axis] < second[1][axis] + margin and second[0][axis] < first[1][axis] + margin
        for axis in (0, 1)
    )
