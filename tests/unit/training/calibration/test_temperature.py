"""Temperature scaling on readings whose right temperature is known."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from handler.charset import ASCII, encode
from handler.decode import probability
from handler.model import load_weights
from handler.preprocess import to_line
from tests.plain import greedy
from training.calibration import blank_frames
from training.calibration import temperature as calibrate
from training.evaluation import charts
from training.evaluation.metrics import expected_error

ROOT = Path(__file__).resolve().parents[4]
GOLDEN = ROOT / "tests/golden"
WEIGHTS = ROOT / "model_store/weights/crnn_v1.safetensors"


def overconfident(count: int, factor: float) -> list[calibrate.ScoredReading]:
    """Readings of one letter whose logits are `factor` times what the share of right ones deserves."""
    rng, reads = random.Random(0), []
    for _ in range(count):
        logits = torch.zeros(3, 1 + len(ASCII))
        logits[[0, 2], 0] = 200
        letter = ASCII.index("a") + 1
        logits[1] = -200
        logits[1, letter], logits[1, letter + 1] = rng.uniform(0, 4), 0
        deserved = probability(logits.log_softmax(1), [letter])
        reads.append(calibrate.ScoredReading.of(logits * factor, [letter], rng.random() < deserved))
    return reads


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.7, 1.0, 2.0])
def test_the_temperature_that_readings_were_spoilt_with_is_found(factor: float) -> None:
    reads = overconfident(800, factor)
    found = calibrate.fit(reads)
    assert found == pytest.approx(factor, rel=0.15)
    assert expected_error(calibrate.bins(reads, found)) < 0.04


def test_the_temperature_changes_confidences_and_no_text() -> None:
    torch.manual_seed(0)
    logits = torch.randn(20, 1 + len(ASCII)) * 4
    sure, unsure = greedy(logits, ASCII, temperature=0.5), greedy(logits, ASCII, temperature=2.0)
    assert sure.text == unsure.text
    assert sure.confidence > unsure.confidence
    assert probability(logits.log_softmax(1), encode(sure.text, ASCII)) == pytest.approx(
        greedy(logits, ASCII).confidence
    )


def test_the_diagram_is_a_picture(tmp_path: Path) -> None:
    reads = overconfident(300, 2.0)
    charts.draw_reliability(calibrate.bins(reads, 1.0), calibrate.bins(reads, 2.0), tmp_path / "diagram.png")
    assert (tmp_path / "diagram.png").stat().st_size > 5000


def test_regression_finds_the_odds_that_shares_were_made_with() -> None:
    torch.manual_seed(0)
    features, weight = torch.randn(4000, 6) * torch.tensor([0.1, 1, 1, 2, 3, 5]), torch.randn(6)
    shares = (features @ weight + 1.5).sigmoid()
    found, bias = blank_frames.regress(features[::2], shares[::2])
    assert (features @ found + bias).sigmoid()[1::2] == pytest.approx(shares[1::2], abs=0.03)


def test_blank_frames_are_skipped_and_readings_stay() -> None:
    """Fitted on half of the golden lines, tried on the others."""
    model, _ = load_weights(WEIGHTS)
    images = (np.asarray(Image.open(path).convert("L")) for path in sorted(GOLDEN.glob("*.png")))
    lines = [to_line(image, model.config.height) for image in images]
    blank_frames.fit(model, lines[::2])
    skipped, changed = blank_frames.check(model, lines[1::2])
    assert skipped > 0.3
    assert changed == 0
