"""The shape of the recognizer's answers, and of whoever gives them; torchserve.py does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, Protocol, TypedDict

Point = list[float]
STAGES = ("find", "read")
"""The stages of the handler for an image: finding its lines, and reading them (with those of its batch)."""


class Character(TypedDict):
    char: str
    confidence: float
    bbox: list[Point]


class Match(TypedDict):
    """The best reading of a line that matches a pattern or is in a lexicon."""

    text: str
    confidence: float


class Line(TypedDict):
    """Lines of one row of a page have the same `row`; `angle` is how far it was turned to be read.

    `model` is the network that read it: not there if none did, or if the archive's handler is an older one.
    """

    text: str
    confidence: float
    angle: int
    row: int
    bbox: list[Point]
    polygon: list[Point]
    chars: list[Character]
    model: NotRequired[str]
    unsupported: NotRequired[bool]
    """Only there, and true, where it is likely in a script that the network does not read."""
    match: NotRequired[Match | None]
    """Where the request has a pattern or a lexicon."""


class _Page(TypedDict):
    width: int
    height: int
    angle: int
    lines: list[Line]


class Page(_Page, total=False):
    """An image, or a page of a document: numbers in its pixels, degrees clockwise, lines in reading order."""

    warnings: list[str]
    """Sentences about what was not looked at, or not closely; not there where all was."""
    mrz: list[dict[str, Any]]
    """Machine-readable zones, see the handler's mrz.zones; not there without any."""
    match: Match | None
    """The surest of its lines; not there where the request has neither pattern nor lexicon."""


class Prediction(TypedDict):
    """The answer of the handler: one page for an image; a document may have several."""

    pages: list[Page]
    is_document: bool
    stages: NotRequired[dict[str, float]]
    """Milliseconds by stage, see STAGES: not there if it comes from the cache."""
    thumbnail: NotRequired[str]
    """Of its first page in Base64: made here, and cached with the rest; not there where nobody wanted one."""


class Predictor(Protocol):
    """Reads images: see TorchServe.predict."""

    def predict(
        self,
        model: str,
        image: bytes,
        request_id: str,
        options: Mapping[str, Any] | None = None,
        timeout_seconds: float | None = None,
        is_short: bool = False,
    ) -> Prediction: ...
