"""Make a test set of lines that mix Chinese or Japanese with Latin words and spaces: images and labels.tsv.

    python -m training.test_sets.mixed_lines FOLDER  # 500 lines
    python -m training.test_sets.mixed_lines FOLDER --lines 1000 --seed 8

The texts are drawn as those of documents, screens and receipts are, and the lines rendered as theirs, with
little wear and no coloured grounds. Left out is where nobody can tell a space: between letters that are set
apart, and beside full-width signs, which have their own gap. The same seed makes the same files; no line is
one of training, whose seeds are other ones. `make corpus` and `make fonts` come first.
"""

import argparse
import random
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image

from training import alphabet
from training.evaluation.metrics import is_mixed, spaced
from training.render.line import DOMAINS, draw_line, draw_text
from training.render.surface import Picture

WORN = 0.1
"""Chance of print with gaps and bleeding."""
DRAWN_FROM = [
    replace(DOMAINS[name], tracked=0.0, scene=0.0, worn=WORN, small=0.0, emoji=0.0)
    for name in ("document", "screen", "receipt")
]
_BESIDE_LATIN = re.compile("[A-Za-z]{2}[!-~]* | [!-~]*[A-Za-z]{2}")
"""A space before or after a word of ASCII with Latin letters."""
_BESIDE_SIGN = re.compile(r"[^\w!-~] | [^\w!-~]")
"""A space before or after a sign that is not ASCII."""


def is_wanted(label: str) -> bool:
    """Whether a line has wide characters and a space at a Latin word, and no space that cannot be told."""
    return is_mixed(label) and bool(_BESIDE_LATIN.search(label)) and not _BESIDE_SIGN.search(label)


def lines(count: int, seed: int, chars: str) -> Iterator[tuple[Picture, str]]:
    """So many lines of an alphabet: image (H, W) and text; line n depends on the seed and n alone.

    Raises:
        FileNotFoundError: the corpus or the fonts are missing.
    """
    for number in range(count):
        rng, domain = random.Random(f"mixed-{seed}-{number}"), DRAWN_FROM[number % len(DRAWN_FROM)]
        while True:
            text, path = draw_text(rng, domain, chars)
            if is_wanted(spaced(text)):
                yield draw_line(rng, domain, text, path), spaced(text)
                break


def write(
    folder: Path, drawn: Iterator[tuple[Picture, str]], name: Callable[[int], str] = "{:04}".format
) -> int:
    """Write lines as PNG files and labels.tsv (path TAB text) into a folder; returns their number.

    `name` tells the name of the n-th file, without its suffix.
    """
    rows = []
    for number, (image, text) in enumerate(drawn):
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{name(number)}.png")
        rows.append(f"{name(number)}.png\t{text}\n")
    (folder / "labels.tsv").write_text("".join(rows), "utf-8")
    return len(rows)


def main(arguments: list[str] | None = None) -> int:
    """Make the folder that the arguments ask for; 2 where the corpus or the fonts are missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    try:
        count = write(options.folder, lines(options.lines, options.seed, alphabet.read()))
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{count} lines in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
