"""Constrained CTC decoding: the best reading of a line that matches a pattern, or is in a lexicon.

A prefix beam search (Hannun et al., "First-Pass Large Vocabulary Continuous Speech Recognition using
Bi-Directional Recurrent DNNs", 2014, algorithm 1) in which only prefixes of matching texts live on. The
library `regex` tells by partial matching whether a text is one.
"""

import math
import time
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np
import regex
from torch import Tensor

from handler.charset import BLANK
from handler.decode import Match, Recognition, probability
from handler.emissions import Emissions
from handler.image import InvalidImageError
from handler.repetition import calls_itself, is_verbose, written_out
from handler.scripts import FULL_WIDTH

MAX_PATTERN, MAX_WORDS, MAX_WORD = 500, 5000, 100
"""Characters of a pattern, words of a lexicon, characters of a word, at most."""
LONGEST = 10_000
"""Characters and classes of a pattern at most, with what is repeated written out."""
BEAMS, CHOICES, LEAST = 24, 40, 1e-7
"""Prefixes that live on after each frame; the likeliest classes of a frame that are tried, and how probable
they must be."""
ODD = 1e-3
"""How probable beforehand it is that a line that is to match is no match, but what it reads like without."""
LOST = 1e-6
"""How probable the likeliest prefix must be, beside what the line reads like without."""
ALIKE = ("0Oo〇", "1Iil|!", "2Zz", "5Ss", "6G", "8B", "Cc", "Kk", "Pp", "Uu", "Vv", "Ww", "Xx×")
"""Characters that look alike."""
LIKELY = 0.3
"""How probable it is that one was taken for another, where only that matches."""
SECONDS = 5.0
"""Of CPU time that a pattern may take in one request; then nothing more matches it."""


@dataclass(frozen=True)
class Constraint:
    """What a line is to say: all of its text matches the `pattern`, or is one of the `words`, or both."""

    pattern: str | None = None
    words: tuple[str, ...] = ()
    """In order."""
    _known: dict[str, tuple[bool, bool]] = field(default_factory=dict, compare=False, repr=False)
    _spent: list[float] = field(default_factory=lambda: [0.0], compare=False, repr=False)

    @classmethod
    def of(cls, pattern: str | None, lexicon: Sequence[str] | None) -> "Constraint | None":
        """None where nothing is asked for.

        Raises:
            InvalidImageError: the pattern is not a regular expression, or one of them is too long (422).
        """
        if pattern is None and lexicon is None:
            return None
        words = tuple(sorted({word.strip() for word in lexicon or ()} - {""}))
        if lexicon is not None and not 0 < len(words) <= MAX_WORDS:
            raise _invalid("lexicon", f"A lexicon has 1 to {MAX_WORDS:,} words; this one has {len(words):,}.")
        if any(len(word) > MAX_WORD for word in words):
            raise _invalid("lexicon", f"A word of a lexicon has at most {MAX_WORD} characters.")
        constraint = cls(pattern, words)
        if pattern is not None:
            _check(pattern)
        return constraint

    def allows(self, text: str) -> tuple[bool, bool]:
        """Whether a matching text may begin so, and whether this is one."""
        if text not in self._known:
            self._known[text] = self._look(text)
        return self._known[text]

    def _look(self, text: str) -> tuple[bool, bool]:
        begins = matches = True
        if self.words:
            place = bisect_left(self.words, text)
            next_word = self.words[place] if place < len(self.words) else ""
            begins, matches = next_word.startswith(text), next_word == text
        if begins and self.pattern is not None:
            found = self._match(self.pattern, text)
            begins, matches = found is not None, matches and found is not None and not found.partial
        return begins, matches

    @property
    def is_given_up(self) -> bool:
        """Whether the pattern took too long."""
        return self._spent[0] >= SECONDS

    def _match(self, pattern: str, text: str) -> "regex.Match[str] | None":
        if self.is_given_up:
            return None
        started = time.thread_time()
        try:
            found = _compiled(pattern).fullmatch(text, partial=True, timeout=SECONDS)
        except (TimeoutError, MemoryError):
            self._spent[0] = SECONDS
            return None
        self._spent[0] += time.thread_time() - started
        return found


def _check(pattern: str) -> None:
    """Raises InvalidImageError unless it is a pattern that can be compiled without harm."""
    if len(pattern) > MAX_PATTERN:
        raise _invalid("pattern", f"A pattern has at most {MAX_PATTERN} characters.")
    if calls_itself(pattern) or is_verbose(pattern):
        raise _invalid("pattern", "A pattern cannot call a group of itself, or be verbose, as after (?x).")
    if written_out(pattern) > LONGEST:
        raise _invalid("pattern", f"Written out, the repetitions of the pattern are over {LONGEST:,} long.")
    _compiled(pattern)


def _compiled(pattern: str) -> "regex.Pattern[str]":
    try:
        return regex.compile(pattern, regex.V0)  # the library keeps what it has compiled
    except (regex.error, OverflowError, RecursionError) as error:
        raise _invalid("pattern", f"The pattern is not a valid regular expression: {error}.") from None


