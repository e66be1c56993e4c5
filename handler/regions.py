"""A page with little on it -> the regions that have something, to be searched each for itself.

On a large empty page the detector misses short lines or cuts their ends, and a large drawing would be scaled
down until nothing can be read. Close up it sees both.
"""

import cv2
import numpy as np

from handler.image import Grey, Pixels, ink_levels

CELL = 8
"""Pixels across and down of the cells that a page is seen in."""
INK = 12 / 255
"""The part of a cell that must be ink."""
INK_CONTRAST, INK_BLOCK = 6, 31
"""Ink differs by INK_CONTRAST grey levels from the mean of the square around it whose side is INK_BLOCK."""
MARGIN_CELLS = 6
"""Cells around ink that belong to its region."""
LEAST_AREA = 1_000_000
"""Pixels of a page that is looked at so at all."""
FEW_REGIONS, SPARSE = 24, 0.25
"""A page is sparse that has so many regions at most, which cover less than this part of it."""

Region = tuple[int, int, int, int]
"""left, top, right, bottom in pixels."""


def sparse_regions(page: Pixels) -> list[Region]:
    """The regions of a sparse page; none of any other page, and of an empty one."""
    height, width = page.shape[:2]
    if height * width < LEAST_AREA:
        return []
    side = 2 * MARGIN_CELLS + 1
    near = cv2.dilate(_inked_cells(ink_levels(page)), np.ones((side, side), np.uint8))
    _, _, found, _ = cv2.connectedComponentsWithStats(near)
    regions = _apart(
        [
            (CELL * x, CELL * y, min(width, CELL * (x + across)), min(height, CELL * (y + down)))
            for x, y, across, down, _ in found[1:].tolist()
        ]
    )
    covered = sum((right - left) * (bottom - top) for left, top, right, bottom in regions)
    return regions if len(regions) <= FEW_REGIONS and covered < SPARSE * height * width else []


def _inked_cells(page: Grey) -> Grey:
    """1 for each cell (H / CELL, W / CELL) with ink, darker or lighter than its ground."""
    ink = np.zeros_like(page)
    for levels in (page, 255 - page):
        mean = (cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, INK_BLOCK, INK_CONTRAST)
        cv2.bitwise_or(ink, cv2.adaptiveThreshold(levels, 255, *mean), dst=ink)
    size = (-(-page.shape[1] // CELL), -(-page.shape[0] // CELL))
    shares = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    return np.asarray(shares >= 255 * INK, np.uint8)


def _apart(regions: list[Region]) -> list[Region]:
    """Regions of which none reaches into another: those that did are one."""
    done: list[Region] = []
    for region in regions:
        for other in [other for other in done if _meet(region, other)]:
            done.remove(other)
            region = _around(region, other)  # noqa: PLW2901
        done.append(region)
    return done if len(done) == len(regions) else _apart(done)


def _around(one: Region, other: Region) -> Region:
    left, top, right, bottom = zip(one, other, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _meet(one: Region, other: Region) -> bool:
    return all(one[n] < other[n + 2] and other[n] < one[n + 2] for n in (0, 1))
