"""Lines -> their words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple


class Word(NamedTuple):
    """Text between white space; box as [left, top] and [right, bottom] in pixels, confidence from 0 to 1."""

    text: str
    bbox: list[list[float]]
    confidence: float


def words(line: Mapping[str, Any]) -> Iterator[Word]:
    """The words of a line: each the box around its characters, as sure as the least sure of them."""
    for blank, run in groupby(_characters(line), key=lambda char: str(char["char"]).isspace()):
        if not blank:
            chars = list(run)
            starts, ends = zip(*(char["bbox"] for char in chars), strict=True)
            start, end = map(min, zip(*starts, strict=True)), map(max, zip(*ends, strict=True))
            confidence = min(char["confidence"] for char in chars)
            yield Word("".join(char["char"] for char in chars), [list(start), list(end)], confidence)


def _characters(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The characters of a line; where the service gives none, equal parts of its box."""
    if line.get("chars"):
        return list(line["chars"])
    (left, top), (right, bottom) = line["bbox"]
    step = (right - left) / max(1, len(line["text"]))
    edges = [left + step * number for number in range(len(line["text"]) + 1)]
    return [
        {"char": char, "bbox": [[edges[n], top], [edges[n + 1], bottom]], "confidence": line["confidence"]}
        for n, char in enumerate(line["text"])
    ]
