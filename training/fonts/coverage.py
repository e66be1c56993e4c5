"""Fonts: which there are, and which characters each really draws.

At drawing time only the files and the record of their characters are read; fetch.py brings both.
"""

import json
import unicodedata
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

FONT_DIR = Path(".cache/fonts")
LIST = Path(__file__).with_name("fonts.txt")
RECORD = "coverage.json"
PROBE_SIZE = 40
"""Pixels at which glyphs are looked at."""


def families() -> dict[str, list[str]]:
    """Font families by section of fonts.txt, e.g. {"sans": ["roboto", "fonts-hack/Hack-*", …], …}."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in LIST.read_text("utf-8").splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            current.extend(line.split())
    return sections


def files_of(name: str) -> list[Path]:
    """Fetched files of one name of fonts.txt, which tells the forms of a name."""
    package, wide, parts = name.partition(":")
    if wide:
        stems = [f"{package}-wide-{p}" if p.isdigit() else f"{Path(p).stem}-wide" for p in parts.split(",")]
        return sorted(path for stem in stems for path in FONT_DIR.glob(f"{package}/{stem}.*[2f]"))
    return sorted(FONT_DIR.glob(name if "/" in name else f"{name}/*-latin-*.woff2"))


def font_files() -> dict[str, list[str]]:
    """Fetched files by section; a family's files stand in each section that lists it."""
    found = {
        section: sorted({str(path) for name in names for path in files_of(name)})
        for section, names in families().items()
    }
    if not any(found.values()):
        raise FileNotFoundError(f"no fonts in {FONT_DIR}: run `make fonts` first")
    return {section: files for section, files in found.items() if files}


@lru_cache(maxsize=4096)
def coverage(path: str) -> frozenset[str]:
    """Characters that the font file draws rightly: nothing else is ever drawn with it.

    Raises:
        FileNotFoundError: they were not recorded, and the library to find them out is not installed.
    """
    record = read_record((FONT_DIR / RECORD).absolute())
    entry = record.get(record_key(path))
    if entry:
        return frozenset(_from_ranges(str(entry[1])))
    try:
        return drawn_characters(path)
    except ImportError as error:
        raise FileNotFoundError(f"{path}: its characters are not recorded: run `make fonts`") from error


def drawn_characters(path: str) -> frozenset[str]:
    """Characters that are mapped to a glyph with a shape of its own.

    Left out are those drawn as nothing, as the font's box for what it lacks, or, lower case, as their
    capital. A file that is no font draws none.
    """
    from fontTools.ttLib import TTFont, TTLibError  # not asked for where only drawing is done

    try:
        with Path(path).open("rb") as file, TTFont(file, lazy=True, fontNumber=0) as tables:
            mapped = {
                code for code in tables.getBestCmap() or {} if unicodedata.category(chr(code))[0] != "C"
            }
    except TTLibError:
        return frozenset()
    font = ImageFont.truetype(path, PROBE_SIZE, layout_engine=ImageFont.Layout.BASIC)
    lacking = _shape(font, "\U0010fffd")
    shapes = {chr(code): _shape(font, chr(code)) for code in mapped}

    def drawn(char: str) -> bool:
        if unicodedata.category(char) == "Zs":
            return font.getlength(char) > 0
        shape = shapes[char]
        capital = char.upper()
        return any(shape[1]) and shape != lacking and (capital == char or shape != shapes.get(capital))

    return frozenset(filter(drawn, shapes))


def _shape(font: ImageFont.FreeTypeFont, char: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(char)
    return mask.size, bytes(mask)


def record_key(path: str) -> str:
    """The path within the font folder; a path elsewhere is in no record."""
    try:
        return Path(path).absolute().relative_to(FONT_DIR.absolute()).as_posix()
    except ValueError:
        return ""


@lru_cache(maxsize=4)
def read_record(path: Path) -> dict[str, list[int | str]]:
    """File -> [its size in bytes, its characters as ranges]."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def to_ranges(chars: frozenset[str]) -> str:
    """Code points in hexadecimal: "20-7e a3"."""
    runs: list[list[int]] = []
    for code in sorted(map(ord, chars)):
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return " ".join(f"{low:x}-{high:x}" if low < high else f"{low:x}" for low, high in runs)


def _from_ranges(ranges: str) -> list[str]:
    ends = (part.partition("-") for part in ranges.split())
    return [_char(code) for low, _, high in ends for code in range(int(low, 16), int(high or low, 16) + 1)]


_char = lru_cache(maxsize=None)(chr)
"""One copy of each character for all files."""
