"""The network's shapes and its weights file."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from handler.charset import ASCII
from handler.engine import optimize
from handler.model import (
    CRNN,
    SURELY_BLANK,
    CRNNConfig,
    count_parameters,
    large_config,
    lite_config,
    load_weights,
    paper_config,
    residual_config,
    save_weights,
)
from training.calibration import blank_frames

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "config",
    [
        residual_config(ASCII),
        large_config(ASCII),
        lite_config(ASCII),
        paper_config(ASCII),
    ],
)
@pytest.mark.parametrize("width", [16, 160, 1024])
def test_one_frame_for_each_frame_width(config: CRNNConfig, width: int) -> None:
    logits = CRNN(config).eval()(torch.zeros(2, 1, config.height, width))
    assert logits.shape == (2, width // config.frame_width, 96)


def test_sizes_are_those_of_the_family() -> None:
    assert count_parameters(CRNN(paper_config(ASCII))) == pytest.approx(8.3e6, rel=0.06)
    assert count_parameters(CRNN(residual_config(ASCII))) == pytest.approx(3.7e6, rel=0.01)
    assert count_parameters(CRNN(large_config("漢" * 8500))) == pytest.approx(10.3e6, rel=0.01)
    assert count_parameters(CRNN(lite_config("漢" * 8700))) == pytest.approx(1.99e6, rel=0.01)


def test_weights_come_back_with_their_configuration_and_facts(tmp_path: Path) -> None:
    model = CRNN(residual_config(ASCII)).eval()
    path = tmp_path / "m.safetensors"
    save_weights(model, path, {"languages": ["en"]})
    again, facts = load_weights(path)
    assert again.config == model.config
    assert facts == {"languages": ["en"]}
    image = torch.randn(1, 1, 32, 64)
    assert torch.allclose(again(image), model(image), atol=0.05)
    with safe_open(path, framework="pt") as file:
        assert file.get_tensor("head.weight").dtype == torch.half


def test_optimizing_changes_no_result() -> None:
    model = CRNN(residual_config(ASCII))
    model(torch.randn(4, 1, 32, 128))  # moves the running statistics away from their start
    model.eval()
    image = torch.randn(3, 1, 32, 128)
    with torch.no_grad():
        before = model(image)
        optimize(model, torch.device("cpu"))
        after = model(image)
    assert torch.allclose(after, before, atol=1e-4)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in model.modules())


def test_emissions_are_of_all_frames_until_it_is_told_what_is_blank() -> None:
    model = CRNN(replace(residual_config(ASCII), temperature=0.5)).eval()
    image = torch.randn(2, 1, 32, 64)
    with torch.no_grad():
        log_probs = (model(image) / 0.5).log_softmax(dim=2)
    for line, expected in zip(model.emissions(image), log_probs, strict=True):
        assert torch.allclose(line.of(range(96)), expected, atol=1e-5)


def test_a_frame_that_is_surely_blank_is_not_compared_with_characters() -> None:
    """Its blank has the odds that were found for it, whatever the temperature; the others are as ever."""
    model = CRNN(replace(residual_config(ASCII), temperature=0.5)).eval()
    image = torch.randn(2, 1, 32, 64)
    everywhere = model.emissions(image)
    with torch.no_grad():
        model.blank_weight.normal_()
        odds = model.frames(image) @ model.blank_weight
        model.blank_bias.fill_(SURELY_BLANK - odds.median())
    for line, before, told in zip(model.emissions(image), everywhere, odds + model.blank_bias, strict=True):
        skipped = told >= SURELY_BLANK
        assert 0 < skipped.sum() < len(line)
        found = line.of(range(96))
        assert torch.allclose(found[~skipped], before.of(range(96))[~skipped], atol=1e-5)
        assert torch.allclose(blank_frames.log_odds(found)[skipped], told[skipped], atol=1e-4)
        assert (found[skipped, 1:] == found[skipped, 1:2]).all()
