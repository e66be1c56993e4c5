"""Augmentation of a batch of lines on the training device: what cameras, scanners, screens and mail do to it.

Every function takes images (N, H, W) float32 in grey levels 0 to 255 and a generator on their device, and
gives the same shape back. Each line draws its own strength.
"""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812 - the name it has everywhere

from handler.preprocess import MIN_CONTRAST

Step = Callable[[Tensor, Generator], Tensor]
MAX_SKEW = math.tan(math.radians(6))
LUMINANCE = torch.tensor(
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
COSINES = torch.tensor(
    [
        [math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * n + 1) * k / 16) for n in range(8)]
        for k in range(8)
    ]
)
"""The 8 x 8 discrete cosine transform, orthonormal."""


def uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    """(count,) uniform numbers on the generator's device."""
    return low + (high - low) * torch.rand(count, generator=generator, device=generator.device)


def skew(images: Tensor, generator: Generator) -> Tensor:
    """Skew to 6 degrees, slant, perspective and height, about the middle.

    Skew is bounded so that a long line keeps to its rows: serving straightens those before they are scaled.
    """
    count, height, width = images.shape
    device = images.device
    x = torch.linspace(-1, 1, width, device=device)[None, None, :] * width / 2
    y = torch.linspace(-1, 1, height, device=device)[None, :, None] * height / 2

    def each(spread: float) -> Tensor:
        return (torch.randn(count, generator=generator, device=device) * spread)[:, None, None]

    slope = each(MAX_SKEW / 2).clamp(-MAX_SKEW, MAX_SKEW)
    slope = slope.clamp(-0.4 * height / width, 0.4 * height / width)
    slant, taper, scale = each(0.12), each(0.08).clamp(-0.2, 0.2), each(0.06).clamp(-0.15, 0.15)
    rows = (y - slope * x) * (1 + scale + taper * 2 * x / width) + each(0.6)
    columns = x + slant * y
    grid = torch.stack([columns * 2 / width, rows * 2 / height], dim=3)
    bent = F.grid_sample(images[:, None], grid, padding_mode="border", align_corners=True)
    return bent[:, 0]


def relight(images: Tensor, generator: Generator) -> Tensor:
    """Uneven light: a slope along and across the line, and a soft spot."""
    count, height, width = images.shape
    device = images.device
    x = torch.linspace(-1, 1, width, device=device)[None, None, :]
    y = torch.linspace(-1, 1, height, device=device)[None, :, None]
    along, across, spot, middle = (
        uniform(count, low, high, generator)[:, None, None]
        for low, high in ((-0.4, 0.4), (-0.25, 0.25), (-0.35, 0.35), (-1, 1))
    )
    glow = spot * torch.exp(-(((x - middle) * width / height / 2) ** 2))
    return images * (1 + along * x + across * y + glow).clamp(0.2, 1.8)


def change_contrast(images: Tensor, generator: Generator) -> Tensor:
    """Gamma, and exposure that clips at either end or leaves little contrast."""
    count = len(images)
    gamma = torch.exp(uniform(count, -0.6, 0.6, generator))[:, None, None]
    gain, shift = (
        uniform(count, low, high, generator)[:, None, None] for low, high in ((0.35, 1.4), (-35, 35))
    )
    curved = (images / 255).clamp(0, 1) ** gamma * 255
    return (curved - 128) * gain + 128 + shift


def resample(images: Tensor, generator: Generator) -> Tensor:
    """Down to 9 to 26 of 32 rows and up again; a few sizes a batch."""
    done = images.clone()
    groups = torch.randint(0, 3, (len(images),), generator=generator, device=images.device)
    scales = uniform(3, 0.28, 0.8, generator).tolist()
    ways = torch.randint(0, 4, (3, 2), generator=generator, device=images.device).tolist()
    for group, (scale, (down, up)) in enumerate(zip(scales, ways, strict=True)):
        chosen = torch.nonzero(groups == group)[:, 0]
        if len(chosen):
            done[chosen] = _rescale(images[chosen], scale, ("area", "bilinear", "area", "nearest")[down],
                                    ("bilinear", "bilinear", "bicubic", "nearest")[up])  # fmt: skip
    return done


def _rescale(images: Tensor, scale: float, down: str, up: str) -> Tensor:
    _, height, width = images.shape
    small = (max(8, round(height * scale)), max(4, round(width * scale)))
    shrunk = F.interpolate(images[:, None], small, mode=down, antialias=down == "bilinear")
    return F.interpolate(shrunk, (height, width), mode=up)[:, 0]


def _convolve(images: Tensor, kernels: Tensor) -> Tensor:
    """Each image (N, H, W) with its own kernel (N, K, K) that sums to one."""
    half = kernels.shape[-1] // 2
    padded = F.pad(images[None], (half, half, half, half), mode="replicate")
    return F.conv2d(padded, kernels[:, None], groups=len(images))[0]


def blur(images: Tensor, generator: Generator) -> Tensor:
    """Out of focus: Gaussian of 0.4 to 1.6 pixels, not the same along and across."""
    offsets = torch.arange(-3, 4, device=images.device)

    def bell() -> Tensor:
        sigma = uniform(len(images), 0.4, 1.6, generator)[:, None]
        weights = torch.exp(-(offsets**2) / (2 * sigma**2))
        return weights / weights.sum(dim=1, keepdim=True)

    return _convolve(images, bell()[:, :, None] * bell()[:, None, :])


