"""The alphabet of Latin scripts, Chinese and Japanese: what it holds, in which order, how it is chosen."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from handler.charset import ASCII, encode
from training import alphabet, alphabet_choice

ALPHABET = alphabet.read()


def test_the_committed_alphabet_has_ascii_first_and_nothing_twice() -> None:
    assert ALPHABET[: len(ASCII)] == ASCII
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert 10_000 <= len(ALPHABET) <= 11_000


def test_the_committed_alphabet_begins_with_the_one_before() -> None:
    assert ALPHABET.startswith(alphabet.read("en_zh_ja"))


def test_the_committed_alphabet_survives_normalization_without_compatibility_forms() -> None:
    assert unicodedata.normalize("NFC", ALPHABET) == ALPHABET
    assert not any("\uf900" <= char <= "\ufaff" for char in ALPHABET)
    assert encode("京A·12345 ￥壹佰元整", ALPHABET)


@pytest.mark.parametrize(
    "text",
    [
        "增值税专用发票 价税合计（大写）壹贰叁肆伍陆柒捌玖拾佰仟万元角分整",
        "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼学警港澳挂使领",
        "臺灣繁體中文 龍鳳 廣東 價格",
        "ひらがなカタカナー 東京駅 〒々〆 ヴァイオリン 円",
        "「」『』【】《》（），。、！？：；…—～“”‘’·・￥¥€£₩℃㎡№①⑩ⅠⅩ×÷±°→※",
        "ÄÖÜäöüß ÀÂÇÉÈÊËÎÏÔŒÙÛŸ àâçéèêëîïôœùûÿ ñÑáíóú ÃÕãõ ĄĆĘŁŃÓŚŹŻąćęłńóśźż ČĎĚŇŘŠŤŮÝŽčďěňřšťůýž",
        "ĽĹŔľĺŕ ŐŰőű ĂÂÎȘȚăâîșț ŞŢşţ ĐđĆć ÅÆØåæø ĀĒĢĪĶĻŅŪāēģīķļņū ĖĮŲŪėįų ĞİŞğış ÐÞðþ ŴŶŵŷ ĊĠĦċġħ ẞ",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ ₀₁₂₃₄₅₆₇₈₉ ½¼¾ ¡¿«»‹›„‚–‡† ¢¤¦¨ª¬¯´µ¶¸º ☐☑☒✔✗✘ ⇒⇐⇔↔⇧ ∑∫∂∅∈∩∪∝∠⊥∥∴∵ ➔►◄▶◀♠♣♦",
        "ﾚｼｰﾄ ﾎﾟｲﾝﾄｶｰﾄﾞ ｡｢｣､･ ｧｨｩｪｫｬｭｮｯ 龃龉饕餮 喆彧珺堃",
    ],
)
def test_the_committed_alphabet_spells_what_is_asked_for(text: str) -> None:
    assert set(text) <= set(ALPHABET)


def test_the_standards_have_their_known_sizes() -> None:
    assert len(alphabet.standard("gb2312", 0xB0A1, 0xF7FE)) == 6763
    assert len(alphabet.standard("euc_jp", 0xB0A1, 0xCFD3)) == 2965
    assert len(alphabet.standard("big5", 0xA440, 0xC67E)) == 5401
    assert set(ALPHABET) <= set(alphabet.candidates())


def test_chinese_characters_are_those_that_the_public_weights_know() -> None:
    assert "ə" not in alphabet_choice.choose({"ə", "嫒"})
    assert set(alphabet_choice.choose({"鬏", "鱶", "龘"})) - set(alphabet_choice.choose(set())) == {
        "鬏",
        "鱶",
    }


def test_the_committed_alphabet_is_what_is_chosen() -> None:
    assert alphabet_choice.choose(alphabet_choice.dictionary()) == ALPHABET


def test_coverage_is_the_share_of_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "labels.tsv").write_text("a.png\t国 国X\nb.png\tX\n", "utf-8")
    counts = alphabet_choice.labels(tmp_path / "labels.tsv")
    assert counts == {"国": 2, "X": 2}
    assert alphabet_choice.covered("国", counts) == 0.5


def test_bands_hold_each_character_once() -> None:
    counts = Counter({"a": 1, "b": 4, "c": 5, "d": 10**6})
    bands = {
        (low, high): "".join(chars) for low, high, chars in alphabet_choice.bands("abcde", counts) if chars
    }
    assert bands == {(0, 1): "e", (1, 5): "ab", (5, 10): "c", (1000, 10**9): "d"}


def test_an_alphabet_is_written_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alphabet, "FOLDER", tmp_path)
    alphabet.write(ALPHABET, tmp_path / "again.txt")
    assert alphabet.read("again") == ALPHABET
