"""CRNN: convolutions, two BiLSTM layers and a linear layer whose frames CTC reads.

Shi, Bai and Yao, "An End-to-End Trainable Neural Network for Image-based Sequence Recognition" (2015),
https://arxiv.org/abs/1507.05717. One definition serves training, serving and export.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from handler.emissions import Emissions, of_batch
from handler.repvit import POOL, STEM_STRIDE, RepViT, Stage


@dataclass(frozen=True)
class CRNNConfig:
    """Dimensions of a CRNN; travels in the header of its weights file."""

    alphabet: str
    stages: tuple[Stage, ...]
    block: str = "residual"
    stem: str = ""
    """Of block "repvit": which stem and neck, see repvit.ENDS."""
    neck: int = 0
    """Of block "repvit": width of the features that the LSTMs and the head read."""
    hidden: int = 128
    layers: int = 2
    """LSTM layers, each in both directions."""
    channels: int = 1
    """Of the lines that it takes: 1 for grey, 3 for RGB; see preprocess.normalize."""
    rank: int = 0
    """Width of a narrow layer in front of a large alphabet's classes; 0 for none."""
    height: int = 32
    dropout: float = 0.1
    temperature: float = 1.0
    """Divides the logits before confidences are taken from them; fitted after training."""
    offset: float = 0.0
    """Pixels at model height from where a character is emitted to its middle; measured after training."""

    @property
    def frame_width(self) -> int:
        """Input pixels per frame."""
        width = STEM_STRIDE * POOL[1] if self.block == "repvit" else 1
        for stage in self.stages:
            width *= stage.stride[1]
        return width

    @property
    def rows(self) -> int:
        """Rows that the last stage leaves of the input height."""
        rows = self.height
        for stage in self.stages:
            rows //= stage.stride[0]
        return rows

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "CRNNConfig":
        fields = json.loads(text)
        stages = tuple(Stage(s["channels"], s["blocks"], tuple(s["stride"])) for s in fields.pop("stages"))
        return cls(stages=stages, **fields)


def paper_config(alphabet: str) -> CRNNConfig:
    """The dimensions of Shi et al. 2015, table 1 (8.3M parameters), with batch normalization throughout."""
    stages = (Stage(64, 1, (2, 2)), Stage(128, 1, (2, 2)), Stage(256, 2, (2, 1)), Stage(512, 2, (2, 1)))
    return CRNNConfig(alphabet, stages, block="vgg", hidden=256, dropout=0.0)


def residual_config(alphabet: str) -> CRNNConfig:
    """A residual CRNN of 3.7M parameters: for training on CPUs."""
    stages = (Stage(32, 1, (2, 2)), Stage(64, 3, (2, 2)), Stage(128, 4, (2, 1)), Stage(256, 3, (2, 1)))
    return CRNNConfig(alphabet, stages, block="residual", hidden=192)


def large_config(alphabet: str) -> CRNNConfig:
    """The residual CRNN with two more blocks and wider LSTMs: 10M parameters with an alphabet of 8,500."""
    stages = (Stage(32, 1, (2, 2)), Stage(64, 3, (2, 2)), Stage(128, 4, (2, 1)), Stage(256, 5, (2, 1)))
    return CRNNConfig(alphabet, stages, block="residual", hidden=256)


def lite_config(alphabet: str) -> CRNNConfig:
    """A residual CRNN of 2.0M parameters with an alphabet of 8,700; a third of the large one's time."""
    stages = (Stage(32, 1, (2, 2)), Stage(64, 2, (2, 2)), Stage(96, 3, (2, 1)), Stage(160, 2, (2, 1)))
    return CRNNConfig(alphabet, stages, block="residual", hidden=112, rank=88)


def accurate_config(alphabet: str) -> CRNNConfig:
    """PP-OCRv6 small's convolutions, then two BiLSTM layers: 5.5M parameters with an alphabet of 11,000."""
    stages = (Stage(96, 3, (1, 1)), Stage(192, 6, (2, 1)), Stage(384, 2, (2, 1)))
    return CRNNConfig(alphabet, stages, "repvit", "hg", neck=120, hidden=192, channels=3, height=48)


