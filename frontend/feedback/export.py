"""Labelled lines as a folder in a ZIP: labels.tsv and crops, as training and evaluation read them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

LABELS, CROPS, FACTS = "labels.tsv", "crops", "lines.jsonl"


@dataclass(frozen=True)
class Label:
    """A line that somebody has looked at: what it says, and how it was read."""

    name: str
    image: bytes
    """A PNG."""
    text: str
    facts: dict[str, Any]


def zipped(labels: Iterable[Label]) -> Iterator[bytes]:
    """The ZIP piece by piece; of the labels, one image at a time is held in memory.

    labels.tsv has the crop's path, a tab and the text on each line; lines without text are left out.
    lines.jsonl has the facts of each, also of those without text.
    """
    outgoing = _Outgoing()
    rows: list[str] = []
    facts: list[str] = []
    with zipfile.ZipFile(outgoing, "w") as archive:
        for label in labels:
            path = f"{CROPS}/{label.name}.png"
            archive.writestr(path, label.image)
            rows += [f"{path}\t{label.text}\n"] if label.text else []
            facts.append(
                json.dumps({"crop": path, "text": label.text, **label.facts}, ensure_ascii=False) + "\n"
            )
            yield outgoing.taken()
        archive.writestr(LABELS, "".join(rows), zipfile.ZIP_DEFLATED)
        archive.writestr(FACTS, "".join(facts), zipfile.ZIP_DEFLATED)
    yield outgoing.taken()


class _Outgoing(io.RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
