"""Charts from kept logs and reports."""

import json
from pathlib import Path

import pytest
from PIL import Image

from training.evaluation import charts


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
