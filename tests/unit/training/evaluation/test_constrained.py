"""What a pattern adds is measured on the lines whose labels match, and on the others."""

from pathlib import Path

import pytest

from tests.e2e import lines as line_images
from training.evaluation import constrained


def test_lines_that_match_and_others_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"a.png": ("l2/O3/2O24", "12/03/2024"), "b.png": ("RIVERSIDE", "RIVERSIDE")}
    for name, (drawn, _) in texts.items():
        (tmp_path / name).write_bytes(line_images.png(drawn))
    rows = [f"{name}\t{label}\n" for name, (_, label) in texts.items()]
    (tmp_path / "labels.tsv").write_text("".join(rows), "utf-8")
    options = ["crnn_v3", str(tmp_path), "--pattern", r"\d{2}/\d{2}/\d{4}"]
    assert constrained.main(options) == 0
    _, matching, plain, *others = capsys.readouterr().out.splitlines()[1].split(" | ")
    assert (matching, plain, others) == ("1", "0", ["1", "0", "1", "0"])
