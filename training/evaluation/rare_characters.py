"""How well a model reads rare characters, beside how often training draws them.

    python -m training.evaluation.rare_characters crnn_v2  # a model in model_store/weights
    python -m training.evaluation.rare_characters FILE --drawn 1000000  # a weights file; more lines of text

The characters of the model's alphabet are put in bands by how often they stand in so many lines of text.
Fresh lines of all domains are then read, and random strings of each band besides, so that rare characters are
met often enough. Printed is, by band, the share of the characters' occurrences that the model found
(metrics.found) and the characters it misses most. `make corpus` and `make fonts` come first.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator

from handler.model import CRNN
from training.alphabet_choice import DRAWN, bands, drawn
from training.evaluation.evaluate import UnusableInputError, find_model, read_all
from training.evaluation.metrics import found
from training.export import served
from training.labelled import Sample
from training.render.line import DOMAINS, choose_font, draw_line, render

DRAWN_LINES = 2000
OCCURRENCES = 400
"""Occurrences of each band's characters in its random strings, about."""
LONGEST = 6
"""Characters of a random string; fewer where no font has them all."""
SHOWN = 20


def random_line(rng: random.Random, chars: list[str], alphabet: str) -> Sample | None:
    """A line with some of the characters, or None where none of those drawn is in any font."""
    domain, text = rng.choice(list(DOMAINS.values())), "".join(rng.choices(chars, k=LONGEST)).strip()
    while text:
        path = choose_font(rng, domain, text, alphabet)
        if path:
            return Sample(draw_line(rng, domain, text, path), text)
        text = text[: len(text) // 2].strip()
    return None


def lines(rng: random.Random, alphabet: str, count: int, groups: list[list[str]]) -> Iterator[Sample]:
    """`count` lines of text, of the domains in turn, and strings with OCCURRENCES characters a group."""
    domains = list(DOMAINS.values())
    for number in range(count):
        yield Sample(*render(rng, domains[number % len(domains)], alphabet))
    for group in filter(None, groups):
        left = OCCURRENCES
        for _ in range(OCCURRENCES):  # where fonts lack what is drawn there will be fewer
            sample = random_line(rng, group, alphabet) if left > 0 else None
            if sample:
                left -= len(sample.text)
                yield sample


def count_found(pairs: list[tuple[str, str]]) -> tuple[Counter[str], Counter[str]]:
    """How often each character stands in the labels of (reading, label) pairs, and how often it was found."""
    there, right = Counter[str](), Counter[str]()
    for read, label in pairs:
        there.update(label)
        right.update(char for char, ok in zip(label, found(label, read), strict=True) if ok)
    return there, right


def report(model: CRNN, often: Counter[str], count: int, seed: int = 1) -> Iterator[str]:
    """Lines with each band's share on `count` lines of text; `often` says how often characters are drawn."""
    alphabet = model.config.alphabet
    table = bands(alphabet, often)
    rng = random.Random(f"bands-{seed}")
    samples = list(lines(rng, alphabet, count, [group for _, _, group in table]))
    readings = read_all(model, samples)
    there, right = count_found([(r.text, s.text) for r, s in zip(readings, samples, strict=True)])
    for low, high, group in table:
        total, hits = (sum(counts[char] for char in group) for counts in (there, right))
        if total:
            missed = sorted((c for c in group if there[c] > right[c]), key=lambda c: right[c] / there[c])
            head = f"drawn {low} to {high - 1} times: {len(group):5} characters"
            yield f"{head}, {hits / total:.4f} of {total:6} found   {''.join(missed[:SHOWN])}".rstrip()


def main(arguments: list[str] | None = None) -> int:
    """Print the report on a model; 2 where it, the corpus or the fonts cannot be read."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "--drawn", type=int, default=DRAWN, help="lines of text in which characters are counted"
    )
    parser.add_argument("--lines", type=int, default=DRAWN_LINES, help="lines of text that are read")
    options = parser.parse_args(arguments)
    try:
        model = served(find_model(options.model)[0])
        often = drawn(model.config.alphabet, options.drawn)
        print(*report(model, often, options.lines), sep="\n")
    except (UnusableInputError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
