"""Other engines, reading the same whole pages with their defaults: RapidOCR, and Tesseract.

    python -m training.evaluation.pages MODEL FOLDER --peers  # `make peers` installs RapidOCR first
    .cache/peers/bin/python -m training.evaluation.page_peers  # what that starts: see `serve`

As peers.py, from which it has how engines are started, this file needs the standard library only.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from training.evaluation.peers import ask, one_thread, reply, tesseract_tsv, words_of

Found = tuple[tuple[float, float, float, float], str]
"""left, top, right, bottom of a line in pixels of the page, and its text."""


@dataclass(frozen=True)
class TimedPage:
    """The lines with text on one page, and the seconds that reading it took."""

    lines: list[Found]
    seconds: float


def rapidocr(pages: list[Path]) -> list[TimedPage]:
    """Detection, the classifier of upside-down lines, and recognition; files are opened beforehand.

    Raises:
        PeerError: it is not installed, or it failed.
    """
    answers = ask(["-m", "training.evaluation.page_peers"], [str(page) for page in pages])
    return [
        TimedPage([(tuple(bounds), text) for bounds, text in answer["lines"]], answer["seconds"])
        for answer in answers
    ]


def tesseract(pages: list[Path]) -> list[TimedPage]:
    """A process for each page: its start and opening the file are in its seconds.

    Raises:
        PeerError: it is not installed, or it failed.
    """
    answers = []
    for page in pages:
        start = time.perf_counter()
        tsv = tesseract_tsv(str(page), "3")
        answers.append(TimedPage(lines_of(tsv), time.perf_counter() - start))
    return answers


ENGINES: dict[str, Callable[[list[Path]], list[TimedPage]]] = {
    "RapidOCR 3.10.0 (PP-OCRv6 small)": rapidocr,
    "Tesseract (eng, --psm 3), its start included": tesseract,
}
"""By names for tables."""


def lines_of(tsv: list[str]) -> list[Found]:
    """The lines of Tesseract's TSV of one page: the bounds of their words together, and their text."""
    lines: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for word in words_of(tsv):
        line = tuple(word[column] for column in ("block_num", "par_num", "line_num"))
        lines.setdefault(line, []).append(word)
    return [(_around(words), " ".join(word["text"] for word in words)) for words in lines.values()]


def _around(words: list[dict[str, str]]) -> tuple[float, float, float, float]:
    boxes = [[float(word[key]) for key in ("left", "top", "width", "height")] for word in words]
    return (
        min(left for left, *_ in boxes),
        min(top for _, top, *_ in boxes),
        max(left + width for left, _, width, _ in boxes),
        max(top + height for _, top, _, height in boxes),
    )


def serve() -> Iterator[dict[str, Any]]:
    """{"lines": [[bounds, text]…], "seconds"} for each line of standard input: a path as JSON."""
    one_thread()
    cv2 = import_module("cv2")
    cv2.setNumThreads(1)
    engine = import_module("rapidocr").RapidOCR(params={"Global.log_level": "error"})
    for line in sys.stdin:
        image = cv2.imread(json.loads(line))
        start = time.perf_counter()
        output = engine(image)
        seconds = time.perf_counter() - start
        yield {"lines": found(output.boxes, getattr(output, "txts", None)), "seconds": seconds}


def found(polygons: Any, texts: Any) -> list[Found]:
    """Lines with text of RapidOCR's polygons (N, 4, 2) and N texts; None and None where it found nothing."""
    if polygons is None or texts is None:
        return []
    return [
        (tuple(float(edge) for edge in (*polygon.min(axis=0), *polygon.max(axis=0))), text)
        for polygon, text in zip(polygons, texts, strict=True)
        if text.strip()
    ]


if __name__ == "__main__":
    reply(serve())
