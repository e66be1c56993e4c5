"""Lines of every language that a model spells, drawn with a fixed seed: what it may not forget."""

import random
import re
from collections.abc import Iterator

from handler.model import CRNNConfig
from training.evaluation.metrics import spaced
from training.fonts.typefaces import is_wide
from training.labelled import Sample
from training.render.line import DOMAINS, draw_line, draw_text
from training.test_sets.latin_lines import LATIN_LANGUAGES
from training.text.generator import spoken

GROUPS = {
    "English": ("en",),
    "Latin languages": LATIN_LANGUAGES,
    "Chinese": ("zh", "zh_hant"),
    "Japanese": ("ja",),
}
KINDS = ("document", "receipt", "screen", "scene")
SEED = "finetune"
_LEADERS = re.compile(r"[.…‥・·_-]{3}|…")
"""Dots up to a page number and the like: how many there are nobody can tell, and each would count."""


def test_lines(config: CRNNConfig, count: int) -> dict[str, list[Sample]]:
    """So many lines of each of GROUPS that the alphabet spells; line n depends on its group and n alone.

    Raises:
        FileNotFoundError: the corpus or the fonts are missing.
    """
    known = spoken(config.alphabet)
    groups = {name: [each for each in languages if each in known] for name, languages in GROUPS.items()}
    return {name: list(_lines(config, group, count)) for name, group in groups.items() if group}


def _lines(config: CRNNConfig, languages: list[str], count: int) -> Iterator[Sample]:
    for number in range(count):
        language = languages[number % len(languages)]
        rng = random.Random(f"{SEED}-{language}-{number}")
        domain = DOMAINS[KINDS[number // len(languages) % len(KINDS)]]
        while True:
            text, path = draw_text(rng, domain, config.alphabet, language)
            if _is_of(language, text):
                image = draw_line(rng, domain, text, path, colour=config.channels == 3)
                yield Sample(image, spaced(text))
                break


def _is_of(language: str, text: str) -> bool:
    """Whether a text has letters, in Chinese and Japanese those of these languages, and no leaders."""
    if _LEADERS.search(text):
        return False
    return is_wide(text) if language in ("zh", "zh_hant", "ja") else any(map(str.isalpha, text))
