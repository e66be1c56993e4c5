"""A network as an ONNX graph, which ONNX Runtime computes on CPUs: `make models` puts it beside the weights.

The graph takes lines (N, channels, height, W) and ends with the log probabilities of the frames that may show
a character: see CRNN.skim. It is traced by PyTorch's older exporter: the newer one takes a minute for a
network of a million parameters, and two more packages.
"""

import copy
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from handler.engine import INPUT, OUTPUTS, Engine, Graph, optimize
from handler.model import CRNN, load_weights

OPSET = 20
"""The first with Gelu."""
AXES = {INPUT: {0: "lines", 3: "width"}, "odds": {0: "lines", 1: "frames"},
        **{name: {0: "looked at"} for name in ("looked_at", "log_probs", "foreign")}}  # fmt: skip
"""Dimensions that vary."""


class _Skim(nn.Module):
    def __init__(self, model: CRNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.model.skim(images)


def export(weights: Path, folder: Path) -> Path:
    """Write the graph of a weights file into a folder, as `<name>.onnx`."""
    path = folder / f"{weights.stem}.onnx"
    write(load_weights(weights)[0], path)
    return path


def write(model: CRNN, path: Path) -> None:
    """Trace a model, its normalization and temperature folded into its layers, and write its graph."""
    model, config = copy.deepcopy(model).eval(), model.config
    optimize(model, torch.device("cpu"))
    example = torch.zeros(2, config.channels, config.height, 16 * config.frame_width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is a newer exporter, and that sizes may vary
        torch.onnx.export(
            _Skim(model).eval(), (example,), path, dynamo=False, opset_version=OPSET,
            input_names=[INPUT], output_names=[*OUTPUTS], dynamic_axes=AXES,
        )  # fmt: skip


def served(model: CRNN, threads: int = 1) -> Engine:
    """A model as the service runs it on a CPU, with so many threads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        write(model, path)
        return Graph(path, model.config, threads)
