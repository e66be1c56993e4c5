"""The alphabet of English, Chinese and Japanese, data in alphabets/en_zh_ja.txt, and what is known of it.

python -m training.alphabet             # choose it anew (wordfreq, OpenCC and the fonts must be there)
python -m training.alphabet --report    # how often each character is drawn, and in how many fonts it is
python -m training.alphabet --labels F  # the share of the characters of a labels.tsv that it has
python -m training.bands MODEL          # which share of rare characters a model finds

How it was chosen. Punctuation, signs and kana are listed below. The Chinese characters come from three
standards, as Python's own codecs hold them: all of GB 2312 level 1 (common Simplified) and JIS X 0208 level 1
(Japanese); of GB 2312 level 2, Big5 level 1 (Traditional) and JIS X 0208 level 2 those that make up more than
RARE of running text; and EXTRA, what no level has although it is common.
How often a character is written is counted over wordfreq's Chinese and Japanese words, each by its frequency;
Traditional is what OpenCC makes of the Chinese words. Left out is what fewer than MIN_FONTS families draw.

ASCII comes first, in the order of handler.charset.ASCII; no compatibility form of a character is in.
Of characters that fonts draw alike one stands for all: ～ for 〜, — for ―; text.toml's `plain` tells which.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from handler.charset import ASCII
from training import text
from training.fonts import coverage, font_files

FOLDER = Path(__file__).with_name("alphabets")
NAME = "en_zh_ja"
RARE = 1.3e-7
"""Share of running text below which a character of the second levels is left out."""
MIN_FONTS = 3
BANDS = (0, 1, 5, 10, 20, 50, 200, 1000, 10**9)
"""Times that a character was drawn, at which bands of the report begin."""
DRAWN = 200_000
"""Lines of text in which the report counts characters."""
ROW = 64
"""Characters in a row of the file; line ends are not part of the alphabet."""

FULL_WIDTH = "".join(chr(0xFEE0 + ord(char)) for char in ASCII[1:]) + "￥"
PUNCTUATION = "　、。…—「」『』【】《》〈〉〔〕〖〗“”‘’·・•"[1:]
MONEY = "¥€£₩₹"
UNITS = "℃㎡㎏㎜㎝㎞㎎°′″‰№²³"
MATHS = "×÷±≈≠≤≥∞√"
GREEK = "αβγδεθλμπσφωΔΣΦΩ"
NUMBERS = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫ"
MARKS = "→←↑↓■□●○◎◆◇▲△▼▽★☆※♪♥♡♂♀§©®™✓〒㈱"
KANA = "".join(map(chr, [*range(0x3041, 0x3094), *range(0x30A1, 0x30F7)])) + "ー々〆〇〃ゝゞヽヾ"
EXTRA = (
    "佢冇剮厙叄咁咗哋啰啲嘅嘜嘢噁噠囧垬婭孖屄屌嶗巿彅懟摳撣擼攢柺櫸欏殭淶滎滙澇灃灝烴獁獼瑄瑋璉瘆瘮碭祂祎禕筽粿紈紓緗羥肏胔膥菈蘄蟎"
    "衊衕衚覷詡誒譭讞躥鄆鄖釷鈀鈈鈦鉬銫鋌鋯鍺鐧镕镠閆閬阇靚飈髙鰨鴞鵰鸮"
)
"""In none of the levels, and yet more than 5e-7 of running text."""
OTHERS = FULL_WIDTH + PUNCTUATION + MONEY + UNITS + MATHS + GREEK + NUMBERS + MARKS + KANA


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


def common() -> set[str]:
    """What is taken however rare: the first levels of the Simplified and the Japanese standard."""
    return standard("gb2312", 0xB0A1, 0xD7F9) | standard("euc_jp", 0xB0A1, 0xCFD3)


def less_common() -> set[str]:
    """What is taken if it is written often enough."""
    second = standard("gb2312", 0xD8A1, 0xF7FE) | standard("euc_jp", 0xD0A1, 0xF4A6)
    return second | standard("big5", 0xA440, 0xC67E)


def candidates() -> str:
    """All that may be in an alphabet: what is kept of a font of thousands of characters."""
    return ASCII + OTHERS + "".join(sorted(common() | less_common() | set(EXTRA)))


def written() -> dict[str, Counter[str]]:
    """How often each character is written, as a share of its language's characters, by wordfreq's words."""
    from opencc import OpenCC  # only choosing needs them
    from wordfreq import get_frequency_dict

    zh, ja = get_frequency_dict("zh"), get_frequency_dict("ja")
    words = list(zh)
    traditional = OpenCC("s2tw").convert("\n".join(words)).split("\n")
    hant = zip(traditional, (zh[word] for word in words), strict=True)
    return {"zh": _shares(zh.items()), "zh_hant": _shares(hant), "ja": _shares(ja.items())}


def _shares(words: Iterable[tuple[str, float]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for word, often in words:
        for char in word:
            counts[char] += often
    total = sum(counts.values())
    return Counter({char: often / total for char, often in counts.items()})


def families_by_character() -> Counter[str]:
    """In how many fetched families each character is; weights and slants of one family count as one."""
    families: dict[str, set[str]] = {}
    for path in sorted({path for files in font_files().values() for path in files}):
        families.setdefault(Path(path).parent.name, set()).update(coverage(path))
    return Counter(char for chars in families.values() for char in chars)


def choose(written: dict[str, Counter[str]], families: Counter[str]) -> str:
    """The alphabet, by the rules at the top."""
    second = {char for char in less_common() if max(counts[char] for counts in written.values()) > RARE}
    han = common() | second | set(EXTRA)
    chosen = dict.fromkeys(ASCII + OTHERS + "".join(sorted(han)))
    return "".join(char for char in chosen if char in ASCII or families[char] >= MIN_FONTS)


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
        counts = written()
        alphabet = choose(counts, families_by_character())
        write(alphabet, FOLDER / f"{NAME}.txt")
        print(f"{len(alphabet)} characters")
        print(*(f"{covered(alphabet, c):.4%} of running {name}" for name, c in counts.items()), sep="\n")


if __name__ == "__main__":
    main()
