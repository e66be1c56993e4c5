"""Fetch the fonts of fonts.txt, and record which characters each draws.

python -m training.fonts.fetch  # into .cache/fonts; see packages.py
python -m training.fonts.fetch --most 5  # of each section no more than its first five names
python -m training.fonts.fetch --lock  # first pin new names in fonts.lock at their newest version
"""

import argparse
import json
from pathlib import Path

from training.fonts import coverage, packages


def record_coverage() -> int:
    """Bring the record up to date with the fetched files; returns their number."""
    path = coverage.FONT_DIR / coverage.RECORD
    coverage.read_record.cache_clear()
    old, new = coverage.read_record(path.absolute()), {}
    for file in sorted({Path(file) for files in coverage.font_files().values() for file in files}):
        key, size = coverage.record_key(str(file)), file.stat().st_size
        entry = old.get(key)
        new[key] = entry if entry and entry[0] == size else [size, _drawn(file)]
    part = path.with_suffix(".part")
    part.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in new.items()) + "\n}\n")
    part.replace(path)
    coverage.read_record.cache_clear()
    coverage.coverage.cache_clear()
    return len(new)


def _drawn(file: Path) -> str:
    return coverage.to_ranges(coverage.drawn_characters(str(file)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lock", action="store_true", help="pin what fonts.lock does not pin yet")
    parser.add_argument(
        "--most", type=int, help="names of each section at most, for a first look or a fine-tuning"
    )
    options = parser.parse_args()
    families = {section: names[: options.most] for section, names in coverage.families().items()}
    if options.lock:
        packages.lock(families)
    problems = packages.fetch(families, coverage.FONT_DIR)
    print(*problems, f"{record_coverage()} font files in {coverage.FONT_DIR}", sep="\n")


if __name__ == "__main__":
    main()
