"""Measure the reading of whole pages, with other engines beside it if asked.

    python -m training.evaluation.pages crnn_v2 FOLDER  # its `measure` pages
    python -m training.evaluation.pages MODEL FOLDER --all --turned  # is orientation detected?
    python -m training.evaluation.pages MODEL FOLDER --limit 20 --modes --peers

MODEL is the name of a model in model_store/weights, or the path of a weights file. FOLDER holds img/NNN.jpg,
box/NNN.csv (x1,y1,…,x4,y4,text of each line) and split.tsv (NNN TAB part), as receipt pages do. A table is
printed: F1, precision and recall of the lines found, recall and precision of the words (page_metrics.py says
what they are), and the median seconds per page, one page at a time on one thread. Lines without text do not
count; files are opened beforehand. Labels that put a row's cells into lines of their own, as those of
receipts do, count against an engine that reads the row as one line. Each engine reads its first page once
before it is timed.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch
from tqdm import tqdm

from handler.answer import page_answer
from handler.image import InvalidImageError, Pixels, decode_image, to_pixels, turn_image, turn_points
from handler.layout import Detector
from handler.networks import AUTO, Networks, Reader
from handler.page import Page
from handler.reading import read_pages
from handler.recognize import warm_up
from training.evaluation.comparison import Row, table
from training.evaluation.evaluate import (
    UnusableInputError,
    exit_status,
    find_model,
    write_report,
)
from training.evaluation.page_metrics import TextLine, score
from training.evaluation.page_peers import ENGINES
from training.evaluation.peers import PeerError
from training.export import served
from training.labelled import receipt_image, receipt_lines, receipts

COLUMNS = {
    "line_f1": "line F1",
    "line_precision": "line precision",
    "line_recall": "line recall",
    "word_recall": "word recall",
    "word_precision": "word precision",
    "seconds": "s, median",
}
TURNED_COLUMNS = {"angle_found": "angle found"} | COLUMNS
TURNS = (90, 180, 270)
"""Degrees clockwise."""

ReadPage = Callable[[Pixels, str], Page]
"""Reads an image in a mode of handler.page."""


@dataclass(frozen=True)
class LabelledPage:
    """An image file and its lines."""

    image: Path
    lines: list[TextLine]

    def pixels(self) -> Pixels:
        return to_pixels(decode_image(self.image.read_bytes()))


@dataclass(frozen=True)
class PageReading:
    """Our reading of a page, which may have been turned before; no pixels are kept."""

    lines: list[TextLine]
    """Their bounds lie on the page as it was before it was turned."""
    seconds: float
    angle: int
    """Degrees clockwise by which the reader turned the page upright."""
    turned: int
    """Lines that the reader turned, with the page or by themselves."""
    vertical: int
    """Lines that it took for vertical ones."""


def load_pages(folder: Path, part: str | None, limit: int | None = None) -> list[LabelledPage]:
    """The pages of a part, or of all parts; with a limit so many of them, evenly spread."""
    names = receipts(folder, part)
    if limit and limit < len(names):
        names = [names[len(names) * number // limit] for number in range(limit)]
    return [
        LabelledPage(
            receipt_image(folder, name),
            [((min(xs), min(ys), max(xs), max(ys)), text) for xs, ys, text in receipt_lines(folder, name)],
        )
        for name in names
    ]


def find_pages(folder: Path, part: str | None, limit: int | None) -> list[LabelledPage]:
    """The pages of a folder, see load_pages.

    Raises:
        UnusableInputError: there is no such folder, or what it holds cannot be read.
    """
    if not folder.is_dir():
        raise UnusableInputError(
            f"There is no folder {folder}: give one that holds split.tsv, img/ and box/."
        )
    try:
        pages = load_pages(folder, part, limit)
    except (OSError, ValueError, IndexError) as error:
        raise UnusableInputError(
            f"{folder} cannot be read ({error}). It needs split.tsv with lines of name, TAB, part, and for "
            "each name an image in img/ and a csv file in box/."
        ) from None
    if not pages:
        raise UnusableInputError(
            f"{folder} holds no pages of the part {part}: name some in its split.tsv, or use --all."
            if part
            else f"{folder} holds no pages: its split.tsv is empty."
        )
    return pages


def page_reader(network: Reader) -> ReadPage:
    """Reads pages with these networks.

    Raises:
        UnusableInputError: the detector is not installed.
    """
    try:
        detector = Detector()
    except FileNotFoundError as error:
        raise UnusableInputError(str(error)) from None
    return lambda image, mode: read_pages(network, detector, [image], [mode])[0]


def line_reader(name: str, student: str | None) -> tuple[Reader, str]:
    """A model in the form in which it is served, alone or as the second of a cascade, and what to call it.

    Raises:
        UnusableInputError: a model cannot be read, or no threshold was chosen for this cascade.
    """
    models = [find_model(given) for given in (name, student) if given]
    names, (_, facts, path) = [of.stem for *_, of in models], models[0]
    engines = {of.stem: served(model) for model, _, of in models}
    for engine in engines.values():
        warm_up(engine)
    readers = Networks(engines, dict.fromkeys(engines, {}) | {path.stem: facts}).readers
    reader = AUTO if student else path.stem
    if reader not in readers:
        raise UnusableInputError(
            f"{path} has no threshold for {names[1]}: run training.calibration.cascade on both."
        )
    return readers[reader], ", then ".join(reversed(names))


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch and OpenCV to one thread."""
    threads, of_opencv = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cv2.setNumThreads(of_opencv)


