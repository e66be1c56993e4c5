"""The graph that `make models` exports against the network that it was exported from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from handler import engine
from handler.charset import ASCII
from handler.engine import Graph
from handler.model import (
    CRNN,
    SURELY_BLANK,
    CRNNConfig,
    accurate_config,
    fast_config,
    load_weights,
    paper_config,
    residual_config,
    save_weights,
)
from handler.recognize import recognize_lines
from training.export import export, served

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
CPU = torch.device("cpu")


def model_of(config: CRNNConfig) -> CRNN:
    """With random weights, half of whose frames are surely blank."""
    torch.manual_seed(0)
    model = CRNN(replace(config, temperature=1.5))
    images = torch.randn(4, config.channels, config.height, 8 * config.frame_width)
    with torch.no_grad():
        model(images)  # moves the running statistics away from their start
        model.eval().blank_weight.normal_()
        odds = model.frames(images) @ model.blank_weight
        model.blank_bias.fill_(SURELY_BLANK - odds.median())
    return model


@pytest.mark.parametrize("config", [accurate_config, fast_config, residual_config, paper_config])
def test_a_graph_says_what_its_network_says_for_lines_of_any_number_and_width(config: type) -> None:
    model = model_of(config(ASCII))
    graph = served(model)
    for lines, frames in ((1, 20), (5, 41), (3, 2)):
        shape = (lines, model.config.channels, model.config.height, frames * model.config.frame_width)
        images = torch.randn(shape)
        for found, expected in zip(graph.emissions(images), model.emissions(images), strict=True):
            assert torch.equal(found.looked_at, expected.looked_at)
            assert torch.allclose(found.of(range(96)), expected.of(range(96)), atol=1e-3)


def test_golden_lines_read_the_same_in_both(tmp_path: Path) -> None:
    weights = ROOT / "model_store/weights/crnn_v1.safetensors"
    (tmp_path / weights.name).symlink_to(weights)
    model, _ = load_weights(weights)
    export(weights, tmp_path)
    graph, facts = engine.load(tmp_path / weights.name, CPU)
    lines = [np.asarray(Image.open(path).convert("L")) for path in sorted(ROOT.glob("tests/golden/*.png"))]
    lines.append(np.concatenate([line for line in lines if line.shape[0] == lines[0].shape[0]] * 3, axis=1))
    assert isinstance(graph, Graph)
    assert facts["languages"] == ["en"]
    pairs = zip(recognize_lines(graph, lines), recognize_lines(model, lines), strict=True)
    for found, expected in pairs:
        assert found.text == expected.text
        assert found.confidence == pytest.approx(expected.confidence, abs=1e-3)


def test_weights_without_a_graph_run_in_pytorch(tmp_path: Path) -> None:
    save_weights(CRNN(residual_config(ASCII)), tmp_path / "m.safetensors", {"languages": ["en"]})
    loaded, facts = engine.load(tmp_path / "m.safetensors", CPU)
    assert isinstance(loaded, CRNN)
    assert facts == {"languages": ["en"]}
