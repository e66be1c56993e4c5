"""Several engines on the same samples, in one table."""

from pathlib import Path

import pytest

from tests.unit.made_lines import line
from training.evaluation import comparison, peers


def test_spaces_stand_below_the_table_where_lines_mix_scripts() -> None:
    mixed = comparison.figures([("用Word", 0.5), ("ab", 0.5)], [line("用 Word"), line("a b")])
    assert (mixed["spaces"], mixed["spaces_of"]) == (0, 1)
    plain = comparison.figures([("ab", 0.5)], [line("a b")])
    assert not plain.keys() & {"spaces", "spaces_of"}
    rows = [{"engine": "tiny"} | mixed, {"engine": "other"} | plain, {"engine": "gone", "missing": "why"}]
    assert comparison.spaces_found(rows) == "\n\ntiny: spaces found in mixed lines: 0.000 (of 1)"
    assert comparison.spaces_found(rows[1:]) == ""


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


def test_timed_lines_are_batched_by_shape() -> None:
    samples = [line("x", width=40 + 7 * (number * 37 % 50)) for number in range(50)]
    singles, eights = comparison.timed_batches(samples)
    widths = [samples[number].image.shape[1] for batch in eights for number in batch]
    assert len(singles) == 50
    assert [len(batch) for batch in eights] == [8] * 6
    assert widths == sorted(widths)
