"""Measure what a pattern or a lexicon adds: lines read as they are, and as their best match.

    python -m training.evaluation.constrained MODEL FOLDER --pattern '\\d{2}/\\d{2}/\\d{4}'
    python -m training.evaluation.constrained MODEL FOLDER --lexicon words.txt  # one word a line

Of the lines of a FOLDER (see evaluation/lines.py) whose label matches it is told how many are right in
letters and figures, case folded, and how many have no match; of the others, how many have a match.
"""

import argparse
import sys
from pathlib import Path

from handler.constraint import Constraint
from handler.engine import Engine
from handler.recognize import recognize_lines
from training.evaluation.evaluate import exit_status, find_model
from training.evaluation.lines import find_samples
from training.evaluation.metrics import letters
from training.export import served
from training.labelled import Sample

Pair = tuple[str, str | None]


def _said(text: str) -> str:
    return letters(text).casefold()


def run(options: argparse.Namespace) -> None:
    model, _, path = find_model(options.model)
    engine = served(model)
    words = options.lexicon.read_text("utf-8").splitlines() if options.lexicon else None
    print("folder | lines | right | right as match | no match | others | others with a match")
    for folder in options.folders:
        samples = find_samples(folder, options.limit)
        asked = Constraint.of(options.pattern, words)
        matching = [sample for sample in samples if asked and asked.allows(sample.text)[1]]
        others = [sample for sample in samples if not (asked and asked.allows(sample.text)[1])]
        plain = right = none = 0
        for sample in matching:
            text, match = _read(engine, sample, options.pattern, words)
            plain += _said(text) == _said(sample.text)
            right += match is not None and _said(match) == _said(sample.text)
            none += match is None
        false = sum(_read(engine, sample, options.pattern, words)[1] is not None for sample in others)
        row = (f"{path.stem}, {folder.name}", len(matching), plain, right, none, len(others), false)
        print(" | ".join(map(str, row)), flush=True)


def _read(engine: Engine, sample: Sample, pattern: str | None, words: list[str] | None) -> Pair:
    """Text and match of a line; each has a constraint of its own, for its time is bounded."""
    (reading,) = recognize_lines(engine, [sample.image], None, Constraint.of(pattern, words))
    return reading.text, reading.match and reading.match.text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--pattern")
    parser.add_argument("--lexicon", type=Path)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args(arguments)
    return exit_status(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
