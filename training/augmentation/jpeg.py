"""JPEG's loss, for whole batches on the training device: cosines of 8 x 8 pixels, quantized."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812 - the name it has everywhere

from training.augmentation.sampling import uniform

LUMA = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
"""Quantization table for luminance of JPEG (ITU-T T.81, table K.1)."""
CHROMA = torch.full((8, 8), 99.0)
CHROMA[:4, :4] = torch.tensor([[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]])
"""For chrominance (table K.2)."""
COSINES = torch.tensor(
    [
        [math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * n + 1) * k / 16) for n in range(8)]
        for k in range(8)
    ]
)
"""The 8 x 8 discrete cosine transform, orthonormal."""
TO_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""Red, green and blue to luma and two differences of colour around 0 (JFIF)."""


def compress(images: Tensor, generator: Generator) -> Tensor:
    """JPEG's loss at quality 8 to 70, colours at half the size. H and W in 8s, or 16s in colour."""
    quality = uniform(len(images), 8, 70, generator)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)[:, None, None, None, None, None]
    levels = images.clamp(0, 255)
    if images.shape[1] == 1:
        return _quantize(levels - 128, LUMA, scale) + 128
    to_ycc = TO_YCC.to(images.device)
    planes = torch.einsum("ij,njhw->nihw", to_ycc, levels)
    luma = _quantize(planes[:, :1] - 128, LUMA, scale) + 128
    chroma = _quantize(F.avg_pool2d(planes[:, 1:], 2), CHROMA, scale)
    chroma = F.interpolate(chroma, scale_factor=2.0, mode="bilinear")
    return torch.einsum("ij,njhw->nihw", to_ycc.inverse(), torch.cat([luma, chroma], dim=1))


def _quantize(planes: Tensor, table: Tensor, scale: Tensor) -> Tensor:
    """Planes (N, C, H, W) around 0 as they come back from a table scaled for each image."""
    count, channels, height, width = planes.shape
    cosines, steps = COSINES.to(planes.device), (table.to(planes.device) * scale).clamp(min=1)
    blocks = planes.reshape(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    stored = torch.round(cosines @ blocks @ cosines.T / steps) * steps
    return (cosines.T @ stored @ cosines).transpose(3, 4).reshape(planes.shape)
