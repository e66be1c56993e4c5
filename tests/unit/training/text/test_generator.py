"""Lines of text from rules and a corpus, and the corpus itself; no network, no installed corpus."""

import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from handler.charset import ASCII
from tests.unit.corpus import small_corpus
from training import alphabet
from training.text import corpus, documents, mrz
from training.text import generator as text
from training.text.amounts import capitals
from training.text.templates import CASES, expand

BIG = alphabet.read()
MIXES = [text.SCENE, text.RECEIPT, text.DOCUMENT]


@pytest.fixture(autouse=True)
def folder(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(text, "CORPUS", corpus)
    return corpus


def lines(mix: text.Mix, count: int, seed: int = 0, alphabet: str = ASCII) -> list[str]:
    rng = random.Random(seed)
    return [text.draw(rng, mix, alphabet) for _ in range(count)]


def columns(line: str) -> int:
    return sum(map(text.width, line))


@pytest.mark.parametrize("mix", MIXES)
def test_text_stays_in_the_alphabet_and_within_its_length(mix: text.Mix) -> None:
    drawn = lines(mix, 500)
    assert all(1 <= len(line) <= text.MAX_CHARS and line == line.strip() for line in drawn)
    assert set("".join(drawn)) <= set(ASCII)


def test_the_same_seed_gives_the_same_lines() -> None:
    assert lines(text.RECEIPT, 300) == lines(text.RECEIPT, 300) != lines(text.RECEIPT, 300, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("mix", MIXES)
def test_chinese_and_japanese_stay_in_the_alphabet_and_within_their_width(mix: text.Mix) -> None:
    drawn = lines(mix, 500, alphabet=BIG)
    wide = [line for line in drawn if any("\u3040" < char < "\ua000" for char in line)]
    assert set("".join(drawn)) <= set(BIG)
    assert max(map(columns, wide)) <= text.MAX_WIDTH
    assert 0.4 < len(wide) / len(drawn) < 0.7


def test_ascii_lines_do_not_change_when_other_languages_are_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed run draws the lines that it would have drawn."""
    (tmp_path / "text.toml").write_bytes(text.DESCRIPTION.read_bytes())
    with_all = [lines(mix, 1000) for mix in MIXES]
    monkeypatch.setattr(text, "DESCRIPTION", tmp_path / "text.toml")
    assert [lines(mix, 1000) for mix in MIXES] == with_all


@pytest.mark.parametrize(
    ("line", "cut"),
    [
        ("a" * 99, "a" * 60),
        ("é" * 99, "é" * 60),
        ("国" * 99, "国" * 22),
        ("a国" * 40, "a国" * 14 + "a"),
        ("", ""),
    ],
)
def test_lines_are_cut_by_the_room_they_take(line: str, cut: str) -> None:
    assert text.fit(line) == cut


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (12340, "壹佰贰拾叁元肆角整"),
        (101030, "壹仟零壹拾元叁角整"),
        (5, "伍分"),
        (100005, "壹仟元零伍分"),
        (10000000, "壹拾万元整"),
        (10005000, "壹拾万零伍拾元整"),
        (1000000001, "壹仟万元零壹分"),
        (10050000000, "壹亿零伍拾万元整"),
        (2030405, "贰万零叁佰零肆元零伍分"),
    ],
)
def test_amounts_in_capitals(cents: int, words: str) -> None:
    assert capitals(cents, "零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整") == words


def test_words_stand_in_chinese_lines_with_and_without_spaces() -> None:
    drawn = lines({"single_word": 1, "sentence": 1}, 20000, alphabet=BIG)
    assert any(re.search("[\u4e00-\u9fff] [A-Za-z]+ [\u4e00-\u9fff]", line) for line in drawn)
    assert any(re.search("[\u4e00-\u9fff][A-Za-z]+[\u4e00-\u9fff]", line) for line in drawn)
    assert any(re.search("[\u4e00-\u9fff] [A-Za-z]+ [A-Za-z]+ [A-Za-z]+", line) for line in drawn)


def test_chinese_and_japanese_are_left_out_where_the_alphabet_cannot_spell_them() -> None:
    """Latin words of theirs, such as app, are no reason to draw them."""
    loaded = {
        letters: set(text._languages(text.DESCRIPTION, text.CORPUS, letters).items[0].others)
        for letters in (ASCII, BIG)
    }
    added = loaded[BIG] - loaded[ASCII]
    assert {"zh", "zh_hant", "ja", "pl", "cs", "tr", "is"} <= added
    assert not {"en", "de", "fr", "ms"} & added


def test_labels_in_two_languages_keep_their_spaces() -> None:
    chinese = text._languages(text.DESCRIPTION, text.CORPUS, BIG).items[0].others["zh"]
    drawn = {expand(random.Random(seed), chinese, "bilingual_line") for seed in range(1000)}
    assert {"航班 FLIGHT", "座位号 SEAT NO."} <= drawn


def test_new_energy_plates_have_eight_characters_and_none_has_i_or_o() -> None:
    drawn = [
        line for line in lines({"plate": 1}, 6000, alphabet=BIG) if re.match("[京津沪粤川].?[A-Z]", line)
    ]
    assert any(re.fullmatch("[\u4e00-\u9fff][A-Z][DF][A-Z0-9][0-9]{4}", line) for line in drawn)
    assert not any(char in line for line in drawn for char in "IO")


def test_plates_and_invoices_are_written() -> None:
    drawn = lines({"plate": 1, "invoice_line": 1}, 9000, alphabet=BIG)
    assert any(re.fullmatch("[\u4e00-\u9fff][A-Z]·[A-Z0-9]{5}", line) for line in drawn)
    assert any(re.fullmatch("[\u4e00-\u9fff][A-Z][A-Z0-9]{5}", line) for line in drawn)
    assert any(
        re.fullmatch("（大写）[零壹贰叁肆伍陆柒捌玖拾佰仟万圆元角分整正]+.小写.*", line) for line in drawn
    )


def test_every_character_is_written_often_enough() -> None:
    counts = Counter("".join(line for mix in MIXES for line in lines(mix, 5000)))
    assert min(counts[char] for char in ASCII) >= 50


def test_rare_characters_are_sampled_up() -> None:
    """In random strings ~, which prose does not hold, comes more often than e."""
    counts = Counter("".join(lines({"random_string": 1}, 5000)))
    assert counts["~"] > 1.5 * counts["e"] > 0


def test_scene_words_are_in_upper_case_often() -> None:
    drawn = [line for line in lines({"single_word": 1}, 5000) if line.isalpha() and len(line) > 1]
    assert 0.33 < sum(line.isupper() for line in drawn) / len(drawn) < 0.43
    assert 0.24 < sum(line.islower() for line in drawn) / len(drawn) < 0.36


def test_percent_signs_mostly_follow_the_number_at_once() -> None:
    drawn = "\n".join(lines({"percent": 1}, 3000))
    assert 0.03 < drawn.count(" %") / drawn.count("%") < 0.25


def test_running_text_is_cut_from_the_prose_between_words(folder: Path) -> None:
    prose = [f" {line} " for line in (folder / "prose-en.txt").read_text().splitlines()]
    drawn = lines({"running_text": 1}, 500)
    assert all(any(f" {line} " in paragraph for paragraph in prose) for line in drawn)
    assert max(map(len, drawn)) > 50


def test_a_missing_corpus_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "CORPUS", tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="make corpus"):
        text.draw(random.Random(0), text.SCENE)


def test_signs_of_the_alphabet_are_used_and_others_left_out() -> None:
    """A currency appears as soon as the alphabet has its sign, without a change of data or code."""
    rng = random.Random(0)
    euro = [text.draw(rng, {"amount": 1}, ASCII + "€") for _ in range(500)]
    assert any("€" in line for line in euro)
    assert not any("€" in line for line in lines({"amount": 1}, 500))


def describe(path: Path, language: str, rules: str = 'greeting = "{word*2-3}"') -> Path:
    path.write_text(f"[plain]\n[kinds]\ncity = 'city'\n[rules]\n{rules}\n{language}", "utf-8")
    return path


def test_a_language_is_added_by_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Characters without spaces between words, its own forms of dates, and its own prose."""
    section = """
        [language.zh]
        share = 1
        words = 3
        joiner = ""
        [language.zh.rules]
        date = "{1990-2030}年{1-12}月{1-31}日"
        place = "{city}市"
    """
    monkeypatch.setattr(text, "DESCRIPTION", describe(tmp_path / "zh.toml", section))
    small_corpus(tmp_path / "corpus")
    monkeypatch.setattr(text, "CORPUS", tmp_path / "corpus")
    (tmp_path / "corpus/words-zh.tsv").write_text("你好\t0.5\n世界\t0.3\n谢谢\t0.2\n", "utf-8")
    (tmp_path / "corpus/proper-zh.tsv").write_text("city\t北京\n", "utf-8")
    (tmp_path / "corpus/prose-zh.txt").write_text("你好世界，谢谢你。" * 12 + "\n", "utf-8")
    alphabet = ASCII + "你好世界谢北京市年月日，。"
    rng = random.Random(0)
    mix = {"greeting": 1.0, "date": 1.0, "place": 1.0, "running_text": 1.0, "random_string": 1.0}
    drawn = [text.draw(rng, mix, alphabet) for _ in range(400)]
    assert "北京市" in drawn
    assert any(line.startswith("你好世界") for line in drawn)
    assert any("年" in line and line.endswith("日") for line in drawn)
    assert 40 < max(map(columns, drawn)) <= text.MAX_WIDTH
    with pytest.raises(ValueError, match="no language"):
        text.draw(rng, mix, ASCII)


@pytest.mark.parametrize("template", ["{nothing}", "{word:loud}", "{word*2}", "{-}"])
def test_mistakes_in_a_rule_are_named(template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = "[language.en]\nshare = 1\nwords = 1"
    path = describe(tmp_path / "wrong.toml", section, f"greeting = '{template}'")
    monkeypatch.setattr(text, "DESCRIPTION", path)
    with pytest.raises(ValueError, match="text.toml: "):
        text.draw(random.Random(0), {"greeting": 1})


def test_fields_of_a_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = "[language.en]\nshare = 1\nwords = 1"
    rule = "greeting = '{{{01-01}}} {7-7}{} {d3-3} {=AAa-99} {word:upper}'"
    monkeypatch.setattr(text, "DESCRIPTION", describe(tmp_path / "forms.toml", section, rule))
    (line,) = {text.draw(random.Random(3), {"greeting": 1}) for _ in range(3)}
    braces, seven, digits, pattern, word = line.split()
    assert (braces, seven, len(digits)) == ("{01}", "7", 3)
    assert [c.isupper() for c in pattern[:3]] == [True, True, False]
    assert word == word.upper()


def test_a_language_may_use_words_of_another_and_wrap_what_is_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = (
        "[language.en]\nshare = 1e-9\nwords = 1\n[language.de]\nshare = 1\nwords = 1\n[language.de.rules]\n"
    )
    section += 'word = "<{word:upper}>"\ngreeting = "{word}{en.word:full}{1-1:full}"'
    monkeypatch.setattr(text, "DESCRIPTION", describe(tmp_path / "two.toml", section))
    drawn = lines({"greeting": 1}, 50, alphabet=BIG)
    assert all(re.fullmatch("<[A-ZÄÖÜ]+>[ａ-ｚ]+１", line) for line in drawn)


def test_nothing_but_data_is_needed_to_draw() -> None:
    """Training machines have neither faker, wordfreq nor fontTools."""
    code = (
        "import sys; import training.text.generator, training.fonts.coverage; print(*sorted({*sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"faker", "wordfreq", "fontTools", "opencc"} & set(loaded.split())


def test_prose_is_told_from_code_and_markup() -> None:
    document = """
    A paragraph that goes on over
    two lines, and so is long enough to be kept as running text.

        >>> print("an example of code that goes on for a good while, sixty characters and more.")

    Too short.

    | a table | that has | many cells | and is therefore | not running text at all | whatever it says.
    """
    assert list(corpus.paragraphs(document)) == [
        "A paragraph that goes on over two lines, and so is long enough to be kept as running text."
    ]


def test_chinese_is_taken_out_of_markup(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<html><script>变量变量变量变量变量</script><p>请使用 <code>apt</code> "
        "安装这些\n软件包。</p><li>English only here</li><li>变量 = {value} 的值在这里</li></html>",
        "utf-8",
    )
    (tmp_path / "tagged.txt").write_text("今天/t  天气/n  很/d  好/a  ，/w  我们/r  去/v\n", "utf-8")
    (page,) = documents.read([tmp_path / "page.html"])
    (tagged,) = documents.read([tmp_path / "tagged.txt"], "/[A-Za-z]+ *")
    assert list(documents.lines(page)) == ["请使用 apt 安装这些软件包。"]
    assert list(documents.lines(tagged)) == ["今天天气很好，我们去"]


def test_the_corpus_is_made_the_same_every_time(tmp_path: Path) -> None:
    prose = "This is a paragraph of plain running text, and it is long enough to be taken for that."
    (tmp_path / "prose.txt").write_text(f"{prose}\n\n{prose}\n")
    source = {"path": str(tmp_path / "prose.txt"), "licence": "CC0-1.0"}
    english = {"share": 1, "words": 50, "locales": ["en_GB"], "proper": 5, "prose": [source]}
    data = {"kinds": {"person": "name"}, "language": {"en": english}}
    for place in ("one", "two"):
        corpus.make(tmp_path / place, data)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / p).iterdir()} for p in ("one", "two"))
    assert one == two
    assert one["prose-en.txt"].decode() == f"{prose}\n"
    assert one["words-en.tsv"].startswith(b"the\t")
    assert one["proper-en.tsv"].count(b"person\t") == 5
    assert "prose.txt, CC0-1.0" in one["SOURCES.txt"].decode()


def test_words_are_counted_where_no_list_has_them() -> None:
    rows = corpus.counted(["Õun ja õun, ja pirn", "ja õun 12 x"], 10)
    assert rows == ["õun\t0.429", "ja\t0.429"]


def test_closing_a_line_leaves_the_spaces_between_latin_words() -> None:
    assert text.close("使用 Python 3 语言 写 hello world 20 次") == "使用Python 3语言 写hello world 20次"


@pytest.mark.parametrize("mix", [text.CODE, text.MACHINE, text.DIGITS, text.BOARD, text.LONG])
def test_the_other_kinds_stay_in_the_alphabet_and_within_their_length(mix: text.Mix) -> None:
    rng, long = random.Random(1), mix is text.LONG
    drawn = [text.draw(rng, mix, BIG, long) for _ in range(500)]
    assert set("".join(drawn)) <= set(BIG)
    assert max(map(len, drawn)) <= (text.LONG_CHARS if long else text.MAX_CHARS)
    assert not long or max(map(len, drawn)) > 90


def test_a_line_is_in_the_language_that_is_named() -> None:
    rng = random.Random(0)
    drawn = [text.draw(rng, {"few_words": 1}, BIG, language="pl") for _ in range(200)]
    assert any("ż" in line.lower() for line in drawn)
    assert not any("\u4e00" < char < "\ua000" for line in drawn for char in line)


def test_machine_readable_lines_have_the_length_and_check_digits_of_their_standard() -> None:
    """The specimen of ICAO 9303 part 4, and lines of every length."""
    assert mrz.check("L898902C3") == "6"
    assert mrz.check("740812") == "2"
    assert mrz.check("120415") == "9"
    drawn = [mrz.line(random.Random(seed), "Żak-Łuć", "Anna Maria") for seed in range(300)]
    assert {len(line) for line in drawn} == {30, 36, 44}
    assert set("".join(drawn)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")


def test_kana_are_written_half_width_with_their_marks_apart() -> None:
    change = CASES["half_kana"]
    assert change(random.Random(0), "ポイントカード「ガム」") == "ﾎﾟｲﾝﾄｶｰﾄﾞ｢ｶﾞﾑ｣"
    assert any("ﾟ" in line for line in lines({"receipt_line": 1}, 3000, alphabet=BIG))


def test_contents_end_in_leaders_and_a_page() -> None:
    drawn = lines({"contents": 1}, 300)
    assert any(re.search(r"[a-z] \.{8,} \d+$", line) for line in drawn)


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("收到时间： 10-08-06 11:44", "收到时间：10-08-06 11:44"),
        ("他说 “ Hello world ” 了", "他说“Hello world”了"),
        ("合计 ， \u3000TOTAL 12", "合计，TOTAL 12"),
        ("单价 金额: 12", "单价 金额: 12"),
        ("→ 出口 Exit", "→ 出口 Exit"),
    ],
)
def test_no_space_is_labelled_beside_a_sign_that_has_a_gap_of_its_own(line: str, label: str) -> None:
    assert text.without_gaps_at_signs(line) == label


def test_labels_of_chinese_have_no_spaces_at_signs_and_those_of_french_have() -> None:
    drawn = lines({"labelled": 1, "sentence": 1, "single_word": 1}, 4000, alphabet=BIG)
    assert not any(re.search(" [，：（）。]|[，：（）。] ", line) for line in drawn)
    assert text.without_gaps_at_signs("« é »") == "« é »"


def test_most_lines_have_no_space_between_chinese_and_latin() -> None:
    drawn = lines({"single_word": 1, "sentence": 1}, 6000, alphabet=BIG)
    beside = [line for line in drawn if re.search("[\u4e00-\u9fff] ?[A-Za-z0-9]", line)]
    spaced = [line for line in beside if re.search("[\u4e00-\u9fff] [A-Za-z0-9]", line)]
    assert 0.05 < len(spaced) / len(beside) < 0.35