def fast_config(alphabet: str) -> CRNNConfig:
    """PP-OCRv6 tiny's convolutions, then one BiLSTM layer: 1.7M parameters with an alphabet of 11,000."""
    stages = (Stage(48, 2, (1, 1)), Stage(96, 2, (2, 1)), Stage(160, 3, (2, 1)))
    return CRNNConfig(
        alphabet, stages, "repvit", "plain", neck=80, hidden=128, layers=1, channels=3, height=48
    )


def _normalized(conv: nn.Conv2d) -> list[nn.Module]:
    return [conv, nn.BatchNorm2d(conv.out_channels)]


class ResidualBlock(nn.Module):
    """A 3x3 convolution with a residual where the shape is kept (He et al. 2015).

    (N, inputs, H, W) -> (N, outputs, H / stride[0], W / stride[1])
    """

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.residual = inputs == outputs and stride == (1, 1)
        convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.layers = nn.Sequential(*_normalized(convolution))

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return torch.relu(x + y) if self.residual else torch.relu(y)


def _residual_stages(config: CRNNConfig) -> list[nn.Module]:
    stem, *stages = config.stages
    layers: list[nn.Module] = [
        *_normalized(nn.Conv2d(1, stem.channels, 3, stem.stride, padding=1, bias=False)),
        nn.ReLU(inplace=True),
    ]
    inputs = stem.channels
    for stage in stages:
        for index in range(stage.blocks):
            layers.append(ResidualBlock(inputs, stage.channels, (1, 1) if index else stage.stride))
            inputs = stage.channels
    return layers


def _vgg_stages(config: CRNNConfig) -> list[nn.Module]:
    layers: list[nn.Module] = []
    inputs = 1
    for stage in config.stages:
        for _ in range(stage.blocks):
            layers += _normalized(nn.Conv2d(inputs, stage.channels, 3, padding=1, bias=False))
            layers.append(nn.ReLU(inplace=True))
            inputs = stage.channels
        layers.append(nn.MaxPool2d(stage.stride))
    return layers


def _residual_cnn(config: CRNNConfig) -> nn.Sequential:
    """(N, 1, H, W) -> (N, C, 1, W / frame_width)."""
    width = config.stages[-1].channels
    stages = _vgg_stages(config) if config.block == "vgg" else _residual_stages(config)
    groups = 1 if config.block == "vgg" else width
    collapse = nn.Conv2d(width, width, (config.rows, 2), bias=False, groups=groups)
    return nn.Sequential(*stages, nn.ZeroPad2d((0, 1, 0, 0)), *_normalized(collapse), nn.ReLU(inplace=True))


def _head(inputs: int, rank: int, classes: int) -> nn.Module:
    """A linear layer, or the product of two where `rank` says how narrow they meet."""
    if not rank:
        return nn.Linear(inputs, classes)
    return nn.Sequential(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, classes))


SURELY_BLANK = 5.0
"""Log odds of the blank from which on no character is looked for in a frame."""


