"""Fonts: fetch them reproducibly by package name, and know which characters each can draw.

python -m training.fonts            # npm must be installed; files land in .cache/fonts
"""

import json
import re
import subprocess
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont

FONT_DIR = Path(".cache/fonts")
LIST = Path(__file__).with_name("fonts.txt")
WEIGHTS = (300, 400, 500, 700, 900)


def families() -> dict[str, list[str]]:
    """Font families by section of fonts.txt, e.g. {"sans": ["roboto", …], …}."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in LIST.read_text().splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            current.extend(line.split())
    return sections


def fetch_family(family: str, subset: str = "latin") -> str | None:
    """Unpack the upright and italic files of one family; returns a reason where it cannot be had."""
    target = FONT_DIR / family
    if (target / "LICENSE").exists():
        return None
    with tempfile.TemporaryDirectory() as tmp:
        packed = subprocess.run(
            ["npm", "pack", f"@fontsource/{family}", "--silent"],
            cwd=tmp,
            capture_output=True,
            text=True,
            check=False,
        )
        if packed.returncode:
            return f"{family}: not to be had"
        target.mkdir(parents=True, exist_ok=True)
        wanted = re.compile(rf"package/files/({family}-{subset}-(\d+)-(normal|italic)\.woff2)$")
        with tarfile.open(Path(tmp) / packed.stdout.split()[-1]) as archive:
            for member in archive.getmembers():
                found = wanted.match(member.name)
                if found and int(found[2]) in WEIGHTS and (found[3] == "normal" or found[2] == "400"):
                    (target / found[1]).write_bytes(archive.extractfile(member).read())  # type: ignore[union-attr]
                elif member.name == "package/metadata.json":
                    licence = json.load(archive.extractfile(member)).get("license", {})  # type: ignore[arg-type]
        (target / "LICENSE").write_text(json.dumps(licence) + "\n")
    return None


@lru_cache(maxsize=4096)
def coverage(path: str) -> frozenset[str]:
    """Characters the font file has a glyph for, from its cmap: nothing else is ever drawn with it."""
    with TTFont(path, lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap() or {}))


def font_files() -> dict[str, list[str]]:
    """Fetched files by section; a family's files stand in each section that lists it."""
    found = {
        section: sorted(str(path) for name in names for path in (FONT_DIR / name).glob("*.woff2"))
        for section, names in families().items()
    }
    if not any(found.values()):
        raise FileNotFoundError(f"no fonts in {FONT_DIR}: run `make fonts` first")
    return {section: files for section, files in found.items() if files}


def main() -> None:
    names = sorted({name for section in families().values() for name in section})
    with ThreadPoolExecutor(4) as pool:
        problems = [reason for reason in pool.map(fetch_family, names) if reason]
    print(f"{len(names) - len(problems)} of {len(names)} families in {FONT_DIR}", *problems, sep="\n")


if __name__ == "__main__":
    main()
