"""Words, characters, spaces and calibration as their protocols count them."""

import pytest

from training.evaluation.metrics import calibration_error, edit_distance, found, reliability, score, spaces


def test_figures_follow_their_protocols() -> None:
    figures = score([("Hello!", "hello"), ("A B", "A  B"), ("x", "..."), ("abcd", "abxd")])
    assert figures["lines"] == 4
    assert figures["word"] == round(2 / 3, 4)
    assert figures["word_cased"] == round(1 / 3, 4)
    assert figures["exact"] == 0.25
    assert figures["strict"] == 0.25
    assert figures["cer"] == round((1 + 0 + 3 + 1) / (5 + 3 + 3 + 4), 4)


@pytest.mark.parametrize(
    ("read", "label", "word", "exact", "strict"),
    [
        ("客票", "客票", 1, 1, 1),
        ("客栗", "客票", 0, 0, 0),
        ("客票:12", "客票：１２", 1, 1, 0),  # noqa: RUF001 - full width is the point
        ("FLIGHT 航班", "flight　航班", 1, 1, 0),  # noqa: RUF001
        ("cafe\u0301", "CAFÉ", 1, 1, 0),
        ("a,b", "a.b", 1, 0, 0),
    ],
)
def test_labels_of_any_script_and_width(read: str, label: str, word: int, exact: int, strict: int) -> None:
    figures = score([(read, label)])
    assert [figures["word"], figures["exact"], figures["strict"]] == [word, exact, strict]


@pytest.mark.parametrize(
    ("a", "b", "edits"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
)
def test_edit_distance(a: str, b: str, edits: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == edits


@pytest.mark.parametrize(
    ("label", "read", "right"),
    [
        ("客票", "客票", "++"),
        ("客票", "客栗", "+-"),
        ("abc", "", "---"),
        ("", "abc", ""),
        ("a b", "ab", "+-+"),
        ("ab", "ba", "+-"),
        ("kitten", "sitting", "-+++-+"),
        ("aab", "ab", "-++"),
    ],
)
def test_characters_are_found_in_their_places(label: str, read: str, right: str) -> None:
    """Of alignments with as few edits the one that finds more counts: ba has one of ab, and not none."""
    assert found(label, read) == [mark == "+" for mark in right]


def test_fewest_edits_come_before_most_finds() -> None:
    for label, read in (("abcabc", "cabbac"), ("line of text", "text of line"), ("aaab", "baaa")):
        right = found(label, read)
        left = iter(read)
        assert all(char in left for char, ok in zip(label, right, strict=True) if ok)
        assert len(label) - sum(right) <= edit_distance(label, read)


def test_spaces_are_counted_in_lines_that_mix_scripts() -> None:
    mixed = [("使用 Python3.11", "使用 Python 3.11"), ("用 Word", "用　Word"), ("ｱABC", "ｱ ABC")]  # noqa: RUF001
    others = [("ab", "a b"), ("中国日本", "中国 日本"), ("中国 A", "中国 1"), ("用Word", "用Word")]
    assert spaces(mixed) == (2, 4)
    assert spaces(mixed + others) == (2, 4)
    assert spaces([("价格 Total  5", "价格  Total 5")]) == (2, 2)
    assert spaces(others) == (0, 0)


def test_confidence_that_keeps_its_promise_has_no_calibration_error() -> None:
    assert calibration_error([0.8] * 10, [True] * 8 + [False] * 2) == 0
    assert calibration_error([1.0, 0.0], [True, False]) == 0


def test_calibration_error_weighs_each_bin_by_its_lines() -> None:
    confidences, right = [0.9] * 6 + [0.3] * 4, [True] * 3 + [False] * 3 + [True] + [False] * 3
    assert calibration_error(confidences, right) == pytest.approx(0.6 * 0.4 + 0.4 * 0.05)
    low, high = reliability(confidences, right)
    assert (low.count, low.right, high.count, high.right) == (4, 0.25, 6, 0.5)
    assert low.low <= 0.3 < low.high <= high.low <= 0.9 < high.high
    assert reliability([1.0], [True])[0].high == 1
