"""Engines that compute a network: ONNX Runtime on CPUs, PyTorch on a GPU, behind one interface.

On a CPU the network of `<name>.safetensors` runs from `<name>.onnx` beside it, which `make models` exports.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from handler.emissions import Emissions, of_batch
from handler.model import CRNN, CRNNConfig, load_weights, read_header

INPUT, OUTPUTS = "images", ("odds", "looked_at", "log_probs", "foreign")
"""Names in an exported graph: lines (N, channels, height, W), and what emissions.of_batch takes."""
COLUMNS_PER_CALL = 4096
"""Pixels beside each other in one call of a graph, in all its lines: more takes memory and is no faster."""


class Engine(Protocol):
    """A network that is ready to read; model.CRNN is one, too."""

    @property
    def config(self) -> CRNNConfig: ...

    def emissions(self, images: Tensor) -> list[Emissions]:
        """Of lines (N, config.channels, config.height, W) float32, W being a multiple of the frame width."""
        ...


class Graph:
    """An exported graph in ONNX Runtime, on the CPU."""

    def __init__(self, path: Path, config: CRNNConfig, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.enable_cpu_mem_arena = False  # lines differ in size: an arena would keep room for each
        self.config = config
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def emissions(self, images: Tensor) -> list[Emissions]:
        emissions = []
        for some in torch.split(images, max(1, COLUMNS_PER_CALL // images.shape[3])):
            found = self._session.run(OUTPUTS, {INPUT: some.numpy()})
            emissions += of_batch(*map(torch.from_numpy, found))
        return emissions


def load(weights: Path, device: torch.device) -> tuple[Engine, dict[str, Any]]:
    """The network of a weights file, as fast as the device runs it, and its facts."""
    graph = weights.with_suffix(".onnx")
    if device.type == "cpu" and graph.exists():
        config, facts = read_header(weights)
        return Graph(graph, config, torch.get_num_threads()), facts
    model, facts = load_weights(weights)
    optimize(model, device)
    return model, facts


def optimize(model: CRNN, device: torch.device) -> None:
    """Fold batch normalization into the convolutions, the temperature into the last layer; move the model, to
    half precision on a GPU.
    """
    for layers in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for index in range(len(layers) - 1):
            conv, norm = layers[index], layers[index + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                layers[index], layers[index + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    last = model.head[-1] if isinstance(model.head, nn.Sequential) else model.head
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.div_(model.config.temperature)
    model.config = replace(model.config, temperature=1.0)
    model.to(device, torch.half if device.type == "cuda" else torch.float, memory_format=torch.channels_last)  # type: ignore[call-overload]
