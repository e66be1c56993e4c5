"""The alphabets of training/alphabets, and what may be in one.

latin_zh_ja begins with en_zh_ja, the alphabet of crnn_v2, in its order; so ASCII comes first, as in
handler.charset. Then come the letters of Europe's Latin scripts, raised and lowered figures, signs of
documents and screens, and half-width katakana, as listed below. The Chinese characters are those of three
standards, as Python's own codecs hold them, that en_zh_ja lacks: all of GB 2312 (Simplified), Big5 level 1
(Traditional), JIS X 0208 (Japanese), and NAMES, as far as the public weights that training starts from know
them: the dictionary of PP-OCRv6 small, which rapidocr brings. alphabet_choice.py chooses by these rules.

No compatibility form of a Chinese character is in. Of characters that fonts draw alike one stands for all: ～
for 〜, — for ―; `plain` in text/text.toml tells which.
"""

from pathlib import Path

FOLDER = Path(__file__).with_name("alphabets")
NAME = "latin_zh_ja"
FIRST = "en_zh_ja"
"""The alphabet that the newest one begins with."""
ROW = 64
"""Characters in a row of the file; line ends are not part of the alphabet."""

LATIN = (
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ"
    "ĀāĂăĄąĆćĊċČčĎďĐđĒēĖėĘęĚěĞğĠġĢģĦħĪīĮįİıĶķĹĺĻļĽľŁłŃńŅņŇňŊŋŌōŐőŒœŔŕŖŗŘř"
    "ŚśŞşŠšŢţŤťŦŧŪūŮůŰűŲųŴŵŶŷŸŹźŻżŽžȘșȚțẞ"
)
"""Letters written in the European Union, on the Balkans, in Great Britain, Iceland, Norway and Turkey."""
SMALL_FIGURES = "⁰¹⁴⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉½¼¾"
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
OTHERS = LATIN + SMALL_FIGURES + QUOTES + MONEY + LONE + BOXES + ARROWS + MATHS + GREEK + CIRCLES + HALF_KANA


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
