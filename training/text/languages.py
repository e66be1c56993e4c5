"""The languages of text.toml and the text_*.toml beside it, with their words and prose of the corpus."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from training.text.templates import Choice, Compiler, Field, Language

SHARED = 0.3
"""How often a rare character is drawn, of once, that another language without spaces draws too."""


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


def describe(path: Path) -> dict[str, Any]:
    """The content of text.toml and the files beside it: text_<language>.toml has one, others have several."""
    data = tomllib.loads(path.read_text("utf-8"))
    for part in sorted(path.parent.glob(f"{path.stem}_*.toml")):
        found = tomllib.loads(part.read_text("utf-8"))
        data["language"] |= found.get("language", {part.stem.removeprefix(f"{path.stem}_"): found})
    return data


def _own(alphabet: str, section: dict[str, Any], words: Iterable[str]) -> list[str]:
    """The characters of the alphabet that belong to a language: of its code or its words, less the space."""
    codec, last = section.get("codec", "ascii"), section.get("last", 0xFFFF)
    used = set("".join([*words, section.get("besides", "")]))
    used |= {char.upper() for char in used}

    def belongs(char: str) -> bool:
        code = char.encode(codec, "ignore")
        return char in used or 0 < int.from_bytes(code or b"\0", "big") <= last

    return [char for char in alphabet if char != " " and belongs(char)]


def _having(words: Iterable[str], most: int = 8) -> dict[str, list[str]]:
    """Some longer words for each character."""
    found: dict[str, list[str]] = {}
    for word in words:
        for char in set(word) if len(word) > 1 else ():
            if len(some := found.setdefault(char, [])) < most:
                some.append(word)
    return found


def _spell(
    name: str, data: dict[str, Any], corpus: Path, alphabet: str, others: dict[str, Language]
) -> Language | None:
    """A language without its rules, or None where the alphabet cannot spell it."""
    spelled, section = set(alphabet), data["language"][name]
    if not set(section.get("needs", "")) <= spelled:
        return None
    plain = _plain(data, alphabet)
    rows = (row.split("\t") for row in _read(corpus / f"words-{name}.tsv"))
    words = {word: float(often) for word, often in ((w.translate(plain), f) for w, f in rows)}
    words = {word: often**0.35 for word, often in words.items() if set(word) <= spelled}
    if not words:
        return None
    joiner = section.get("joiner", " ")
    lines = (line.translate(plain) for line in _read(corpus / f"prose-{name}.txt"))
    prose = "\n".join(line for line in lines if set(line) <= spelled)
    counts = Counter(prose or joiner.join(words))
    rare, power = _own(alphabet, section, words), -section.get("rareness", 0.45)
    weights = {char: (1 + counts[char]) ** power for char in rare}
    if not joiner:  # what another such language draws as well needs less of it
        shared = {char for other in others.values() if not other.joiner for char in other.rare.items}
        weights |= {char: SHARED * weights[char] for char in rare if char in shared}
    return Language(
        joiner=joiner,
        natural=Choice(words, (weight**2 for weight in words.values())),
        flat=Choice(words, words.values()),
        prose=prose,
        rare=Choice(rare, weights.values()),
        having=_having(words) if section.get("rare_words") else {},
        rare_words=section.get("rare_words", 0.0),
    )


def _plain(data: dict[str, Any], alphabet: str) -> dict[int, str]:
    return str.maketrans({char: to for char, to in data["plain"].items() if char not in alphabet})


def _add(
    name: str,
    data: dict[str, Any],
    corpus: Path,
    alphabet: str,
    fields: dict[str, Field],
    others: dict[str, Language],
) -> None:
    """Add one language of text.toml to the others, unless the alphabet cannot spell it."""
    language = _spell(name, data, corpus, alphabet, others)
    if not language:
        return
    plain, spelled = _plain(data, alphabet), set(alphabet)
    proper: dict[str, list[str]] = {kind: [] for kind in data["kinds"]}
    for kind, line in (row.split("\t") for row in _read(corpus / f"proper-{name}.tsv")):
        if kind in proper and set(line := line.translate(plain)) <= spelled:
            proper[kind].append(line)
    empty = {kind for kind, lines in proper.items() if not lines}
    templates = _lists(data) | _lists(data["language"][name])
    compiler = Compiler({*templates, *fields, *proper}, empty, alphabet, fields, others)
    language.rules = fields | {rule: compiler.rule(rule, lines) for rule, lines in templates.items()}
    language.rules |= {kind: Choice(lines, [1.0] * len(lines)) for kind, lines in proper.items() if lines}
    language.others = others
    others[name] = language


def load(description: Path, corpus: Path, alphabet: str, fields: dict[str, Field]) -> Choice:
    """The languages of text.toml that the alphabet spells, by their shares; `fields` are those that are code.

    Raises:
        FileNotFoundError: the corpus was not made.
        ValueError: text.toml has a mistake, or no language that the alphabet spells.
    """
    data, loaded = describe(description), dict[str, Language]()
    for name in data["language"]:
        _add(name, data, corpus, alphabet, fields, loaded)
    if not loaded:
        raise ValueError("no language of text.toml can be written with this alphabet")
    return Choice(loaded.values(), (data["language"][name]["share"] for name in loaded))
