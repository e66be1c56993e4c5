"""Augmentation of a batch of lines on the training device: what cameras, scanners, screens and mail do to it.

Every step takes images (N, C, H, W) float32 in levels 0 to 255, C being 1 for grey and 3 for red, green and
blue, and a generator on their device, and gives the same shape back. Each line draws its own strength, one
for all its channels: geometry and light are the same in each; noise and the white balance are not.
"""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812 - the name it has everywhere

from handler.preprocess import MIN_CONTRAST
from training.augmentation.jpeg import compress
from training.augmentation.sampling import uniform
from training.augmentation.tint import tint

Step = Callable[[Tensor, Generator], Tensor]
MAX_SKEW = math.tan(math.radians(6))
CAST = 0.15
"""A white balance changes each channel by at most this part."""


def skew(images: Tensor, generator: Generator) -> Tensor:
    """Skew to 6 degrees, slant, perspective and height, about the middle.

    Skew is bounded so that a long line keeps to its rows: serving straightens those before they are scaled.
    """
    count, _, height, width = images.shape
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
    return F.grid_sample(images, grid, padding_mode="border", align_corners=True)


def relight(images: Tensor, generator: Generator) -> Tensor:
    """Uneven light: a slope along and across the line, and a soft spot."""
    count, _, height, width = images.shape
    device = images.device
    x = torch.linspace(-1, 1, width, device=device)[None, None, :]
    y = torch.linspace(-1, 1, height, device=device)[None, :, None]
    along, across, spot, middle = (
        uniform(count, low, high, generator)[:, None, None]
        for low, high in ((-0.4, 0.4), (-0.25, 0.25), (-0.35, 0.35), (-1, 1))
    )
    glow = spot * torch.exp(-(((x - middle) * width / height / 2) ** 2))
    return images * (1 + along * x + across * y + glow).clamp(0.2, 1.8)[:, None]


def change_contrast(images: Tensor, generator: Generator) -> Tensor:
    """Gamma, and exposure that clips at either end or leaves little contrast; in colour, a white balance."""
    count, channels = images.shape[:2]
    gamma = torch.exp(uniform(count, -0.6, 0.6, generator))[:, None, None, None]
    gain, shift = (
        uniform(count, low, high, generator)[:, None, None, None] for low, high in ((0.35, 1.4), (-35, 35))
    )
    if channels > 1:
        balance = uniform(count * channels, -CAST, CAST, generator).reshape(count, channels, 1, 1)
        images = images * (1 + balance)
    curved = (images / 255).clamp(0, 1) ** gamma * 255
    return (curved - 128) * gain + 128 + shift


def resample(images: Tensor, generator: Generator) -> Tensor:
    """Down to 28 to 80 % of the rows (9 to 26 of 32) and up again; a few sizes a batch."""
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
    height, width = images.shape[2:]
    small = (max(8, round(height * scale)), max(4, round(width * scale)))
    shrunk = F.interpolate(images, small, mode=down, antialias=down == "bilinear")
    return F.interpolate(shrunk, (height, width), mode=up)


def _convolve(images: Tensor, kernels: Tensor) -> Tensor:
    """Each image (N, C, H, W) with its own kernel (N, K, K) that sums to one."""
    count, channels, height, width = images.shape
    half = kernels.shape[-1] // 2
    planes = images.reshape(1, count * channels, height, width)
    padded = F.pad(planes, (half, half, half, half), mode="replicate")
    each = kernels.repeat_interleave(channels, dim=0)[:, None]
    return F.conv2d(padded, each, groups=count * channels).reshape(images.shape)


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
    """Grain of 2 to 24 levels, half of it coarse; each channel has its own."""
    count, channels, height, width = images.shape
    strength = uniform(count, 2, 24, generator)[:, None, None, None]
    coarse = uniform(count, 0, 1, generator)[:, None, None, None]
    fine = torch.randn(images.shape, generator=generator, device=images.device)
    half = (count, channels, height // 2, width // 2)
    large = F.interpolate(torch.randn(half, generator=generator, device=images.device), (height, width))
    return images + strength * (fine * (1 - coarse) + large * coarse)


def erase(images: Tensor, generator: Generator) -> Tensor:
    """A spot, a scratch across, or a rule along the line, narrower than a letter, in any colour."""
    count, channels, height, width = images.shape
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
    level = uniform(count * channels, 0, 255, generator).reshape(count, channels, 1, 1)
    return torch.where(inside[:, None], level, images)


def invert(images: Tensor, generator: Generator) -> Tensor:  # noqa: ARG001 - one signature for all steps
    return 255 - images


STEPS: list[tuple[float, Step]] = [
    (0.5, tint), (0.5, skew), (0.25, relight), (0.3, change_contrast), (0.4, resample), (0.25, blur),
    (0.08, shake), (0.4, add_noise), (0.3, compress), (0.06, erase), (0.08, invert),
]  # fmt: skip
"""The chance of each step, in the order in which the world takes them. Only lines in colour are tinted."""


def augment(images: Tensor, gentle: Tensor, generator: Generator) -> Tensor:
    """(N, H, W) grey levels or (N, 3, H, W) colours -> the same, each line changed by its own draw of STEPS.

    `gentle` (N,) bool marks lines with half the chance of each step: see Batch.
    """
    if images.ndim == 3:
        return augment(images[:, None], gentle, generator)[:, 0]
    for chance, step in STEPS:
        if step is tint and images.shape[1] == 1:
            continue
        drawn = torch.rand(len(images), generator=generator, device=images.device)
        chosen = torch.nonzero(drawn < torch.where(gentle, chance / 2, chance))[:, 0]
        if len(chosen):
            images = images.index_copy(0, chosen, step(images[chosen], generator))
    return images.clamp(0, 255)


def normalize(images: Tensor, widths: Tensor) -> Tensor:
    """Grey levels (N, H, W) -> (N, 1, H, W): mean 0, variance 1 over a line's own columns, 0 beyond; colours
    (N, 3, H, W) -> the same from -1 to 1, 0 beyond.

    The same as handler.preprocess.normalize, for a batch.
    """
    if images.ndim == 3:
        images = images[:, None]
    count, channels, height, width = images.shape
    inside = torch.arange(width, device=images.device) < widths.reshape(count, 1, 1, 1)
    if channels == 3:
        return (images / 127.5 - 1) * inside
    pixels = (widths * height).reshape(count, 1, 1, 1)
    mean = (images * inside).sum(dim=(2, 3), keepdim=True) / pixels
    centred = (images - mean) * inside
    deviation = (centred.square().sum(dim=(2, 3), keepdim=True) / pixels).sqrt()
    return centred / deviation.clamp(min=MIN_CONTRAST)
