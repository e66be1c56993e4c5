"""Temperature scaling on readings whose right temperature is known."""

import random
from pathlib import Path

import pytest
import torch

from handler.charset import ASCII, encode
from handler.decode import greedy, probability
from training import calibrate, charts
from training.metrics import expected_error


def overconfident(count: int, factor: float) -> list[calibrate.Read]:
    """Readings of one letter whose logits are `factor` times what the share of right ones deserves."""
    rng, reads = random.Random(0), []
    for _ in range(count):
        logits = torch.zeros(3, 1 + len(ASCII))
        logits[[0, 2], 0] = 200
        letter = ASCII.index("a") + 1
        logits[1] = -200
        logits[1, letter], logits[1, letter + 1] = rng.uniform(0, 4), 0
        deserved = probability(logits.log_softmax(1), [letter])
        reads.append(calibrate.Read.of(logits * factor, [letter], rng.random() < deserved))
    return reads


@pytest.mark.parametrize("factor", [0.7, 1.0, 2.0])
def test_the_temperature_that_readings_were_spoilt_with_is_found(factor: float) -> None:
    reads = overconfident(1500, factor)
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
