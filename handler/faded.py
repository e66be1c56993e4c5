"""Very faint print, as on old thermal paper: its contrast is raised before it is looked for."""

import cv2
import numpy as np

from handler.image import Pixels, ink_levels

CLEAR, FAINT = 60, 24
"""Levels between ink and ground from which on a page is clear at a glance, and below which it is faint."""
LEAST, NOISE = 5.0, 5.0
"""Levels that faint ink differs from its ground by at least, and in standard deviations of the ground."""
SMOOTH, GROUND = 1.0, 51
"""Deviation of the blur that takes the noise out, and side of the square whose mean is the ground: pixels."""
INK = 0.05
"""Per cent of the pixels that are as far from the ground as ink, or farther."""
RAISED, PAPER = 110, 225
"""Levels between ink and ground afterwards, and the ground's."""

STRENGTHENED = "The print is very faint: its contrast was raised before it was read."


def strengthen(page: Pixels) -> Pixels | None:
    """A page (H, W) with the contrast of faint print raised; None where it is clear, or has no print."""
    levels = ink_levels(page)
    sample = levels[:: 1 + levels.shape[0] // 512, :: 1 + levels.shape[1] // 512]
    low, middle, high = np.percentile(sample, (INK, 50, 100 - INK))
    if max(middle - low, high - middle) > CLEAR:
        return None
    smooth = cv2.GaussianBlur(levels, (0, 0), SMOOTH).astype(np.float32)
    away = smooth - cv2.blur(smooth, (GROUND, GROUND))
    low, left, right, high = np.percentile(away, (INK, 16, 84, 100 - INK))
    strength = max(-low, high)
    if not max(LEAST, NOISE * (right - left) / 2) <= strength < FAINT:
        return None
    ground = PAPER if -low >= high else 255 - PAPER
    return np.asarray(np.clip(ground + away * (RAISED / strength), 0, 255), np.uint8)
