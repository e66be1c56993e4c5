"""Text to render: what stands on signs, receipts, invoices, letters and screens, as an endless random stream.

text.toml says what is written: languages, and rules that are filled in at random. `make corpus` brings the
words, names and running text that the rules draw on. So a new language is data, not code. A rule is one or
more templates, `5| ` before a template being its weight (1 otherwise); a template holds text and fields:

    {}            nothing                       {date}        a rule, a list, or a kind of name of the corpus
    {1-31}        an integer, {01-31} padded    {word*2-4}    two to four of them with the language's joiner
    {d3-5}        three to five digits          {word:upper}  in upper, lower, cap, title; see CASES
    {=AA-999}     A a letter, 9 a digit         {{ and }}     braces before or after a field
"""

import random
import re
import string
import tomllib
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from handler.charset import ASCII

MAX_CHARS = 60
CORPUS = Path(".cache/corpus")
DESCRIPTION = Path(__file__).with_suffix(".toml")

Mix = dict[str, float]
"""Rules (or fields of `FIELDS`) and how often each is drawn."""

_MIXES: dict[str, Mix] = tomllib.loads(DESCRIPTION.read_text("utf-8"))["mix"]
SCENE, RECEIPT, DOCUMENT = _MIXES["scene"], _MIXES["receipt"], _MIXES["document"]


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
    """All characters but the space, rare ones before common ones."""
    rules: dict[str, Choice] = field(default_factory=dict)
    """Compiled templates by the name of their rule."""


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


CASES: dict[str, Callable[[random.Random, str], str]] = {
    "upper": lambda _, text: text.upper(),
    "lower": lambda _, text: text.lower(),
    "cap": lambda _, text: text[:1].upper() + text[1:],
    "title": lambda _, text: _title(text),
    "often": lambda rng, text: text.upper() if rng.random() < 0.42 else text,
    "scene": cased,
    "print": _printed,
}


def _word(rng: random.Random, language: Language) -> str:
    return str((language.natural if rng.random() < 0.5 else language.flat).draw(rng))


def _sentence(rng: random.Random, language: Language) -> str:
    """Words with what clings to them, cut anywhere, as a line of a paragraph is."""
    parts, capital = [], rng.random() < 0.4
    for _ in range(rng.randint(3, 8)):
        part = _expand(rng, language, "part")
        parts.append(part[:1].upper() + part[1:] if capital else part)
        capital = part[-1:] in ".?!。"
    return language.joiner.join(parts)


def _running_text(rng: random.Random, language: Language) -> str:
    """A line cut out of real prose between words: real case, signs and neighbours."""
    if not language.prose:
        return _sentence(rng, language)
    length = rng.randint(12, MAX_CHARS)
    start = rng.randrange(len(language.prose))
    if language.joiner:
        start = language.prose.find(language.joiner, start) + 1
    line, ended, _ = language.prose[start : start + length + 1].partition("\n")
    if len(line) > length:
        line = line[:length] if not language.joiner else line.rpartition(language.joiner)[0]
    return line


def _random_string(rng: random.Random, language: Language) -> str:
    """Any characters, so that the rare ones and unlikely neighbours are learned as well."""
    return "".join(language.rare.draw(rng) for _ in range(rng.randint(1, 12)))


FIELDS: dict[str, Field] = {
    "word": _word,
    "sentence": _sentence,
    "running_text": _running_text,
    "random_string": _random_string,
}


def _expand(rng: random.Random, language: Language, name: str) -> str:
    if name in FIELDS:
        return FIELDS[name](rng, language)
    template = language.rules[name].draw(rng)
    if isinstance(template, str):
        return template
    return "".join([part if isinstance(part, str) else part(rng, language) for part in template])


_FIELD = re.compile(r"\{([^{}]*)\}")
_NUMBERS = re.compile(r"(\d+)-(\d+)")
_NAMED = re.compile(r"(\w+)(?:\*(\d+)-(\d+))?(?::(\w+))?")


def _number(low: str, high: str) -> Field:
    first, count = int(low), int(high) - int(low) + 1
    width = len(low) if low.startswith("0") and len(low) > 1 else 0
    return lambda rng, _: str(first + int(rng.random() * count)).zfill(width)


def _digits(low: str, high: str) -> Field:
    return lambda rng, _: "".join(rng.choices(string.digits, k=rng.randint(int(low), int(high))))


def _pattern(pattern: str) -> Field:
    spell = {"A": string.ascii_uppercase, "a": string.ascii_lowercase, "9": string.digits}
    return lambda rng, _: "".join([rng.choice(spell[c]) if c in spell else c for c in pattern])


def _named(name: str, low: str | None, high: str | None, case: str | None) -> Field:
    """A field that expands a rule, once or with the joiner between several, in the case asked for."""

    def once(rng: random.Random, language: Language) -> str:
        return _expand(rng, language, name)

    def several(rng: random.Random, language: Language) -> str:
        return language.joiner.join(
            [once(rng, language) for _ in range(rng.randint(int(low or 1), int(high or 1)))]
        )

    inner = several if low else once
    if not case:
        return inner
    change = CASES[case]
    return lambda rng, language: change(rng, inner(rng, language))


