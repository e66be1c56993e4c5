"""Text to render: what stands on signs, receipts, invoices, letters and screens, as an endless random stream.

text.toml, and text_*.toml beside it with a language each, say what is written: languages, and rules that are
filled in at random. `make corpus` brings the words, names and running text that the rules draw on. So a new
language is data, not code. A rule is one or more templates, `5| ` before a template being its weight (1
otherwise); a template holds text and fields:

    {}            nothing                       {date}        a rule, a list, or a kind of name of the corpus
    {1-31}        an integer, {01-31} padded    {word*2-4}    two to four of them with the language's joiner
    {d3-5}        three to five digits          {word:upper}  in upper, lower, full width, …; see CASES
    {=AA-999}     A a letter, 9 a digit, …      {en.word}     the same in another language
    {{ and }}     braces before or after a field
"""

import random
import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from unicodedata import category, east_asian_width

from handler.charset import ASCII
from training.text import mrz
from training.text.amounts import capitals
from training.text.languages import load
from training.text.templates import Choice, Field, Language, expand

MAX_CHARS = 60
MAX_WIDTH = 44
"""Length of a line with wide characters, these counting two and others one."""
LONG_CHARS = 110
LONG_WIDTH = 66
"""The same of the lines of wide columns."""
CORPUS = Path(".cache/corpus")
CLOSED = 0.65
"""How often lines have no spaces between wide characters and others; those left are drawn as clear gaps."""
_MIXED = re.compile(
    r"(?<=[\u3041-\u9fff\uff66-\uff9f]) (?=[0-9A-Za-z])|(?<=[0-9A-Za-z%]) (?=[\u3041-\u9fff\uff66-\uff9f])"
)
DESCRIPTION = Path(__file__).with_name("text.toml")

Mix = dict[str, float]
"""Rules (or fields of `FIELDS`) and how often each is drawn."""

_MIXES: dict[str, Mix] = tomllib.loads(DESCRIPTION.read_text("utf-8"))["mix"]
SCENE, RECEIPT, DOCUMENT, PLATE = (_MIXES[kind] for kind in ("scene", "receipt", "document", "plate"))
CODE, MACHINE, DIGITS, BOARD, LONG = (_MIXES[kind] for kind in ("code", "machine", "digits", "board", "long"))


def width(char: str) -> int:
    """Columns of a character: 2 where Chinese and Japanese fonts give it a square, else 1."""
    return 1 if char.isascii() or east_asian_width(char) not in "WFA" else 2


def fit(text: str, columns: int = MAX_WIDTH, chars: int = MAX_CHARS) -> str:
    """The text cut to a number of characters, or, if some are wide, to a number of columns."""
    if text.isascii() or not any(east_asian_width(char) in "WF" for char in text):
        return text[:chars]
    used = 0
    for index, char in enumerate(text):
        used += width(char)
        if used > columns:
            return text[:index]
    return text


def close(text: str) -> str:
    """The text without the spaces between wide characters and Latin words or figures, as many print it."""
    return _MIXED.sub("", text)


def without_gaps_at_signs(text: str) -> str:
    """The text without the spaces beside full-width signs, whose squares have gaps of their own."""

    def kept(run: re.Match[str]) -> str:
        return "" if _has_gap(text[run.start() - 1]) or _has_gap(text[run.end() % len(text)]) else run[0]

    return re.sub(r"\s+", kept, text.strip())


@cache
def _has_gap(char: str) -> bool:
    """Whether it is punctuation that a Chinese or Japanese font sets in a square of its own."""
    room, letter = east_asian_width(char), char.isalnum()
    return not letter and not char.isspace() and (room in "FW" or (room == "A" and category(char)[0] == "P"))


def _word(rng: random.Random, language: Language) -> str:
    if language.rare_words and rng.random() < language.rare_words:
        return _rare_word(rng, language)
    return str((language.natural if rng.random() < 0.5 else language.flat).draw(rng))


def _sentence(rng: random.Random, language: Language) -> str:
    """Words with what clings to them, cut anywhere, as a line of a paragraph is."""
    parts, capital = [], rng.random() < 0.4
    for _ in range(rng.randint(3, 8)):
        part = expand(rng, language, "part")
        parts.append(part[:1].upper() + part[1:] if capital else part)
        capital = part[-1:] in ".?!。"
    return language.joiner.join(parts)


def _running_text(rng: random.Random, language: Language) -> str:
    """A line cut out of real prose between words: real case, signs and neighbours."""
    return _stretch(rng, language, rng.randint(12, MAX_CHARS), MAX_WIDTH)


def _long_text(rng: random.Random, language: Language) -> str:
    """The same as long as a line of a wide column is."""
    length = rng.randint(MAX_CHARS, LONG_CHARS)
    columns = length * LONG_WIDTH // LONG_CHARS
    return max((_stretch(rng, language, length, columns) for _ in range(4)), key=len)


