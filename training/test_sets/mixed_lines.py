"""Make a test set of lines that mix Chinese or Japanese with Latin words and spaces: images and labels.tsv.

    python -m training.test_sets.mixed_lines FOLDER  # 500 lines
    python -m training.test_sets.mixed_lines FOLDER --lines 1000 --seed 8

The texts are drawn as those of documents, screens and receipts are, and the lines rendered as theirs, with
little wear and no coloured grounds. Left out is where nobody can tell a space: between letters that are set
apart, and beside full-width signs, which have their own gap. The same seed makes the same files; no line is
one of training, whose seeds are other ones. `make corpus` and `make fonts` come first.
"""

import random
import re
import sys
from collections.abc import Iterator
from dataclasses import replace

from training.evaluation.metrics import is_mixed, spaced
from training.render.line import DOMAINS, draw_line, draw_text
from training.render.surface import Picture
from training.test_sets import command

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


def main(arguments: list[str] | None = None) -> int:
    """Make the folder that the arguments ask for; 2 where the corpus or the fonts are missing."""
    return command.run(__doc__, lines, 500, arguments)


if __name__ == "__main__":
    sys.exit(main())
