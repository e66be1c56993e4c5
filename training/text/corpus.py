"""Gather words, names and running text into plain files, so that drawing text needs no library.

python -m training.text.corpus  # files land in .cache/corpus; text.toml says what goes into them

Per language there are words-<language>.tsv (word TAB share of all words), proper-<language>.tsv (kind TAB
line) and prose-<language>.txt (a paragraph a line); SOURCES.txt says where they come from and under which
licences. The same versions of Python and of the packages give the same bytes.
"""

import ast
import importlib.util
import platform
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any

from faker import Faker
from wordfreq import get_frequency_dict, top_n_list

from training.fonts import packages as font_packages
from training.text import documents, languages
from training.text import generator as text

Convert = Callable[[str], str]

SEED = 2015
MAX_PROSE = 3_000_000
"""Characters of running text kept per language that sets no limit of its own."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_PARAGRAPH = re.compile(r"\n\s*\n")
_NOT_PROSE = re.compile(r">>>|::|`|[*_|=+]{2,}|\\|[:.]\w+:`|\s{2,}|[<>{}]|\w_\w|\(\)")


def converter(scheme: str) -> Convert:
    """A conversion between scripts by OpenCC, e.g. s2tw; with no scheme text stays as it is."""
    if not scheme:
        return str
    from opencc import OpenCC  # a language that needs no conversion needs no OpenCC

    convert: Convert = OpenCC(scheme).convert
    return convert


def words(language: str, count: int, convert: Convert = str) -> list[str]:
    """Rows of the most frequent words of a language: word TAB its share of all words."""
    # what word_frequency has, which asks for a tokenizer of some languages
    shares = get_frequency_dict(language)
    found = {word: shares[word] for word in top_n_list(language, count)}
    turned = convert("\n".join(found)).split("\n")
    pairs = zip(turned, found.values(), strict=True)
    return [f"{word}\t{share:.3g}" for word, share in pairs if len(word) <= text.MAX_CHARS and share > 0]


def counted(lines: Iterable[str], count: int) -> list[str]:
    """Rows like those of words(), out of running text: the words that are written more than once."""
    found = Counter(word for line in lines for word in _WORD.findall(line.lower()))
    total = sum(found.values())
    return [f"{word}\t{times / total:.3g}" for word, times in found.most_common(count) if times > 1]


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


def _origin(module: str) -> Path:
    """The file of a module, __init__.py of a package.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{module}, a source of running text in text.toml, is not installed")
    return Path(spec.origin)


def _source_files(module: str) -> list[Path]:
    """The Python files of a module or package, sorted."""
    origin = _origin(module)
    if origin.name != "__init__.py":
        return [origin]
    return sorted(path for path in origin.parent.rglob("*.py") if "test" not in str(path))


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


def _documents(source: dict[str, str], place: Path) -> Iterator[str]:
    """The texts of a source as text.toml describes it; a Debian package is unpacked in `place`."""
    if "path" in source:
        yield Path(source["path"]).read_text("utf-8")
    elif "package" in source:
        folder = font_packages.unpacked(source["package"], source["version"], source["digest"], place)
        yield from documents.read(sorted(folder.rglob(source["files"])), source.get("strip", ""))
    elif "files" in source:
        folder = _origin(source["module"]).parent
        yield from documents.read(sorted(folder.glob(source["files"])), source.get("strip", ""))
    else:
        yield from (text for path in _source_files(source["module"]) for text in _strings(path))


def prose(sources: Iterable[dict[str, str]], limit: int = MAX_PROSE) -> list[str]:
    """Running text out of each source in turn, without repetitions, `limit` characters at most.

    A source names a `module`, whose documentation is taken, a text file by its `path`, or `files` by pattern
    in a module or a Debian `package`; `wide` says that words are not parted by spaces, `most` how many
    characters are taken, and `convert` a scheme of OpenCC.
    """
    kept: dict[str, int] = {}
    for source in sources:
        separate = documents.lines if source.get("wide") else paragraphs
        convert, room = converter(source.get("convert", "")), int(source.get("most", limit))
        with tempfile.TemporaryDirectory() as place:
            found = dict.fromkeys(line for d in _documents(source, Path(place)) for line in separate(d))
        kept |= {line: len(line) + 1 for line in map(convert, documents.spread(list(found), room))}
    total = 0

    def fits(line: str) -> bool:
        nonlocal total
        total += kept[line]
        return total <= limit

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
            origin = next(source[key] for key in ("package", "module", "path") if key in source)
            release = f" {source['version']}" if "version" in source else ""
            lines.append(f"prose-{name}: {origin}{release}, {source['licence']}")
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
        kinds = {kind: data["kinds"][kind] for kind in language.get("kinds", data["kinds"])}
        proper_rows = proper(language.get("locales", []), kinds, language.get("proper", 0))
        lines = prose(language.get("prose", []), language.get("most", MAX_PROSE))
        convert, listed = converter(language.get("convert", "")), language.get("wordfreq", name)
        count = language["words"]
        word_rows = words(listed, count, convert) if listed else counted(lines, count)
        write(folder / f"words-{name}.tsv", word_rows)
        write(folder / f"proper-{name}.tsv", proper_rows)
        write(folder / f"prose-{name}.txt", lines)
    write(folder / "SOURCES.txt", sources(data["language"]))


def main() -> None:
    make(text.CORPUS, languages.describe(text.DESCRIPTION))
    files = sorted(text.CORPUS.glob("*-*.t*"))
    print(*(f"{path.stat().st_size:>9,} {path}" for path in files), sep="\n")


if __name__ == "__main__":
    main()