def read_all(
    read: ReadPage, pages: list[LabelledPage], mode: str = "page", turned: int = 0
) -> list[PageReading]:
    """Readings of pages that were turned so many degrees clockwise; the first is read twice and timed once.

    Raises:
        UnusableInputError: an image is damaged, or holds more lines than are read.
    """
    readings = []
    what = f"mode {mode}, turned by {turned}" if turned else f"mode {mode}"
    for page in tqdm([pages[0], *pages], what, unit="page", disable=None):
        try:
            image = turn_image(page.pixels(), turned)
            start = time.perf_counter()
            done = read(image, mode)
            readings.append(to_reading(done, time.perf_counter() - start, turned, image))
        except InvalidImageError as error:
            raise UnusableInputError(f"{page.image} cannot be read: {error}") from None
    return readings[1:]


def to_reading(page: Page, seconds: float, turned: int, image: Pixels) -> PageReading:
    """The reading of an image that had been turned so many degrees clockwise, as it is served."""
    lines = [line for row in page.rows for line in row]
    served = page_answer(image, page)["lines"]
    outlines = [turn_points(np.array(line["polygon"]), -turned, *image.shape[:2]) for line in served]
    bounds = [(*points.min(axis=0).tolist(), *points.max(axis=0).tolist()) for points in outlines]
    return PageReading(
        [(where, line["text"]) for where, line in zip(bounds, served, strict=True)],
        seconds,
        page.angle,
        sum(line.crop.angle != 0 for line in lines),
        sum(line.crop.vertical for line in lines),
    )


def figures(lines: list[list[TextLine]], seconds: list[float], pages: list[LabelledPage]) -> Row:
    """The figures of page_metrics.score, and the median of the seconds."""
    pairs = [(read, page.lines) for read, page in zip(lines, pages, strict=True)]
    return score(pairs) | {"seconds": round(median(seconds), 3)}


def figures_of(readings: list[PageReading], pages: list[LabelledPage]) -> Row:
    return figures([of.lines for of in readings], [of.seconds for of in readings], pages)


def turns(readings: list[PageReading], pages: list[LabelledPage]) -> dict[str, Any]:
    """Pages that were turned to be read, by name, with their angle; numbers of lines turned and vertical."""
    pairs = zip(readings, pages, strict=True)
    return {
        "turned_pages": {page.image.stem: reading.angle for reading, page in pairs if reading.angle},
        "turned_lines": sum(reading.turned for reading in readings),
        "vertical_lines": sum(reading.vertical for reading in readings),
    }


