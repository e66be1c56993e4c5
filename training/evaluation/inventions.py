"""Measure how much is read where nothing is written.

    python -m training.evaluation.inventions auto                 # images made for it
    python -m training.evaluation.inventions auto --pages FOLDER  # and bands between the lines of pages

MODEL is the name of a model in model_store/weights, or `auto`. FOLDER is as for training.evaluation.pages; of
its `measure` pages those bands are read that show no labelled line. A table is printed: lines that were read
for 100 images, of each kind.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from tqdm import tqdm

from handler.image import Pixels, decode_image, to_pixels
from handler.networks import AUTO
from training.evaluation.comparison import table
from training.evaluation.evaluate import exit_status
from training.evaluation.pages import line_reader, one_thread, page_reader
from training.evaluation.textless import images
from training.labelled import receipt_image, receipt_lines, receipts

COLUMNS = {"rate": "for 100 images"}
AROUND, LEAST = 8, 40
"""Pixels above and below a labelled line that may show some of it; rows of a band at least."""
ACCURATE, STUDENT = "crnn_v3", "crnn_v3_lite"
"""The networks of AUTO."""


def bands(folder: Path, limit: int | None = None) -> Iterator[tuple[str, Pixels]]:
    """The bands of pages, over their whole width, in which no line is labelled."""
    for name in receipts(folder, "measure")[:limit]:
        page = to_pixels(decode_image(receipt_image(folder, name).read_bytes()))
        free = np.ones(len(page), bool)
        for _, ys, _ in receipt_lines(folder, name):
            free[max(0, int(min(ys)) - AROUND) : int(max(ys)) + AROUND] = False
        edges = np.flatnonzero(np.diff(np.concatenate([[0], free.astype(int), [0]]))).reshape(-1, 2)
        for top, bottom in edges.tolist():
            if bottom - top >= LEAST:
                yield "band of a page", page[top:bottom]


def measure(model: str, shown: Iterable[tuple[str, Pixels]]) -> list[dict[str, str | int | float]]:
    """Rows of the table; each line that is read is written to standard error."""
    reader, _ = line_reader(*((ACCURATE, STUDENT) if model == AUTO else (model, None)))
    read = page_reader(reader)
    counts, lines = Counter[str](), Counter[str]()
    for kind, image in tqdm(shown, unit="image", disable=None):
        texts = [line.reading.text for row in read(image, "auto").rows for line in row]
        counts[kind] += 1
        lines[kind] += len(texts)
        if texts:
            print(f"{kind} {counts[kind]}: {json.dumps(texts, ensure_ascii=False)}", file=sys.stderr)
    rows = [(kind, counts[kind], lines[kind]) for kind in counts]
    rows.append(("all", counts.total(), lines.total()))
    return [
        {"kind": f"{kind}, {found} in {count}", "rate": round(100 * found / count, 1)}
        for kind, count, found in rows
    ]


def run(options: argparse.Namespace) -> None:
    shown = images()
    if options.pages:
        shown = chain(shown, bands(options.pages, options.limit))
    with one_thread():
        print(table(measure(options.model, shown), COLUMNS, "kind"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--pages", metavar="FOLDER", type=Path)
    parser.add_argument("--limit", type=int, metavar="N", help="the bands of so many pages")
    options = parser.parse_args(arguments)
    return exit_status(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
