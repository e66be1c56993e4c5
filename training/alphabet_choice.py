"""How the newest alphabet was chosen, and what is known of it.

    python -m training.alphabet_choice  # choose it anew (rapidocr and the fonts must be there)
    python -m training.alphabet_choice --report  # how often each is drawn, and in how many fonts it is
    python -m training.alphabet_choice --labels F  # the share of the characters of a labels.tsv that it has
    python -m training.evaluation.rare_characters MODEL  # which share of rare characters a model finds

The rules are those of alphabet.py. `--report` names what few font families draw.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from training.alphabet import FIRST, FOLDER, NAME, NAMES, OTHERS, read, standards, write
from training.fonts.coverage import coverage, font_files
from training.text import generator as text

DICTIONARY = "PP-OCRv6_rec_small.onnx"
BANDS = (0, 1, 5, 10, 20, 50, 200, 1000, 10**9)
"""Times that a character was drawn, at which bands of the report begin."""
DRAWN = 200_000
"""Lines of text in which the report counts characters."""


def dictionary() -> set[str]:
    """The characters that the public weights know.

    Raises:
        ModuleNotFoundError: rapidocr or onnxruntime is not installed.
    """
    import rapidocr  # only choosing needs them
    from onnxruntime import InferenceSession

    path = Path(rapidocr.__file__).parent / "models" / DICTIONARY
    metadata = InferenceSession(path).get_modelmeta().custom_metadata_map
    return set(metadata["character"].split("\n"))


def families_by_character() -> Counter[str]:
    """In how many fetched families each character is; weights and slants of one family count as one."""
    families: dict[str, set[str]] = {}
    for path in sorted({path for files in font_files().values() for path in files}):
        families.setdefault(Path(path).parent.name, set()).update(coverage(path))
    return Counter(char for chars in families.values() for char in chars)


def choose(known: set[str]) -> str:
    """The alphabet, by the rules of alphabet.py; `known` is the dictionary of the public weights."""
    new = sorted((standards() | set(NAMES)) & known)
    return "".join(dict.fromkeys(read(FIRST) + OTHERS + "".join(new)))


def covered(alphabet: str, counts: Counter[str]) -> float:
    """The share of the characters counted that the alphabet has, blanks aside."""
    inside = sum(often for char, often in counts.items() if char in alphabet)
    return inside / sum(often for char, often in counts.items() if not char.isspace())


def drawn(alphabet: str, lines: int, seed: int = 1) -> Counter[str]:
    """How often each character stands in so many lines, drawn from the mixes in turn."""
    rng, mixes = random.Random(seed), (text.SCENE, text.RECEIPT, text.DOCUMENT)
    return Counter("".join(text.draw(rng, mixes[i % 3], alphabet) for i in range(lines)))


def bands(alphabet: str, counts: Counter[str]) -> list[tuple[int, int, list[str]]]:
    """The characters that were drawn at least `low` and fewer than `high` times, for each band of BANDS."""
    return [(low, high, [c for c in alphabet if low <= counts[c] < high]) for low, high in pairwise(BANDS)]


def report(alphabet: str, lines: int) -> Iterator[str]:
    """Lines that say how often characters are drawn, by band, the rarest ones, and their fonts."""
    counts, families = drawn(alphabet, lines), families_by_character()
    yield f"{len(alphabet)} characters, {lines} lines, {sum(counts.values())} characters drawn"
    for low, high, band in bands(alphabet, counts):
        yield f"drawn {low} to {high - 1} times: {len(band):5} characters   {''.join(band[:20])}"
    for low, high in ((0, 3), (3, 5), (5, 10), (10, 20), (20, 50), (50, 10**4)):
        band = [char for char in alphabet if low <= families[char] < high]
        yield f"in {low} to {high - 1} families: {len(band):5} characters   {''.join(band[:20])}"


def labels(path: Path) -> Counter[str]:
    """The characters of a labels.tsv (path TAB text a line)."""
    rows = path.read_text("utf-8").splitlines()
    return Counter(char for row in rows for char in row.partition("\t")[2] if not char.isspace())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", type=int, nargs="?", const=DRAWN, help="draw so many lines and count")
    parser.add_argument("--labels", type=Path, nargs="+", help="files or folders with labels")
    options = parser.parse_args()
    if options.report:
        print(*report(read(), options.report), sep="\n")
    elif options.labels:
        for path in options.labels:
            counts = labels(path / "labels.tsv" if path.is_dir() else path)
            lacking = "".join(char for char in counts if char not in read())
            print(f"{covered(read(), counts):.4%} of {path}; lacking: {lacking}")
    else:
        alphabet = choose(dictionary())
        write(alphabet, FOLDER / f"{NAME}.txt")
        print(f"{len(alphabet)} characters")


if __name__ == "__main__":
    main()
