"""Convolutions of a CRNN in RepViT's style: colour lines (N, 3, 48, W) -> two sequences of features.

A block mixes columns and rows by a depthwise 3x3 convolution and channels by two 1x1 convolutions (Wang et
al., "RepViT: Revisiting Mobile CNN From ViT Perspective", 2023, https://arxiv.org/abs/2307.09283). Dimensions
and the order of layers are those of PP-OCRv6's recognizers (PaddleOCR, Apache-2.0), so that their public
weights fit; batch normalization is folded into the convolutions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Stage:
    """A run of equal blocks; a `stride` (rows, columns) other than (1, 1) divides the size once, first."""

    channels: int
    blocks: int
    stride: tuple[int, int]


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the whole image shows (Hu et al. 2018). (N, C, H, W) -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 4, 1)
        self.excite = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(2, 3), keepdim=True)
        return x * functional.hardsigmoid(self.excite(functional.relu(self.squeeze(mean))))


class RepViTBlock(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride[0], W / stride[1]); a residual where the size is kept."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int], squeezed: bool) -> None:
        super().__init__()
        self.residual = inputs == outputs and stride == (1, 1)
        self.tokens = nn.Conv2d(inputs, inputs, 3, stride, padding=1, groups=inputs)
        self.squeeze = SqueezeExcitation(inputs) if squeezed else nn.Identity()
        self.expand = nn.Conv2d(inputs, 2 * inputs, 1)
        self.project = nn.Conv2d(2 * inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(self.tokens(x))
        y: Tensor = self.project(functional.gelu(self.expand(x)))
        return x + y if self.residual else y


class PlainStem(nn.Module):
    """Two strided convolutions. (N, 3, H, W) -> (N, channels, H / 4, W / 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, channels // 2, 3, 2, padding=1)
        self.second = nn.Conv2d(channels // 2, channels, 3, 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.second(functional.gelu(self.first(x)))
        return result


class HGStem(nn.Module):
    """PP-HGNetV2's stem: between two strided convolutions a pooled and a convolved branch.

    (N, 3, H, W) -> (N, channels, H / 4, W / 4).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.first = nn.Conv2d(3, half, 3, 2, padding=1)
        self.narrow = nn.Conv2d(half, half // 2, 2)
        self.widen = nn.Conv2d(half // 2, half, 2)
        self.second = nn.Conv2d(channels, half, 3, 2, padding=1)
        self.last = nn.Conv2d(half, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.first(x))
        beyond = (0, 1, 0, 1)  # the 2x2 windows reach over the right and the lower edge
        branch = functional.relu(self.narrow(functional.pad(x, beyond)))
        branch = functional.relu(self.widen(functional.pad(branch, beyond)))
        pooled = functional.max_pool2d(functional.pad(x, beyond), 2, 1)
        x = functional.relu(self.second(torch.cat([pooled, branch], dim=1)))
        return functional.relu(self.last(x))


STEM_STRIDE = 4
POOL = (3, 2)
"""Rows and columns of which a neck takes the mean: one frame of features for two columns."""


class Neck(nn.Module):
    """(N, C, 3, 2 T) -> shortcut and features (N, T, width) each; the features see their neighbours."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.shortcut = nn.Conv2d(inputs, width, 1)
        self.features = nn.Conv2d(inputs, width, 1)
        self.neighbours = nn.Conv2d(width, width, (1, 7), padding=(0, 3), groups=width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pooled = functional.avg_pool2d(x, POOL)
        features = functional.silu(self.features(pooled))
        features = features + functional.silu(self.neighbours(features))
        shortcut = functional.silu(self.shortcut(pooled))
        return shortcut.squeeze(2).transpose(1, 2), features.squeeze(2).transpose(1, 2)


class PlainNeck(nn.Module):
    """(N, C, 3, 2 T) -> no shortcut, and features (N, T, width) that see their neighbours."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.neighbours = nn.Conv2d(inputs, inputs, (1, 5), padding=(0, 2), groups=inputs)
        self.channels = nn.Conv2d(inputs, inputs, 1)
        self.features = nn.Conv2d(inputs, width, 1)

    def forward(self, x: Tensor) -> tuple[None, Tensor]:
        seen = functional.hardswish(self.neighbours(functional.avg_pool2d(x, POOL)))
        features = self.features(functional.hardswish(self.channels(seen)))
        return None, features.squeeze(2).transpose(1, 2)


ENDS: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "hg": (HGStem, Neck),
    "plain": (PlainStem, PlainNeck),
}
"""Stem and neck by their name in the configuration."""


class RepViT(nn.Module):
    """(N, 3, H, W) -> shortcut, if any, and features (N, T, neck) each, T = W / frame width."""

    def __init__(self, ends: str, stages: Sequence[Stage], width: int) -> None:
        super().__init__()
        (stem, neck), inputs = ENDS[ends], stages[0].channels
        layers: list[nn.Module] = [stem(inputs)]
        for stage in stages:
            if stage.stride != (1, 1):
                layers.append(RepViTBlock(inputs, stage.channels, stage.stride, squeezed=False))
            inputs = stage.channels
            for index in range(stage.blocks):
                squeezed = index % 2 == 0 and index + 1 < stage.blocks
                layers.append(RepViTBlock(inputs, inputs, (1, 1), squeezed))
        self.layers = nn.Sequential(*layers)
        self.neck = neck(inputs, width)

    def forward(self, images: Tensor, done: int = 0) -> tuple[Tensor | None, Tensor]:
        """With `done`, what so many of the first layers have made of the images is given in their place."""
        shortcut, features = self.neck(self.layers[done:](images))
        return shortcut, features
