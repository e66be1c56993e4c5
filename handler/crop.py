"""Cutting lines out of a page: upright and ready to be read from left to right, with the way back."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from handler.image import Pixels, Points, ground_colour, ink_levels, turn_image, turn_points
from handler.layout import Box
from handler.vertical_marks import cells_in_row, may_be_turned

SLANT = 0.12
"""A box that rises by more than this part of its height is straightened as it is cut out."""
GAP = 0.2
"""Room between characters that are put side by side, in widths of the line."""
PITCHES = np.arange(0.8, 1.65, 0.05)
"""Distances of characters in a vertical line that are tried, in widths of the line."""
END_ROOM = 0.6
"""Room at both ends of a vertical line, in its widths, that its first and last character may reach into."""
UNUSUAL = 0.6
"""Cost of a distance that differs from the line's width, times the square of the logarithm of how much."""
UNEVEN = 3.0
"""Cost of a character whose height differs from the distance, times the square of how much, in distances."""
SPREAD = (0.7, 1.3)
"""Least and greatest height of a single character, in distances."""


@dataclass(frozen=True)
class Crop:
    """A line cut out. `to_page` takes points (N, 2) in its pixels to those of the image it was cut from."""

    image: Pixels
    to_page: Callable[[Points], Points]
    angle: int = 0
    """Degrees clockwise, in quarters, by which it was turned to be read."""
    column: "Column | None" = None
    """The vertical line that this was: its characters stood one above the other, and lie side by side."""

    @property
    def vertical(self) -> bool:
        return self.column is not None


@dataclass(frozen=True)
class Column:
    """A vertical line, and the rows between its characters, from above the first to below the last one."""

    line: Crop
    cuts: list[int]

    def marks(self) -> list[int]:
        """Numbers of the characters that may be marks which lie turned by a quarter."""
        return may_be_turned(self.line.image, self.cuts)

    def place(self, laid: Crop, x: float) -> int:
        """The number of the character that is at `x` once the column is `laid` down."""
        count = len(self.cuts) - 1
        return int(np.clip(x * count / laid.image.shape[1], 0, count - 1))


def whole(image: Pixels) -> Crop:
    """An image that is one line."""
    return Crop(image, lambda points: points)


def cut(page: Pixels, box: Box) -> Crop:
    """The line in a box, straightened if the box is slanted; what lies beyond the page repeats its edge."""
    if abs(np.tan(np.radians(box.angle))) * box.width > SLANT * box.height:
        return _cut_slanted(page, box)
    height, width = page.shape[:2]
    left, top = max(0, round(box.x - box.width / 2)), max(0, round(box.y - box.height / 2))
    right, bottom = min(width, round(box.x + box.width / 2)), min(height, round(box.y + box.height / 2))
    left, top = min(left, width - 1), min(top, height - 1)
    image = page[top : max(bottom, top + 1), left : max(right, left + 1)]
    return Crop(image, lambda points: points + (left, top))


