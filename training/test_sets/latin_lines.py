"""Make a test set of lines in Latin-script languages of Europe: images and labels.tsv.

    python -m training.test_sets.latin_lines FOLDER  # 600 lines, 50 a language
    python -m training.test_sets.latin_lines FOLDER --lines 1200 --seed 8

The lines are in LATIN_LANGUAGES in turn, and every other four of a language have letters that English lacks.
They look like those of documents, screens, receipts and, less wild than in training, scenes. The same seed
makes the same files; no line is one of training, whose seeds are other ones. `make corpus` and `make fonts`
come first.
"""

import random
import sys
from collections.abc import Iterator
from dataclasses import replace

from training.evaluation.metrics import spaced
from training.render.line import DOMAINS, draw_line, draw_text
from training.render.surface import Picture
from training.test_sets import command
from training.text import generator as texts

LATIN_LANGUAGES = ("fr", "de", "es", "it", "pt", "nl", "pl", "cs", "hu", "ro", "sv", "tr")
MIX: texts.Mix = {
    "running_text": 3,
    "sentence": 3,
    "few_words": 2,
    "title": 1,
    "labelled": 1,
    "proper": 1,
    "receipt_line": 1,
    "quoted": 0.5,
    "date": 0.5,
}
SCENE = 0.3
"""Chance of perspective, curves and outlines in a scene."""
DRAWN_FROM = [
    replace(
        DOMAINS[name], text=MIX, tracked=0.1, scene=SCENE if name == "scene" else 0.0, worn=0.1, emoji=0.0
    )
    for name in ("document", "screen", "receipt", "scene")
]


def is_wanted(label: str, accented: bool) -> bool:
    """Whether a line has letters, and, where that is asked for, one that English lacks."""
    letters = [char for char in label if char.isalpha()]
    return len(letters) > 2 and not (accented and all(map(str.isascii, letters)))


def lines(count: int, seed: int, chars: str) -> Iterator[tuple[Picture, str]]:
    """So many lines of an alphabet: image and text; line n depends on the seed and n alone.

    Raises:
        FileNotFoundError: the corpus or the fonts are missing.
    """
    for number in range(count):
        rng, turn = random.Random(f"latin-{seed}-{number}"), number // len(LATIN_LANGUAGES)
        language, domain = LATIN_LANGUAGES[number % len(LATIN_LANGUAGES)], DRAWN_FROM[turn % len(DRAWN_FROM)]
        while True:
            text, path = draw_text(rng, domain, chars, language)
            if is_wanted(text, accented=turn // len(DRAWN_FROM) % 2 == 0):
                yield draw_line(rng, domain, text, path, colour=True), spaced(text)
                break


def name(number: int) -> str:
    """Of the file of line n, without its suffix: its language and its place there, such as pl-007."""
    return f"{LATIN_LANGUAGES[number % len(LATIN_LANGUAGES)]}-{number // len(LATIN_LANGUAGES):03}"


def main(arguments: list[str] | None = None) -> int:
    """Make the folder that the arguments ask for; 2 where the corpus or the fonts are missing."""
    return command.run(__doc__, lines, 50 * len(LATIN_LANGUAGES), arguments, name)


if __name__ == "__main__":
    sys.exit(main())