def _compile_field(body: str, known: set[str]) -> Field | str:
    """What a field of a template draws.

    Raises:
        ValueError: it is none of the forms above, or names a rule or case that does not exist.
    """
    if not body:
        return ""
    if body.startswith("="):
        return _pattern(body[1:])
    if found := _NUMBERS.fullmatch(body):
        return _number(*found.groups())
    if body.startswith("d") and (found := _NUMBERS.fullmatch(body[1:])):
        return _digits(*found.groups())
    found = _NAMED.fullmatch(body)
    if not found or found[1] not in known or (found[4] or "cap") not in CASES:
        raise ValueError(f"text.toml: {{{body}}} is no field, rule, list or case")
    return _named(*found.groups())


def _compile_rule(templates: Sequence[str], known: set[str], empty: set[str], alphabet: set[str]) -> Choice:
    """Templates ready to draw, less those with text outside the alphabet or with names the corpus lacks."""
    compiled, weights = [], []
    for template in templates:
        weight, bar, rest = template.partition("| ")
        weighted = bar and weight.replace(".", "", 1).isdigit()
        parts = _FIELD.split(rest if weighted else template)
        texts = [text.replace("{{", "{").replace("}}", "}") for text in parts[::2]]
        fields = [_compile_field(body, known) for body in parts[1::2]]
        if set("".join(texts)) <= alphabet and not empty & {
            re.split("[*:]", body)[0] for body in parts[1::2]
        }:
            mixed = [*(part for pair in zip(texts, fields, strict=False) for part in pair), texts[-1]]
            compiled.append([part for part in mixed if part] if fields else texts[0])
            weights.append(float(weight) if weighted else 1.0)
    return Choice(compiled, weights)


def _read(path: Path) -> list[str]:
    """Lines of a file of the corpus.

    Raises:
        FileNotFoundError: the corpus was not made.
    """
    try:
        return path.read_text("utf-8").split("\n")[:-1]
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: run `make corpus` first") from None


def _lists(data: dict[str, Any]) -> dict[str, list[str]]:
    """Lists (split at blanks) and rules (a template a line, or an array) of a section of text.toml."""
    rules = data.get("rules", {}).items()
    lines = {name: value.splitlines() if isinstance(value, str) else value for name, value in rules}
    return {name: words.split() for name, words in data.get("lists", {}).items()} | {
        name: [line for line in value if line] for name, value in lines.items()
    }


def _load(name: str, data: dict[str, Any], corpus: Path, alphabet: str) -> Language | None:
    """One language of text.toml, or None where the alphabet spells none of its words."""
    spelled = set(alphabet)
    plain = str.maketrans({char: to for char, to in data["plain"].items() if char not in spelled})
    rows = (row.split("\t") for row in _read(corpus / f"words-{name}.tsv"))
    words = {word: float(often) for word, often in ((w.translate(plain), f) for w, f in rows)}
    words = {word: often**0.35 for word, often in words.items() if set(word) <= spelled}
    if not words:
        return None
    section = data["language"][name]
    lines = (line.translate(plain) for line in _read(corpus / f"prose-{name}.txt"))
    prose = "\n".join(line for line in lines if set(line) <= spelled)
    counts = Counter(prose or section.get("joiner", " ").join(words))
    rare = [char for char in alphabet if char != " "]
    language = Language(
        joiner=section.get("joiner", " "),
        natural=Choice(words, (weight**2 for weight in words.values())),
        flat=Choice(words, words.values()),
        prose=prose,
        rare=Choice(rare, ((1 + counts[char]) ** -0.45 for char in rare)),
    )
    proper: dict[str, list[str]] = {kind: [] for kind in data["kinds"]}
    for kind, line in (row.split("\t") for row in _read(corpus / f"proper-{name}.tsv")):
        if kind in proper and set(line := line.translate(plain)) <= spelled:
            proper[kind].append(line)
    empty = {kind for kind, lines in proper.items() if not lines}
    templates = _lists(data) | _lists(section)
    known = {*templates, *FIELDS, *proper}
    language.rules = {
        rule: _compile_rule(lines, known, empty, spelled) for rule, lines in templates.items()
    } | {kind: Choice(lines, [1.0] * len(lines)) for kind, lines in proper.items()}
    return language


@lru_cache(maxsize=8)
def _languages(description: Path, corpus: Path, alphabet: str) -> Choice:
    """The languages that the alphabet spells, by their shares."""
    data = tomllib.loads(description.read_text("utf-8"))
    loaded = {name: _load(name, data, corpus, alphabet) for name in data["language"]}
    shares = {name: data["language"][name]["share"] for name, language in loaded.items() if language}
    if not shares:
        raise ValueError("no language of text.toml can be written with this alphabet")
    return Choice((loaded[name] for name in shares), shares.values())


@lru_cache(maxsize=64)
def _rules(mix: tuple[tuple[str, float], ...]) -> Choice:
    return Choice((name for name, _ in mix), (weight for _, weight in mix))


def word(rng: random.Random, alphabet: str = ASCII) -> str:
    """A word of any language; every other one as rare as in running text, the rest drawn flatter."""
    return _word(rng, _languages(DESCRIPTION, CORPUS.absolute(), alphabet).draw(rng))


def draw(rng: random.Random, mix: Mix, alphabet: str = ASCII) -> str:
    """One line of at most MAX_CHARS characters of the alphabet, spaces at neither end.

    Raises:
        FileNotFoundError: the corpus was not made.
        ValueError: text.toml has a mistake, or no language that the alphabet spells.
    """
    languages, rules = _languages(DESCRIPTION, CORPUS.absolute(), alphabet), _rules(tuple(mix.items()))
    while True:
        text = _expand(rng, languages.draw(rng), rules.draw(rng))[:MAX_CHARS].strip()
        if text and set(text) <= set(alphabet):
            return text