def shake(images: Tensor, generator: Generator) -> Tensor:
    """Motion blur: along a straight path of up to 6 pixels in any direction."""
    offsets = torch.arange(-3, 4, device=images.device, dtype=torch.float32)
    angle = uniform(len(images), 0, math.pi, generator)[:, None, None]
    reach = uniform(len(images), 1, 3, generator)[:, None, None]
    x, y = offsets[None, None, :], offsets[None, :, None]
    along = x * torch.cos(angle) + y * torch.sin(angle)
    across = y * torch.cos(angle) - x * torch.sin(angle)
    path = (1 - across.abs()).clamp(min=0) * (reach + 0.5 - along.abs()).clamp(0, 1)
    return _convolve(images, path / path.sum(dim=(1, 2), keepdim=True))


def add_noise(images: Tensor, generator: Generator) -> Tensor:
    """Grain of 2 to 24 grey levels, half of it coarse."""
    count, height, width = images.shape
    strength = uniform(count, 2, 24, generator)[:, None, None]
    coarse = uniform(count, 0, 1, generator)[:, None, None]
    fine = torch.randn(images.shape, generator=generator, device=images.device)
    half = (count, 1, height // 2, width // 2)
    large = F.interpolate(torch.randn(half, generator=generator, device=images.device), (height, width))
    return images + strength * (fine * (1 - coarse) + large[:, 0] * coarse)


def compress(images: Tensor, generator: Generator) -> Tensor:
    """JPEG's loss at quality 8 to 70: cosines of 8 x 8 pixels, quantized. H and W in multiples of 8."""
    count, height, width = images.shape
    quality = uniform(count, 8, 70, generator)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)[:, None, None, None, None]
    table = (LUMINANCE.to(images.device) * scale).clamp(min=1)
    cosines = COSINES.to(images.device)
    blocks = (images.clamp(0, 255) - 128).reshape(count, height // 8, 8, width // 8, 8).transpose(2, 3)
    stored = torch.round(cosines @ blocks @ cosines.T / table) * table
    return (cosines.T @ stored @ cosines).transpose(2, 3).reshape(images.shape) + 128


def erase(images: Tensor, generator: Generator) -> Tensor:
    """A spot, a scratch across, or a rule along the line, narrower than a letter."""
    count, height, width = images.shape
    device = images.device
    x = torch.arange(width, device=device)[None, None, :]
    y = torch.arange(height, device=device)[None, :, None]
    kind = torch.randint(0, 3, (count,), generator=generator, device=device)
    spans = torch.tensor([[0.22, 0.22], [0.1, 2.0], [40.0, 0.06]], device=device)[kind] * height
    spans = spans * uniform(count, 0.4, 1, generator)[:, None]
    left, top = uniform(count, 0, width, generator), uniform(count, 0, height, generator)
    left = torch.where(kind == 2, left - spans[:, 0] / 2, left)
    top = torch.where(kind == 1, -1, top)
    inside = (
        (x >= left[:, None, None])
        & (x < (left + spans[:, 0].clamp(min=1))[:, None, None])
        & (y >= top[:, None, None])
        & (y < (top + spans[:, 1].clamp(min=1))[:, None, None])
    )
    level = uniform(count, 0, 255, generator)[:, None, None]
    return torch.where(inside, level, images)


def invert(images: Tensor, generator: Generator) -> Tensor:  # noqa: ARG001 - one signature for all steps
    return 255 - images


STEPS: list[tuple[float, Step]] = [
    (0.5, skew), (0.25, relight), (0.3, change_contrast), (0.4, resample), (0.25, blur), (0.08, shake),
    (0.4, add_noise), (0.3, compress), (0.06, erase), (0.08, invert),
]  # fmt: skip
"""The chance of each step, in the order in which the world takes them."""


def augment(images: Tensor, gentle: Tensor, generator: Generator) -> Tensor:
    """(N, H, W) grey levels -> the same, each line changed by its own draw of STEPS.

    `gentle` (N,) bool marks lines with half the chance of each step: see Batch.
    """
    for chance, step in STEPS:
        drawn = torch.rand(len(images), generator=generator, device=images.device)
        chosen = torch.nonzero(drawn < torch.where(gentle, chance / 2, chance))[:, 0]
        if len(chosen):
            images = images.index_copy(0, chosen, step(images[chosen], generator))
    return images.clamp(0, 255)


def normalize(images: Tensor, widths: Tensor) -> Tensor:
    """Grey levels (N, H, W) -> (N, 1, H, W): mean 0, variance 1 over a line's own columns, 0 beyond.

    The same as handler.preprocess.normalize, for a batch.
    """
    inside = torch.arange(images.shape[2], device=images.device)[None, None, :] < widths[:, None, None]
    pixels = (widths * images.shape[1])[:, None, None]
    mean = (images * inside).sum(dim=(1, 2), keepdim=True) / pixels
    centred = (images - mean) * inside
    deviation = (centred.square().sum(dim=(1, 2), keepdim=True) / pixels).sqrt()
    return (centred / deviation.clamp(min=MIN_CONTRAST))[:, None]
