"""Grey lines of a batch seen in two colours, on the training device."""

import torch
from torch import Generator, Tensor

from handler.image import LUMINANCE
from training.augmentation.sampling import uniform

CHANNEL_WEIGHTS = torch.tensor(LUMINANCE, dtype=torch.float32)
ALIKE = 0.25
"""Share of the pairs whose colours are equally bright."""
APART = 100.0
"""Distance that two colours have at least, in levels."""


def tint(images: Tensor, generator: Generator) -> Tensor:
    """Lines (N, 3, H, W) that are grey, their darkest and lightest levels as two random colours, sometimes
    of equal luminance; lines in colour as they are.
    """
    count = len(images)
    alike = torch.rand(count, generator=generator, device=images.device) < ALIKE
    dark, light = torch.where(
        alike[:, None], _equally_bright(count, generator), _different(count, generator)
    )[..., None, None]
    low, high = images.amin(dim=(1, 2, 3), keepdim=True), images.amax(dim=(1, 2, 3), keepdim=True)
    share = (images - low) / (high - low).clamp(min=1)
    is_grey = (images.amax(dim=1) - images.amin(dim=1)).amax(dim=(1, 2)) < 1
    return torch.where(is_grey[:, None, None, None], dark + (light - dark) * share, images)


def _different(count: int, generator: Generator) -> Tensor:
    """(2, count, 3) pairs of colours at least APART, but where the levels end."""
    drawn = torch.rand(2, count, 3, generator=generator, device=generator.device) * 255
    away = drawn[1] - drawn[0]
    distance = away.norm(dim=1, keepdim=True).clamp(min=1)
    drawn[1] = (drawn[0] + away * (APART / distance).clamp(min=1)).clamp(0, 255)
    return drawn


def _equally_bright(count: int, generator: Generator) -> Tensor:
    """(2, count, 3) pairs of one luminance, on opposite sides of its grey and nearly as far as levels go."""
    weights = CHANNEL_WEIGHTS.to(generator.device)
    bright = uniform(count, 70, 185, generator)[:, None]
    away = torch.randn(count, 3, generator=generator, device=generator.device)
    away = away - (away @ weights)[:, None]
    pair = torch.stack([away, -away])
    room = torch.where(pair > 0, 255 - bright, bright) / pair.abs().clamp(min=1e-6)
    reach = uniform(2 * count, 0.6, 1, generator).reshape(2, count, 1)
    return bright + pair * room.amin(dim=2, keepdim=True) * reach
