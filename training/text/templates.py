"""Templates of text.toml made ready to draw: text with fields to fill in; see generator.py for the forms."""

import random
import re
import string
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any
from unicodedata import normalize


class Choice:
    """Items to draw from, each as often as its weight says; with none, an empty text is drawn."""

    def __init__(self, items: Iterable[Any], weights: Iterable[float]) -> None:
        self.items = list(items)
        self.sums = list(accumulate(weights))

    def draw(self, rng: random.Random) -> Any:
        if not self.items:
            return ""
        return self.items[bisect(self.sums, rng.random() * self.sums[-1], 0, len(self.items) - 1)]


@dataclass
class Language:
    """A language as its section of text.toml and its files of the corpus have it, within one alphabet."""

    joiner: str
    natural: Choice
    """Words as often as in running text, nearly."""
    flat: Choice
    """The same words, drawn flatter so that all are seen."""
    prose: str
    """Running text, a paragraph a line."""
    rare: Choice
    """All characters of its own but the space, rare ones before common ones."""
    having: dict[str, list[str]] = field(default_factory=dict)
    """Some words that have a character, for languages with thousands of them."""
    rare_words: float = 0.0
    """Share of words chosen for a rare character."""
    rules: dict[str, "Choice | Field"] = field(default_factory=dict)
    """Compiled templates by the name of their rule, and the fields that are code."""
    others: dict[str, "Language"] = field(default_factory=dict)
    """All languages of the alphabet by name, for words of one in lines of another."""


Field = Callable[[random.Random, Language], str]


def cased(rng: random.Random, text: str) -> str:
    """Case as scenes have it: UPPER, lower, Capitalized, now and then mIxEd."""
    style = rng.random()
    if style < 0.38:
        return text.upper()
    if style < 0.68:
        return text
    if style < 0.97:
        return text[:1].upper() + text[1:]
    return "".join(rng.choice((c.lower(), c.upper())) for c in text)


def _title(text: str) -> str:
    return " ".join(part[:1].upper() + part[1:] for part in text.split(" "))


def _printed(rng: random.Random, text: str) -> str:
    """Case as on receipts."""
    style = rng.random()
    return text.upper() if style < 0.75 else _title(text.lower()) if style < 0.93 else text.lower()


_TO_FULL = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_HALF_KANA = {
    normalize("NFKC", half): half
    for kana in map(chr, range(0xFF66, 0xFFA0))
    for half in (kana, kana + "ﾞ", kana + "ﾟ")
    if len(normalize("NFKC", half)) == 1
} | {"。": "｡", "「": "｢", "」": "｣", "、": "､", "・": "･"}
_TO_HALF = {full: half for half, full in _TO_FULL.items()} | str.maketrans({"、": ",", "。": "."})

CASES: dict[str, Callable[[random.Random, str], str]] = {
    "upper": lambda _, text: text.upper(),
    "lower": lambda _, text: text.lower(),
    "cap": lambda _, text: text[:1].upper() + text[1:],
    "title": lambda _, text: _title(text),
    "often": lambda rng, text: text.upper() if rng.random() < 0.42 else text,
    "scene": cased,
    "print": _printed,
    "full": lambda _, text: text.translate(_TO_FULL),
    "half_kana": lambda _, text: "".join(_HALF_KANA.get(char, char) for char in text),
    "half": lambda _, text: text.translate(_TO_HALF),
}


def expand(rng: random.Random, language: Language, name: str) -> str:
    """Draw one of a rule's templates and fill it in."""
    rule = language.rules[name]
    if not isinstance(rule, Choice):
        return rule(rng, language)
    template = rule.draw(rng)
    if isinstance(template, str):
        return template
    return "".join([part if isinstance(part, str) else part(rng, language) for part in template])


_FIELD = re.compile(r"\{([^{}]*)\}")
_NUMBERS = re.compile(r"(\d+)-(\d+)")
_NAMED = re.compile(r"(?:(\w+)\.)?(\w+)(?:\*(\d+)-(\d+))?")


def _number(low: str, high: str) -> Field:
    first, count = int(low), int(high) - int(low) + 1
    width = len(low) if low.startswith("0") and len(low) > 1 else 0
    return lambda rng, _: str(first + int(rng.random() * count)).zfill(width)