def _stretch(rng: random.Random, language: Language, length: int, columns: int) -> str:
    if not language.prose:
        sentences = (_sentence(rng, language) for _ in range(1 + length // MAX_CHARS))
        return language.joiner.join(sentences)[:length].rpartition(language.joiner)[0]
    start = rng.randrange(len(language.prose))
    if not language.joiner:
        return _cut(language.prose, start, min(length, columns))
    start = language.prose.find(language.joiner, start) + 1
    line, ended, _ = language.prose[start : start + length + 1].partition("\n")
    if len(line) > length:
        line = line.rpartition(language.joiner)[0]
    return line


_BEGIN = re.compile(r"(?<![!-~])[^\s、。，．！？：；…」』）】》〉”’·・ーァィゥェォッャュョ]", re.ASCII)
_CLAUSE = re.compile(
    r"[\n、。，！？：；…」）】》”]([^\n、。，！？：；…—「」『』（）()【】《》“”]{2,})", re.ASCII
)


def _cut(prose: str, start: int, columns: int) -> str:
    """Part of one paragraph of prose without spaces, not from within a Latin word or at a clause's end."""
    found = _BEGIN.search(prose, start)
    start = found.start() if found else 0
    return fit(prose[start : start + columns].partition("\n")[0], columns)


def _clause(rng: random.Random, language: Language) -> str:
    """A short stretch of real prose between two signs."""
    if not language.prose:
        return _word(rng, language)
    found = _CLAUSE.search(language.prose, rng.randrange(len(language.prose)))
    return fit(found[1], rng.randint(10, 40)).strip() if found else _word(rng, language)


def _random_string(rng: random.Random, language: Language) -> str:
    """Any characters, so that the rare ones and unlikely neighbours are learned as well."""
    return "".join(language.rare.draw(rng) for _ in range(rng.randint(1, 12)))


def _rare_characters(rng: random.Random, language: Language) -> str:
    """One to eight characters, rare ones before common ones; letters and signs apart: few fonts have both."""
    drawn = [str(language.rare.draw(rng)) for _ in range(rng.randint(1, 10))][:8]
    return "".join(char for char in drawn if char.isalpha() == drawn[0].isalpha())


def _rare_word(rng: random.Random, language: Language) -> str:
    """A word with a rare character in it, or the character alone."""
    char = str(language.rare.draw(rng))
    return rng.choice(language.having.get(char) or [char])


def _capitals(rng: random.Random, language: Language) -> str:
    """An amount in the capitals of invoices, with the language's own characters."""
    return capitals(int(10 ** rng.uniform(1, 8)), expand(rng, language, "capital_signs"))


def _capitals_and_figures(rng: random.Random, language: Language) -> str:
    """One amount in capitals and in figures, with what stands between."""
    cents = int(10 ** rng.uniform(1, 8))
    words = capitals(cents, expand(rng, language, "capital_signs"))
    return f"{words}{expand(rng, language, 'in_figures')}{cents / 100:.2f}"


def _mrz(rng: random.Random, language: Language) -> str:
    """A line of the machine-readable zone of a passport or card, with words in Latin letters for names."""
    spelled = language if language.joiner else language.others.get("en", language)
    surname, *given = (_word(rng, spelled) for _ in range(rng.randint(2, 3)))
    return mrz.line(rng, surname, " ".join(given))


FIELDS: dict[str, Field] = {
    "word": _word,
    "sentence": _sentence,
    "running_text": _running_text,
    "long_text": _long_text,
    "mrz": _mrz,
    "clause": _clause,
    "random_string": _random_string,
    "rare_characters": _rare_characters,
    "rare_word": _rare_word,
    "capitals": _capitals,
    "capitals_and_figures": _capitals_and_figures,
}


@lru_cache(maxsize=8)
def _languages(description: Path, corpus: Path, alphabet: str) -> Choice:
    """The languages that the alphabet spells, by their shares."""
    return load(description, corpus, alphabet, FIELDS)


def spoken(alphabet: str) -> frozenset[str]:
    """Names of the languages of text.toml that the alphabet spells.

    Raises:
        FileNotFoundError: the corpus was not made.
    """
    return frozenset(_languages(DESCRIPTION, CORPUS.absolute(), alphabet).items[0].others)


_characters = lru_cache(maxsize=8)(frozenset)


@lru_cache(maxsize=64)
def _rules(mix: tuple[tuple[str, float], ...]) -> Choice:
    return Choice((name for name, _ in mix), (weight for _, weight in mix))


def draw(rng: random.Random, mix: Mix, alphabet: str = ASCII, long: bool = False, language: str = "") -> str:
    """One line of at most MAX_CHARS characters or MAX_WIDTH columns, or of LONG_…; no space at its ends.

    It is in one language where it is named, and else in any, by their shares.

    Raises:
        FileNotFoundError: the corpus was not made.
        ValueError: text.toml has a mistake, or no language that the alphabet spells.
    """
    languages, rules = _languages(DESCRIPTION, CORPUS.absolute(), alphabet), _rules(tuple(mix.items()))
    columns, chars = (LONG_WIDTH, LONG_CHARS) if long else (MAX_WIDTH, MAX_CHARS)
    while True:
        written_in = languages.items[0].others[language] if language else languages.draw(rng)
        text = fit(expand(rng, written_in, rules.draw(rng)), columns, chars).strip()
        if any(east_asian_width(char) in "WFH" and not char.isascii() for char in text):
            text = without_gaps_at_signs(text)
            text = close(text) if rng.random() < CLOSED else text
        if text and _characters(alphabet).issuperset(text):
            return text
