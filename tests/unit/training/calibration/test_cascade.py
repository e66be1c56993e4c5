"""The threshold of a cascade on readings whose confidences and errors are known, and in a weights file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, load_weights, save_weights
from handler.repvit import Stage
from training.calibration import cascade
from training.calibration.cascade import FolderReadings


def readings(confidences: list[float], student: list[int], accurate: list[int]) -> FolderReadings:
    return FolderReadings(np.array(confidences), np.array(student, bool), np.array(accurate, bool), 1.0, 4.0)


def test_all_below_the_threshold_is_read_again_and_no_more_than_needed() -> None:
    easy = readings([0.9, 0.8, 0.3, 0.2], [1, 1, 1, 1], [1, 1, 1, 0])
    hard = readings([0.95, 0.9, 0.55, 0.3], [1, 1, 0, 0], [1, 1, 1, 1])
    assert cascade.choose([easy]) == 0
    assert cascade.choose([easy, hard]) == 0.56
    assert hard.right(0.56) == 1
    assert hard.again(0.56) == 0.5
    assert hard.time(0.56) == 0.75
    assert easy.right(0.56) == 0.75


def test_a_student_that_is_wrong_and_sure_is_always_read_again() -> None:
    sure = readings([1.0, 1.0], [0, 1], [1, 1])
    assert sure.again(cascade.choose([sure])) == 1


@pytest.mark.parametrize("lost", [3, 4])
def test_three_lines_of_a_thousand_may_be_lost(lost: int) -> None:
    student = [0] * lost + [1] * (1000 - lost)
    of = readings([0.5] * 1000, student, [1] * 1000)
    assert cascade.choose([of]) == (0 if lost == 3 else 0.51)


def test_the_threshold_is_written_beside_the_other_facts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = CRNNConfig(ASCII, (Stage(4, 1, (2, 2)), Stage(4, 1, (2, 2))), hidden=4, height=16)
    paths = [tmp_path / f"{name}.safetensors" for name in ("large", "small")]
    for path in paths:
        save_weights(CRNN(config), path, {"languages": ["en"]})
    folder = tmp_path / "lines"
    folder.mkdir()
    Image.new("L", (60, 20), 255).save(folder / "0.png")
    (folder / "labels.tsv").write_text("0.png\tab\n")
    cascade.main([*map(str, paths), "--real", str(folder), "--measure", str(folder)])
    _, facts = load_weights(paths[0])
    assert facts == {"languages": ["en"], "cascade": {"student": "small", "threshold": 0.0}}
    assert capsys.readouterr().out.count("| lines | 1 | 0.000 | 0.000 | 0.000 | 0.0% |") == 2