def _digits(low: str, high: str) -> Field:
    return lambda rng, _: "".join(rng.choices(string.digits, k=rng.randint(int(low), int(high))))


_SIGNS_OF_PATTERNS = {
    "A": string.ascii_uppercase,
    "a": string.ascii_lowercase,
    "9": string.digits,
    "#": string.ascii_uppercase + string.digits,
    "*": string.ascii_letters + string.digits,
    "?": "0O1Il5S8B2Z6GQD",
    "h": string.hexdigits[:16],
    "H": string.digits + "ABCDEF",
    "V": "".join(sorted(set(string.ascii_uppercase + string.digits) - set("IOQ"))),
}


def _pattern(pattern: str) -> Field:
    spell = _SIGNS_OF_PATTERNS
    return lambda rng, _: "".join([rng.choice(spell[c]) if c in spell else c for c in pattern])


def _several(once: Field, low: str, high: str) -> Field:
    def several(rng: random.Random, language: Language) -> str:
        return language.joiner.join([once(rng, language) for _ in range(rng.randint(int(low), int(high)))])

    return several


def _in_case(field: Field, case: str) -> Field:
    if not case:
        return field
    change = CASES[case]
    return lambda rng, language: change(rng, field(rng, language))


class Compiler:
    """Makes rules of one language ready within one alphabet.

    `known` are the names of its rules, lists and kinds of names, and `empty` those of them with nothing to
    draw; `fields` are those that are code, and `others` the languages loaded before.
    """

    def __init__(
        self,
        known: set[str],
        empty: set[str],
        alphabet: str,
        fields: Mapping[str, Field],
        others: Iterable[str],
    ) -> None:
        self.known, self.empty, self.alphabet = known, empty, set(alphabet)
        self.fields, self.others = fields, set(others)

    def rule(self, name: str, templates: Sequence[str]) -> Choice:
        """Templates ready to draw, less those that cannot be written here.

        Raises:
            ValueError: a field is none of the forms, or names what does not exist.
        """
        compiled, weights = [], []
        for template in templates:
            weight, bar, rest = template.partition("| ")
            weighted = bar and weight.replace(".", "", 1).isdigit()
            parts = _FIELD.split(rest if weighted else template)
            texts = [text.replace("{{", "{").replace("}}", "}") for text in parts[::2]]
            fields = [self._field(body, name) for body in parts[1::2]]
            if set("".join(texts)) <= self.alphabet and all(map(self._can_be_drawn, parts[1::2])):
                mixed = [*(part for pair in zip(texts, fields, strict=False) for part in pair), texts[-1]]
                compiled.append([part for part in mixed if part] if fields else texts[0])
                weights.append(float(weight) if weighted else 1.0)
        return Choice(compiled, weights)

    def _can_be_drawn(self, body: str) -> bool:
        found = _NAMED.fullmatch(body.partition(":")[0])
        if not found:
            return True
        return found[1] in self.others if found[1] else found[2] not in self.empty

    def _field(self, body: str, rule: str) -> Field | str:
        if not body:
            return ""
        if body.startswith("="):
            return _pattern(body[1:])
        kind, _, case = body.partition(":")
        field = self._of_kind(kind, rule)
        if not field or (case or "cap") not in CASES:
            raise ValueError(f"text.toml: {{{body}}} is no field, rule, list or case")
        return _in_case(field, case)

    def _of_kind(self, kind: str, rule: str) -> Field | None:
        if found := _NUMBERS.fullmatch(kind):
            return _number(*found.groups())
        if kind.startswith("d") and (found := _NUMBERS.fullmatch(kind[1:])):
            return _digits(*found.groups())
        found = _NAMED.fullmatch(kind)
        if not found or not (found[1] or found[2] in self.known):
            return None
        once = self._once(found[1], found[2], rule)
        return _several(once, found[3], found[4]) if found[3] else once

    def _once(self, other: str | None, name: str, rule: str) -> Field:
        """A function that draws a rule once: of another language, of this one, or, in itself, the code."""
        if other:
            return lambda rng, language: expand(rng, language.others[other], name)
        if name == rule and name in self.fields:
            return self.fields[name]
        return lambda rng, language: expand(rng, language, name)