def _invalid(name: str, detail: str) -> InvalidImageError:
    return InvalidImageError("invalid-request", detail, 422, name)


def with_match(
    reading: Recognition, emissions: Emissions, alphabet: str, constraint: Constraint
) -> Recognition:
    """The reading of a line with its best match, if the line matches probably.

    The confidence is Bayes' rule over the texts that match: that of one, of all that were found, and of the
    line being no match after all (see ODD).
    """
    if not reading.text:
        return reading
    if constraint.allows(reading.text)[1]:
        return reading.matching(Match(reading.text, reading.confidence))
    found = _search(emissions, alphabet, constraint)
    scores = {text: beam.factor * _probability(emissions, beam.labels) for text, beam in found.items()}
    total, other = sum(scores.values()), ODD * reading.confidence
    if total <= other:
        return reading
    best = max(scores, key=scores.__getitem__)
    return reading.matching(Match(best, scores[best] / (total + other)))


def _probability(emissions: Emissions, labels: tuple[int, ...]) -> float:
    classes = [BLANK, *sorted(set(labels))]
    return probability(emissions.of(classes), [classes.index(label) for label in labels])


class _Beam(NamedTuple):
    """A prefix by the classes that spell it, how probable it is that these stand for other characters where
    they do, and the shares of the paths to it that end in a blank and in its last character."""

    labels: tuple[int, ...] = ()
    factor: float = 1.0
    blank: float = 1.0
    written: float = 0.0

    @property
    def total(self) -> float:
        return self.blank + self.written

    def share(self, label: int) -> float:
        """Of the paths that one more `label` may follow."""
        return self.blank if self.labels[-1:] == (label,) else self.total


Beams = dict[str, _Beam]
"""By their text."""


def _search(emissions: Emissions, alphabet: str, constraint: Constraint) -> Beams:
    """Matching texts that are among the likeliest.

    Spaces in front of a text and after one that matches are none of it.
    """
    beams: Beams = {"": _Beam()}
    lead = 1.0
    space = alphabet.find(" ") + 1
    for blank, classes in _frames(emissions):
        grown = {}
        for text, beam in beams.items():
            is_end = not text or constraint.allows(text)[1]
            silence = blank + (classes.get(space, 0.0) if is_end and space else 0.0)
            again = classes.get(beam.labels[-1], 0.0) if beam.labels else 0.0
            grown[text] = beam._replace(blank=beam.total * silence, written=beam.written * again)
        longer = [
            (share * beam.share(label), text, label)
            for text, beam in beams.items()
            for label, share in classes.items()
        ]
        _grow(grown, beams, sorted(longer, reverse=True), alphabet, constraint)
        best = sorted(grown.items(), key=lambda item: -item[1].total)[:BEAMS]
        scale = best[0][1].total
        lead *= scale / max(blank, *classes.values(), 0.0)
        if lead < LOST:
            return {}
        beams = {
            text: beam._replace(blank=beam.blank / scale, written=beam.written / scale) for text, beam in best
        }
    return {text: beam for text, beam in beams.items() if constraint.allows(text)[1]}


def _grow(
    grown: Beams,
    beams: Beams,
    longer: list[tuple[float, str, int]],
    alphabet: str,
    constraint: Constraint,
) -> None:
    """Add what `beams` become with one class more, the likeliest first: as many as live on, at most."""
    added = 0
    for share, text, label in longer:
        if added >= BEAMS:
            return
        for char, factor in _forms(alphabet[label - 1]):
            if not constraint.allows(text + char)[0]:
                continue
            before = beams[text]
            new = _Beam((*before.labels, label), factor * before.factor, 0.0, factor * share)
            known = grown.get(text + char)
            grown[text + char] = known._replace(written=known.written + new.written) if known else new
            added += not known


@cache
def _forms(char: str) -> tuple[tuple[str, float], ...]:
    """What a character that was read may stand for, and how probable that is where it must."""
    half = FULL_WIDTH.get(char, char)
    plain = unicodedata.normalize("NFD", half)[0]
    alike = [other for group in ALIKE if plain in group for other in group]
    forms = dict.fromkeys((*alike, plain), LIKELY) | dict.fromkeys((char, half), 1.0)
    return tuple(sorted(forms.items(), key=lambda form: -form[1]))


def _frames(emissions: Emissions) -> Iterator[tuple[float, dict[int, float]]]:
    """Of each frame that was looked at the probability of the blank, and of its likeliest other classes;
    where frames were left out, one that is blank."""
    log_probs = emissions.log_probs.cpu()
    before = -1
    for frame, scores in zip(emissions.looked_at.tolist(), log_probs, strict=True):
        if frame > before + 1:
            yield 1.0, {}
        before = frame
        yield math.exp(scores[BLANK]), _likeliest(scores)


def _likeliest(scores: Tensor) -> dict[int, float]:
    shares = np.exp(scores.numpy())
    shares[BLANK] = 0.0
    some = np.argpartition(shares, -CHOICES)[-CHOICES:] if len(shares) > CHOICES else np.arange(len(shares))
    return {int(label): float(shares[label]) for label in some if shares[label] > LEAST}
