"""Gather words, names and running text into plain files, so that drawing text needs no library.

python -m training.corpus           # files land in .cache/corpus; text.toml says what goes into them

Per language there are words-<language>.tsv (word TAB share of all words), proper-<language>.tsv (kind TAB
line) and prose-<language>.txt (a paragraph a line); SOURCES.txt says where they come from and under which
licences. The same versions of Python and of the packages give the same bytes.
"""

import ast
import importlib.util
import platform
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any

from faker import Faker
from wordfreq import top_n_list, word_frequency

from training import text

SEED = 2015
MAX_PROSE = 3_000_000
"""Characters of running text kept per language."""
_PARAGRAPH = re.compile(r"\n\s*\n")
_NOT_PROSE = re.compile(r">>>|::|`|[*_|=+]{2,}|\\|[:.]\w+:`|\s{2,}|[<>{}]|\w_\w|\(\)")


def words(language: str, count: int) -> list[str]:
    """Rows of the most frequent words of a language: word TAB its share of all words."""
    found = [(word, word_frequency(word, language)) for word in top_n_list(language, count)]
    return [f"{word}\t{share:.3g}" for word, share in found if len(word) <= text.MAX_CHARS and share > 0]


def proper(locales: list[str], kinds: dict[str, str], count: int) -> list[str]:
    """Rows of names, companies, addresses and the like by faker: kind TAB line, `count` of a kind at most."""
    rows: dict[str, None] = {}
    for locale in locales:
        fake = Faker(locale)
        fake.seed_instance(SEED)
        for kind, provider in kinds.items():
            make: Callable[[], Any] | None = getattr(fake, provider, None)
            if make:
                lines = (line for _ in range(count // len(locales)) for line in str(make()).splitlines())
                rows |= dict.fromkeys(f"{kind}\t{' '.join(line.split())}" for line in lines if line.strip())
    return list(rows)


def _source_files(module: str) -> list[Path]:
    """The Python files of a module or package, sorted.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{module}, a source of running text in text.toml, is not installed")
    if not spec.submodule_search_locations:
        return [Path(spec.origin)]
    return sorted(path for path in Path(spec.origin).parent.rglob("*.py") if "test" not in str(path))


def _strings(path: Path) -> Iterator[str]:
    """The longer string constants of a Python file: mostly documentation."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > 200:
            yield node.value


def paragraphs(document: str, shortest: int = 60) -> Iterator[str]:
    """Paragraphs that are prose, each as one line: no code, markup, tables or headings."""
    for block in _PARAGRAPH.split(document):
        line = re.sub(r"\s*\n\s*", " ", block.strip())
        if len(line) < shortest or not line[0].isalpha() or line[-1] not in ".!?:。」":
            continue
        letters = sum(char.isalpha() or char == " " for char in line)
        if not _NOT_PROSE.search(line) and letters > 0.9 * len(line):
            yield line


def prose(sources: Iterable[dict[str, str]]) -> list[str]:
    """Running text out of each source in turn, without repetitions, MAX_PROSE characters at most.

    A source names a `module`, whose documentation is taken, or a text file by its `path`.
    """
    kept: dict[str, int] = {}
    for source in sources:
        if "path" in source:
            documents: Iterable[str] = [Path(source["path"]).read_text("utf-8")]
        else:
            documents = (text for path in _source_files(source["module"]) for text in _strings(path))
        kept |= {line: len(line) + 1 for document in documents for line in paragraphs(document)}
    total = 0

    def fits(line: str) -> bool:
        nonlocal total
        total += kept[line]
        return total <= MAX_PROSE

    return list(takewhile(fits, kept))


def sources(languages: dict[str, dict[str, Any]]) -> list[str]:
    """Where the corpus comes from, a line a source, with versions and licences."""
    lines = [
        f"words: wordfreq {version('wordfreq')}, data under CC BY-SA 4.0",
        f"names, addresses, numbers: Faker {version('Faker')}, MIT",
        f"Python {platform.python_version()} with its documentation: PSF-2.0",
    ]
    for name, language in languages.items():
        for source in language.get("prose", []):
            lines.append(f"prose-{name}: {source.get('module') or source['path']}, {source['licence']}")
    return lines


def write(path: Path, lines: Iterable[str]) -> None:
    """Write lines so that a reader sees either the old file or the whole new one."""
    part = path.with_name(path.name + ".part")
    part.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    part.replace(path)


def make(folder: Path, data: dict[str, Any]) -> None:
    """Write the files of every language of text.toml's `data` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, language in data["language"].items():
        proper_rows = proper(language.get("locales", []), data["kinds"], language.get("proper", 0))
        write(folder / f"words-{name}.tsv", words(language.get("wordfreq", name), language["words"]))
        write(folder / f"proper-{name}.tsv", proper_rows)
        write(folder / f"prose-{name}.txt", prose(language.get("prose", [])))
    write(folder / "SOURCES.txt", sources(data["language"]))


def main() -> None:
    make(text.CORPUS, tomllib.loads(text.DESCRIPTION.read_text("utf-8")))
    files = sorted(text.CORPUS.glob("*-*.t*"))
    print(*(f"{path.stat().st_size:>9,} {path}" for path in files), sep="\n")


if __name__ == "__main__":
    main()