def _cut_slanted(page: Pixels, box: Box) -> Crop:
    corner, other, _, last = box.corners()
    width, height = max(1, round(box.width)), max(1, round(box.height))
    axes = np.stack([(other - corner) / width, (last - corner) / height])
    matrix = np.concatenate([axes.T, corner[:, None]], axis=1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(page, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return Crop(np.asarray(image, np.uint8), lambda points: points @ axes + corner)


def turn(crop: Crop, angle: int) -> Crop:
    """The crop turned by a multiple of 90 degrees clockwise."""
    image = turn_image(crop.image, angle)

    def to_page(points: Points) -> Points:
        return crop.to_page(turn_points(points, -angle, *image.shape[:2]))

    return replace(crop, image=image, to_page=to_page, angle=(crop.angle + angle) % 360)


def turn_box(box: Box, angle: int, height: int, width: int) -> Box:
    """Where a box of an image (height, width) lies once it is turned clockwise."""
    ((x, y),) = turn_points(np.array([[box.x, box.y]]), angle, height, width)
    if angle % 180:
        return replace(box, x=float(x), y=float(y), width=box.height, height=box.width)
    return replace(box, x=float(x), y=float(y))


def lay_down(crop: Crop) -> Crop:
    """A vertical line, its characters cut apart and put side by side as they stand in a row."""
    room = round(END_ROOM * crop.image.shape[1])
    roomy = _with_room(crop, room)
    return laid(Column(roomy, characters_down(roomy.image, room)))


def _with_room(crop: Crop, room: int) -> Crop:
    """The crop with so many rows more of its ground at both ends; points there are those of its ends."""
    rows = np.full((room, *crop.image.shape[1:]), ground_colour(crop.image), np.uint8)
    image = np.concatenate([rows, crop.image, rows])
    last = (np.inf, crop.image.shape[0])

    def to_page(points: Points) -> Points:
        return crop.to_page(np.clip(points - (0, room), (-np.inf, 0), last))

    return replace(crop, image=image, to_page=to_page)


def laid(column: Column, turned: Collection[int] = ()) -> Crop:
    """The characters of a column side by side; those `turned` are marks that lie turned by a quarter."""
    image, cuts = column.line.image, column.cuts
    width = image.shape[1]
    gap = max(1, round(GAP * width))
    cells = cells_in_row(image, cuts, turned)
    pitch, tallest = width + gap, max(width, *(cell.image.shape[0] for cell in cells))
    row = np.full((tallest, pitch * len(cells) + gap, *image.shape[2:]), ground_colour(image), np.uint8)
    above = []
    for number, cell in enumerate(cells):
        height, wide = cell.image.shape[:2]
        above.append((tallest - height) // 2)
        left = gap + number * pitch
        row[above[-1] : above[-1] + height, left : left + wide] = cell.image

    def to_page(points: Points) -> Points:
        x, y = points.T - np.array([[gap / 2], [0]])
        # all points are of one character: what lies on a border belongs to the one that it ends, or starts
        number = int(np.clip(np.floor(x.mean() / pitch), 0, len(cells) - 1))
        across = np.clip(x - number * pitch - gap / 2, 0, width)
        down = np.clip(y - above[number], 0, cells[number].image.shape[0])
        found = cells[number].to_column(np.stack([across, down], axis=1))
        found = np.clip(found, 0, (width, cuts[number + 1] - cuts[number]))
        return column.line.to_page(found + (0, cuts[number]))

    return Crop(row, to_page, column.line.angle, column)


def characters_down(image: Pixels, room: int = 0) -> list[int]:
    """Rows between the characters of a vertical line: where the least ink is cut.

    Their distance is nearly constant, but not known: of PITCHES the one with the least cost a character, and
    the nearer to a character's usual one the better, since pairs of them may be as regular. The first one
    begins within `room` rows of the upper end, and the last one ends as near to the lower: of a bracket, a
    comma or a full stop, half of the square may be beyond the line's ink.
    """
    height, width = image.shape[:2]
    levels = ink_levels(image)
    ink = np.abs(levels.astype(np.float32) - float(np.median(levels))).mean(axis=1)
    ink /= max(float(ink.max()), 1.0)
    ways = [_cuts(ink, factor * width, room) for factor in PITCHES]
    costs = [
        cost / (len(cuts) - 1) + UNUSUAL * float(np.log(factor)) ** 2
        for (cost, cuts), factor in zip(ways, PITCHES, strict=True)
    ]
    return ways[int(np.argmin(costs))][1]


def _cuts(ink: NDArray[np.float32], pitch: float, room: int) -> tuple[float, list[int]]:
    """The shortest path over cuts: each costs the ink (H,) of its row, each character how far its height is
    from the pitch. Its cost, and the rows; the first and last are within `room` of the ends.
    """
    height = len(ink)
    least, greatest = max(1, int(SPREAD[0] * pitch)), max(2, int(SPREAD[1] * pitch))
    cost, before = np.full(height + 1, np.inf), np.zeros(height + 1, int)
    cost[: room + 1], before[: room + 1] = 0.0, -1
    for row in range(room + 1, height + 1):
        tops = np.arange(max(0, row - greatest), row - least + 1)
        if not len(tops):
            continue
        total = cost[tops] + UNEVEN * ((row - tops) / pitch - 1) ** 2
        best = int(total.argmin())
        cost[row], before[row] = total[best] + (2 * ink[row] if row < height else 0.0), tops[best]
    last = height - room + int(cost[height - room :].argmin())
    if not np.isfinite(cost[last]):
        return np.inf, [room, height - room]
    cuts = [last]
    while before[cuts[-1]] >= 0:
        cuts.append(int(before[cuts[-1]]))
    return float(cost[last]), cuts[::-1]
