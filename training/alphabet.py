"""The alphabets of training/alphabets, how the newest was chosen, and what is known of it.

python -m training.alphabet  # choose it anew (rapidocr and the fonts must be there)
python -m training.alphabet --report  # how often each character is drawn, and in how many fonts it is
python -m training.alphabet --labels F  # the share of the characters of a labels.tsv that it has
python -m training.evaluation.rare_characters MODEL  # which share of rare characters a model finds

latin_zh_ja begins with en_zh_ja, the alphabet of crnn_v2, in its order; so ASCII comes first, as in
handler.charset. Then come the letters of Europe's Latin scripts, raised and lowered figures, signs of
documents and screens, and half-width katakana, as listed below. The Chinese characters are those of three
standards, as Python's own codecs hold them, that en_zh_ja lacks: all of GB 2312 (Simplified), Big5 level 1
(Traditional), JIS X 0208 (Japanese), and NAMES, as far as the public weights that training starts from know
them: the dictionary of PP-OCRv6 small, which rapidocr brings. `--report` names what few font families draw.

No compatibility form of a Chinese character is in. Of characters that fonts draw alike one stands for all: ～
for 〜, — for ―; text.toml's `plain` tells which.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from training.fonts.coverage import coverage, font_files
from training.text import generator as text

FOLDER = Path(__file__).with_name("alphabets")
NAME = "latin_zh_ja"
FIRST = "en_zh_ja"
"""The alphabet that the newest one begins with."""
DICTIONARY = "PP-OCRv6_rec_small.onnx"
BANDS = (0, 1, 5, 10, 20, 50, 200, 1000, 10**9)
"""Times that a character was drawn, at which bands of the report begin."""
DRAWN = 200_000
"""Lines of text in which the report counts characters."""
ROW = 64
"""Characters in a row of the file; line ends are not part of the alphabet."""

LATIN = (
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ"
    "ĀāĂăĄąĆćĊċČčĎďĐđĒēĖėĘęĚěĞğĠġĢģĦħĪīĮįİıĶķĹĺĻļĽľŁłŃńŅņŇňŊŋŌōŐőŒœŔŕŖŗŘř"
    "ŚśŞşŠšŢţŤťŦŧŪūŮůŰűŲųŴŵŶŷŸŹźŻżŽžȘșȚțẞ"
)
"""What is written in the European Union, on the Balkans, in Great Britain, Iceland, Norway and Turkey."""
RAISED = "⁰¹⁴⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉½¼¾"
QUOTES = "¡¿«»‹›„‚–‡†"
MONEY = "¢¤₽₺₫₱₴₿"
LONE = "¦¨ª¬¯´µ¶¸º℉"
BOXES = "☐☑☒✔✗✘✕✖⚠☎✉"
ARROWS = "⇒⇐⇑⇓⇔↔↕⇧↵⌘➔➜➤►◄▶◀▪◦❖✦♠♣♦♫"
MATHS = "∑∏∫∂∅∇∈∉∋∩∪⊂⊃⊆⊇∀∃∧∨∝∠⊥∥∴∵≡≒≦≧≪≫"
GREEK = "ζηξρτχψΓΘΛΞΠΨ"
CIRCLES = "❶❷❸❹❺❻❼❽❾❿"
NAMES = (
    "佷佽傕叕唵喆嘚嚒嚟囯垚埗堃妘妺婳媄嫚嬛宬屾岀峣崐帀幷弆彣彧旳旸昉昳暐暻曈梿榖氿汭沄泂泚洺浐淏淸湜溦濋炆炘焗煇煐煚燊燚爔猇獴玙玚玠"
    "玹珰珺琁琇琎琤瑀瑨璠瓅甡疍皊皝皞睆砆砫祏祼禔禛竑箓糉絜絪綎綝纮罽翀翙翚翯芃苾虓蠋谞赟跶钖锜锳闿霨韡頔頲颋颎颙骉骕鲀鲉鳀鳉鹟龑龢"
)
"""In none of the standards, yet in names of people and in running text."""
HALF_KANA = "".join(map(chr, range(0xFF61, 0xFFA0)))
OTHERS = LATIN + RAISED + QUOTES + MONEY + LONE + BOXES + ARROWS + MATHS + GREEK + CIRCLES + HALF_KANA


def read(name: str = NAME) -> str:
    """An alphabet of training/alphabets.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    return (FOLDER / f"{name}.txt").read_text("utf-8").replace("\n", "")


def write(alphabet: str, path: Path) -> None:
    rows = [alphabet[i : i + ROW] for i in range(0, len(alphabet), ROW)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows), "utf-8")


def standard(codec: str, first: int, last: int) -> set[str]:
    """Chinese characters that a two-byte code has from one code to another, compatibility forms left out."""
    codes = (code.to_bytes(2, "big") for code in range(first, last + 1))
    chars = {code.decode(codec, "ignore") for code in codes}
    return {char for char in chars if len(char) == 1 and "\u4e00" <= char <= "\u9fff"}


def standards() -> set[str]:
    """GB 2312, JIS X 0208 (levels 1 and 2 of both) and Big5 level 1."""
    chinese = standard("gb2312", 0xB0A1, 0xF7FE) | standard("big5", 0xA440, 0xC67E)
    return chinese | standard("euc_jp", 0xB0A1, 0xF4A6)


def candidates() -> str:
    """All that may be in an alphabet: what is kept of a font of thousands of characters."""
    return "".join(dict.fromkeys(read(FIRST) + OTHERS + "".join(sorted(standards() | set(NAMES)))))


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
    """The alphabet, by the rules at the top; `known` is the dictionary of the public weights."""
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