def turned_row(readings: list[PageReading], pages: list[LabelledPage], turned: int) -> Row:
    """Figures of pages that had been turned; `angle_found`: share of them that was turned back."""
    right = sum(reading.angle == -turned % 360 for reading in readings)
    found = {"turned by": f"{turned}°", "angle_found": round(right / len(pages), 4)}
    return found | figures_of(readings, pages)


def peer_row(engine: str, pages: list[LabelledPage]) -> Row:
    """The same figures of another engine, or the reason why there are none."""
    print(f"{engine} …", file=sys.stderr)
    images = [page.image.resolve() for page in pages]
    try:
        _, *answers = ENGINES[engine]([images[0], *images])
    except PeerError as error:
        return {"engine": engine, "missing": str(error)}
    lines, seconds = [answer.lines for answer in answers], [answer.seconds for answer in answers]
    return {"engine": engine} | figures(lines, seconds, pages)


def sentence(found: dict[str, Any], pages: int, lines: int) -> str:
    """The result of `turns` as a sentence, with the numbers of pages and lines."""
    names = ", ".join(f"{name} by {angle}°" for name, angle in found["turned_pages"].items())
    which = f" ({names})" if names else ""
    return (
        f"Turned: {len(found['turned_pages'])} of {pages:,} pages{which} and {found['turned_lines']} of "
        f"{lines:,} lines; read from top to bottom: {found['vertical_lines']} lines."
    )


def measure(
    read: ReadPage, model: str, pages: list[LabelledPage], options: argparse.Namespace
) -> dict[str, Any]:
    """All that the options ask for; each table is printed as soon as it is full."""
    readings = read_all(read, pages)
    ours, found = figures_of(readings, pages), turns(readings, pages)
    rows = [{"engine": model} | ours, *(peer_row(engine, pages) for engine in ENGINES if options.peers)]
    print(f"{table(rows, COLUMNS)}\n\n{sentence(found, len(pages), ours['lines_read'])}", flush=True)
    report = {"rows": rows} | found
    if options.modes:
        auto = figures_of(read_all(read, pages, "auto"), pages)
        report["modes"] = [{"mode": "page"} | ours, {"mode": "auto"} | auto]
        print(f"\n{table(report['modes'], COLUMNS, 'mode')}", flush=True)
    if options.turned:
        turned = {0: readings} | {angle: read_all(read, pages, turned=angle) for angle in TURNS}
        report["turned"] = [turned_row(of_angle, pages, angle) for angle, of_angle in turned.items()]
        print(f"\n{table(report['turned'], TURNED_COLUMNS, 'turned by')}", flush=True)
    return report


def run(options: argparse.Namespace) -> None:
    lines_reader, name = line_reader(options.model, options.student)
    pages = find_pages(options.folder, None if options.all else "measure", options.limit)
    lines = sum(len(page.lines) for page in pages)
    print(f"\n{options.folder.name}, {len(pages):,} pages, {lines:,} lines\n", flush=True)
    with one_thread():
        report = measure(page_reader(lines_reader), name, pages, options)
    report = {"model": name, "folder": options.folder.name, "pages": len(pages)} | report
    write_report(report, options.json)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument(
        "--student", metavar="MODEL", help="read lines with this first, and unsure ones again, as `auto` does"
    )
    parser.add_argument("--all", action="store_true", help="all pages, not only the part `measure`")
    parser.add_argument("--limit", type=int, help="read this many pages only, evenly spread")
    parser.add_argument("--peers", action="store_true", help="measure other engines as well")
    parser.add_argument("--turned", action="store_true", help="read each page turned by quarters as well")
    parser.add_argument("--modes", action="store_true", help="read each page in the mode auto as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures into this file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure what the arguments ask for; 2 where the model or the folder cannot be read."""
    return exit_status(lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