class CRNN(nn.Module):
    """(N, config.channels, config.height, W) float -> logits (N, W / frame_width, 1 + len(alphabet)).

    W is a multiple of config.frame_width. With `classes` (K,) only their logits are computed: (N, …, K). With
    `done` what so many of the first convolutions have made of the images is given in their place.
    """

    def __init__(self, config: CRNNConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = nn.Dropout(config.dropout)
        if config.block == "repvit":
            self.cnn: nn.Module = RepViT(config.stem, config.stages, config.neck)
            inputs = width = config.neck
            self.mix = nn.Linear(2 * config.hidden, width)
            self.norm = nn.LayerNorm(width, eps=1e-6) if config.stem == "hg" else nn.Identity()
        else:
            self.cnn, inputs, width = _residual_cnn(config), config.stages[-1].channels, 2 * config.hidden
        self.rnn = nn.LSTM(inputs, config.hidden, num_layers=config.layers, bidirectional=True,
                           batch_first=True, dropout=config.dropout if config.layers > 1 else 0)  # fmt: skip
        self.head = _head(width, config.rank, 1 + len(config.alphabet))
        self.blank_weight: Tensor
        self.blank_bias: Tensor
        self.register_buffer("blank_weight", torch.zeros(width))
        self.register_buffer("blank_bias", torch.zeros(()))
        self.foreign_weight: Tensor
        self.foreign_bias: Tensor
        self.register_buffer("foreign_weight", torch.zeros(width))
        self.register_buffer("foreign_bias", torch.zeros(()))
        self.look_everywhere()

    @property
    def convolutions(self) -> nn.Sequential:
        """The layers, or the blocks of layers, in front of the neck, if there is one."""
        layers = self.cnn.layers if isinstance(self.cnn, RepViT) else self.cnn
        assert isinstance(layers, nn.Sequential)
        return layers

    def look_everywhere(self) -> None:
        """Forget which frames are surely blank; training/calibration/blank_frames.py finds it out."""
        self.blank_weight.zero_()
        self.blank_bias.zero_()

    def forward(self, images: Tensor, classes: Tensor | None = None, done: int = 0) -> Tensor:
        frames = self.dropout(self.frames(images, done))
        return self.logits(frames, classes)

    def logits(self, frames: Tensor, classes: Tensor | None = None) -> Tensor:
        """Logits of frames (N, T, width): (N, T, 1 + len(alphabet)), or (N, T, K) of `classes` (K,)."""
        if classes is None:
            found: Tensor = self.head(frames)
            return found
        *narrow, last = self.head if isinstance(self.head, nn.Sequential) else [self.head]
        weight, bias = last.get_parameter("weight"), last.get_parameter("bias")
        return functional.linear(nn.Sequential(*narrow)(frames), weight[classes], bias[classes])

    def frames(self, images: Tensor, done: int = 0) -> Tensor:
        """Features for the head: (N, channels, height, W) -> (N, W / frame_width, width of the head)."""
        if self.config.block == "repvit":
            return self.join(*self.cnn(images, done))
        convolutions = self.convolutions[done:] if done else self.cnn
        features = convolutions(images)[:, :, 0].transpose(1, 2)
        frames: Tensor = self.rnn(self.dropout(features))[0]
        return frames

    def join(self, shortcut: Tensor | None, features: Tensor) -> Tensor:
        """Features of the convolutions and of the LSTMs, joined: (N, T, neck) of each -> (N, T, neck)."""
        context, _ = self.rnn(self.dropout(features))
        mixed: Tensor = self.norm(features + self.mix(context))
        return mixed if shortcut is None else mixed + shortcut

    def foreign(self, frames: Tensor) -> Tensor:
        """Log odds of frames (…, width) to show a letter that is not in the alphabet; see
        training/calibration/foreign_letters.py. 0 where that was never fitted."""
        return frames @ self.foreign_weight + self.foreign_bias

    def skim(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Arguments of emissions.of_batch, calibrated by the temperature. Frames that a logistic regression
        finds surely blank are not compared with every character.
        """
        frames = self.frames(images)
        odds = frames @ self.blank_weight + self.blank_bias
        looked_at = torch.nonzero(odds < SURELY_BLANK)
        seen = frames[looked_at[:, 0], looked_at[:, 1]]
        logits = self.head(seen)
        if self.config.temperature != 1:
            logits = logits / self.config.temperature
        return odds, looked_at, torch.log_softmax(logits, dim=1), self.foreign(seen)

    @torch.inference_mode()
    def emissions(self, images: Tensor) -> list[Emissions]:
        """Of lines (N, channels, height, W) float; a GPU is faster at comparing than at choosing."""
        weight = next(self.parameters())
        images = images.to(weight.device, weight.dtype)
        if not weight.is_cuda:
            return of_batch(*self.skim(images))
        frames = self.frames(images)
        logits, foreign = self.logits(frames).float() / self.config.temperature, self.foreign(frames).float()
        return [Emissions.everywhere(*line) for line in zip(logits, foreign, strict=True)]


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def save_weights(model: CRNN, path: Path, facts: dict[str, Any]) -> None:
    """Write fp16 safetensors; the header holds the configuration and `facts` (languages, accuracy, …)."""
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in model.state_dict().items()
    }
    save_file(tensors, path, metadata={"config": model.config.to_json(), "facts": json.dumps(facts)})


def read_header(path: Path) -> tuple[CRNNConfig, dict[str, Any]]:
    """Configuration and facts of a weights file."""
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    return CRNNConfig.from_json(header["config"]), json.loads(header["facts"])


def load_weights(path: Path) -> tuple[CRNN, dict[str, Any]]:
    """Model in evaluation mode and the facts of its header; safetensors only, nothing is unpickled."""
    config, facts = read_header(path)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    model = CRNN(config)
    unfitted = {name: tensor for name, tensor in model.state_dict().items() if name.startswith("foreign_")}
    given = {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}
    model.load_state_dict(unfitted | given)
    return model.eval(), facts
