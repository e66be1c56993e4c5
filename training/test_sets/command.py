"""Writing a test set, and the command line that all of them have."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from training import alphabet
from training.render.surface import Picture

Name = Callable[[int], str]
"""The name of the n-th file, without its suffix."""
Draw = Callable[[int, int, str], Iterator[tuple[Picture, str]]]
"""So many lines, of a seed, in the characters of an alphabet: image and text of each."""


def write(folder: Path, drawn: Iterator[tuple[Picture, str]], name: Name = "{:04}".format) -> int:
    """Write lines as PNG files and labels.tsv (path TAB text) into a folder; returns their number."""
    rows = []
    for number, (image, text) in enumerate(drawn):
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{name(number)}.png")
        rows.append(f"{name(number)}.png\t{text}\n")
    (folder / "labels.tsv").write_text("".join(rows), "utf-8")
    return len(rows)


def run(
    doc: str | None, draw: Draw, count: int, arguments: list[str] | None, name: Name = "{:04}".format
) -> int:
    """Write the test set that the arguments ask for, by default with `count` lines; the exit status.

    That is 2 where the corpus or the fonts are missing.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--lines", type=int, default=count)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    try:
        written = write(options.folder, draw(options.lines, options.seed, alphabet.read()), name)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{written} lines in {options.folder}")
    return 0
