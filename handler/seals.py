"""Round seals in colour that lie over dark text, as on contracts and invoices: they are seen through.

The brightest channel of a pixel shows colours light and leaves black dark.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from handler.image import Pixels

VIVID, DARK = 60, 110
"""Levels between the channels of a seal's pixels at least, and of the brightest one of dark text at most."""
SHARE = (0.0005, 0.2)
"""The part of a page that is vivid where it has a seal."""
LOOKED_AT = 800
"""Rows or columns in which seals are looked for, at most."""
MIN_SIDE, ROUND = 0.06, 1.6
"""A seal's sides at least, of the page's longer one, and how many times as long one is as the other."""
SECTORS, RIM, RIM_SHARE, MAX_INK = 36, 0.8, 0.85, 0.5
"""A seal has a rim: ink beyond this part of its radius in so many of the sectors. At most MAX_INK is ink."""
BELOW = 0.015
"""The part of a seal's area, at least, in which dark text lies."""

SEEN_THROUGH = "A seal lies over text: it was seen through, and what is written on it was not read."

Mask = NDArray[np.uint8]


def see_through_seals(page: Pixels) -> Pixels | None:
    """The page with its seals' colours made light; None where none lies over dark text."""
    if page.ndim == 2:
        return None
    step = -(-max(page.shape[:2]) // LOOKED_AT)
    small = cv2.resize(page, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    brightest, darkest = small.max(axis=2), small.min(axis=2)
    vivid = (brightest - darkest >= VIVID).astype(np.uint8)
    if not SHARE[0] <= float(vivid.mean()) <= SHARE[1]:
        return None
    seals = _seals(vivid, (brightest <= DARK).astype(np.uint8))
    if not seals:
        return None
    clear = page.copy()
    for left, top, right, bottom in seals:
        part = np.s_[step * top : step * bottom, step * left : step * right]
        clear[part] = page[part].max(axis=2, keepdims=True)
    return clear


def _seals(vivid: Mask, dark: Mask) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of each seal with text below it."""
    joined = cv2.dilate(vivid, np.ones((3, 3), np.uint8))
    _, labels, pieces, _ = cv2.connectedComponentsWithStats(joined)
    least = MIN_SIDE * max(vivid.shape)
    found = []
    for number, (left, top, width, height, area) in enumerate(pieces.tolist()):
        around = (left, top, left + width, top + height)
        part = np.s_[top : top + height, left : left + width]
        is_round = min(width, height) >= least and max(width, height) <= ROUND * min(width, height)
        if not number or not is_round or area > MAX_INK * width * height or float(dark[part].mean()) < BELOW:
            continue
        if _has_rim(labels[part] == number):
            found.append(around)
    return found


def _has_rim(ink: NDArray[np.bool_]) -> bool:
    rows, columns = np.nonzero(ink)
    height, width = ink.shape
    y, x = 2 * (rows + 0.5) / height - 1, 2 * (columns + 0.5) / width - 1
    sectors = ((np.arctan2(y, x) / np.pi + 1) / 2 * SECTORS).astype(int) % SECTORS
    return len(np.unique(sectors[np.hypot(x, y) >= RIM])) >= RIM_SHARE * SECTORS
