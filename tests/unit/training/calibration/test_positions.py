"""Where characters stand against where they are emitted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from handler.charset import ASCII
from handler.decode import Character, Recognition
from handler.model import CRNN, CRNNConfig, Stage
from handler.preprocess import to_line
from training.calibration import positions

pytestmark = pytest.mark.usefixtures("one_font")

TINY = CRNNConfig(
    ASCII, (Stage(16, 1, (2, 2)), Stage(32, 1, (2, 2)), Stage(32, 1, (4, 1))), hidden=32, dropout=0.0
)


def test_the_offset_is_measured_in_pixels_at_model_height(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that sees every character 5 pixels too far left is found out, at the model's scale."""
    path = tmp_path / "family-400-normal.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    monkeypatch.setattr(positions, "font_files", lambda: {"sans": [str(path)], "serif": []})
    known = {image.tobytes(): (line, places) for image, line, places in positions.known_lines(20, seed=0)}
    scales = []

    def shifted(_model: CRNN, lines: list[np.ndarray], **_: bool) -> list[Recognition]:
        line, places = known[lines[0].tobytes()]
        scales.append(to_line(lines[0], TINY.height).shape[1] / lines[0].shape[1])
        extents = zip(line, places, strict=True)
        characters = tuple(Character(c, 1.0, start - 5, end - 5) for c, (start, end) in extents)
        return [Recognition(line, 1.0, characters)]

    monkeypatch.setattr(positions, "recognize_lines", shifted)
    shift, _ = positions.measure(CRNN(TINY), count=20, seed=0)
    assert -5 * max(scales) <= shift <= -5 * min(scales)
