"""A page -> the boxes of its text lines, found by a DB detector.

Liao et al., "Real-time Scene Text Detection with Differentiable Binarization" (2020): a network gives each
pixel's probability of lying in the shrunken middle of a line; a middle's smallest box, grown again, is the
line's box. The network is PP-OCRv6 small's (PaddleOCR, Apache-2.0), which comes inside the rapidocr wheel;
nothing is fetched when it is loaded.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from handler.image import Bounds, Grey, Pixels, ink_levels
from handler.regions import sparse_regions

PACKAGE, MODEL_FILE = "rapidocr", "models/PP-OCRv6_det_small.onnx"
SHORT_SIDE = 736
"""A page whose shorter side has fewer pixels is enlarged to this, at most ENLARGE times, for small text."""
ENLARGE = 3.0
LETTER, MIN_SCALE = 16, 0.25
"""A page whose letters are higher than so many pixels is scaled down to that, but not below MIN_SCALE."""
MIN_LETTERS, MANY_LETTERS = 20, 400
"""Letters that tell how high those of a page are; a page of fewer than the second may be sparse."""
BLOCK_SIZE, CONTRAST = 31, 15
"""Ink is darker by CONTRAST grey levels than the mean of the square around it whose side is BLOCK_SIZE."""
SMALLEST, WIDEST, TALLEST = 5, 3, 8
"""Ink that may be a letter: rows at least, times as wide as high and times as high as wide at most."""
MAX_AREA = 12_000_000
"""Pixels of a page that are looked at; a larger one is scaled down."""
LEGIBLE, COARSE = 8, 0.75
"""Letters less high, in pixels of the page as it is looked at, may be missed; that matters where a page is
scaled down below the second."""
TILE, TILE_OVERLAP = 1536, 256
"""Side of the squares that a page larger than 4/3 of one is cut into, and what neighbours share; each is
believed up to the middle of it."""
STRIDE = 32
"""The network halves its input five times."""
THRESH = 0.3
"""Probability from which on a pixel counts as inside a line. These four have the names of DB's own code."""
BOX_THRESH = 0.7
"""Mean probability that the middle of a line must have."""
MIN_SIZE = 3
"""Sides of a shrunken box below this many pixels are specks."""
UNCLIP_RATIO = 1.1
"""A shrunken box grows on each side by this times its area over its perimeter."""
LEVEL = 2.0
"""Degrees that a level box may be turned by."""

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class Box:
    """A rotated rectangle in pixels of the page: middle, size, and degrees clockwise in (-45, 45].

    `width` lies along the direction that is nearest to horizontal, so that a column is higher than wide.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0

    def corners(self) -> NDArray[np.float64]:
        """(4, 2): clockwise from the one that is top left before the rotation."""
        radians = np.radians(self.angle)
        along = np.array([np.cos(radians), np.sin(radians)]) * self.width / 2
        down = np.array([-np.sin(radians), np.cos(radians)]) * self.height / 2
        return np.array([self.x, self.y]) + np.stack(
            [-along - down, along - down, along + down, down - along]
        )

    def bounds(self) -> Bounds:
        corners = self.corners()
        return *corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()

    @property
    def is_level(self) -> bool:
        """Whether it is hardly turned, so that rows and columns of pixels can be looked at in it."""
        return abs(self.angle) <= LEVEL

    def spanning(self, left: float, right: float) -> "Box":
        """The box from `left` to `right` in pixels across the page."""
        return replace(self, x=(left + right) / 2, width=right - left)

    def between(self, top: float, bottom: float) -> "Box":
        """The box from `top` to `bottom` in pixels down the page."""
        return replace(self, y=(top + bottom) / 2, height=bottom - top)

    def reaching_over(self, other: "Box") -> "Box":
        """The box, as far as another one reaches beyond it; both are level."""
        left = min(self.x - self.width / 2, other.x - other.width / 2)
        right = max(self.x + self.width / 2, other.x + other.width / 2)
        top = min(self.y - self.height / 2, other.y - other.height / 2)
        bottom = max(self.y + self.height / 2, other.y + other.height / 2)
        return self.spanning(left, right).between(top, bottom)


class Detector:
    """Loaded once a worker; one call a page."""

    def __init__(self, threads: int = 1) -> None:
        cv2.setNumThreads(threads)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.enable_cpu_mem_arena = (
            False  # pages differ in size: an arena would keep room for each; see memory.py
        )
        self._session = onnxruntime.InferenceSession(
            weights_path(), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._deadline = math.inf
        self(np.full((SHORT_SIDE, SHORT_SIDE), 255, np.uint8))  # so that no user waits for the first page

    def __call__(self, page: Pixels, letters: float | None = None) -> list[Box]:
        """The boxes of the lines on a page, in no order; `letters`: their height, if it is known."""
        if letters is not None:
            return self._search(page, letters)
        count, median = count_letters(page)
        regions = sparse_regions(page) if count < MANY_LETTERS else []
        if not regions:
            return self._search(page, median)
        found = []
        for left, top, right, bottom in regions:
            region = page[top:bottom, left:right]
            found += [move(box, left, top) for box in self._search(region, count_letters(region)[1])]
        return found

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Searches inside raise TimeoutError at this time, by time.monotonic(), or soon after."""
        self._deadline = deadline
        try:
            yield
        finally:
            self._deadline = math.inf

    def _search(self, page: Pixels, letters: float | None) -> list[Box]:
        height, width = scaled_size(page.shape[0], page.shape[1], letters)
        if (height, width) != page.shape[:2]:
            shrinks = height < page.shape[0]
            page_scaled = cv2.resize(
                page, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            )
        else:
            page_scaled = page
        found = boxes(self.probabilities(np.asarray(page_scaled, np.uint8)))
        return [scale(box, page.shape[1] / width, page.shape[0] / height) for box in found]

    def probabilities(self, page: Pixels) -> Probabilities:
        """(H, W) for a page whose sides are multiples of STRIDE; tile by tile where it is large."""
        whole = np.zeros(page.shape[:2], np.float32)
        for top, bottom, first_row, last_row in tiles(page.shape[0]):
            for left, right, first, last in tiles(page.shape[1]):
                if time.monotonic() > self._deadline:
                    raise TimeoutError
                tile = self._run(page[top:bottom, left:right])
                believed = tile[first_row - top : last_row - top, first - left : last - left]
                whole[first_row:last_row, first:last] = believed
        return whole

    def _run(self, tile: Pixels) -> Probabilities:
        """(H, W) for a tile; the network learned from images that OpenCV read: blue, green, red."""
        levels = tile.astype(np.float32) / 127.5 - 1
        planes = levels if tile.ndim == 2 else levels[..., ::-1].transpose(2, 0, 1)
        given = np.broadcast_to(planes, (1, 3, *tile.shape[:2]))
        (found,) = self._session.run(None, {self._input: np.ascontiguousarray(given)})
        result: Probabilities = np.asarray(found)[0, 0]
        return result


def weights_path() -> Path:
    """The detector's weights inside the installed package, which is not imported.

    Raises:
        FileNotFoundError: the package is not installed, or another version of it.
    """
    found = find_spec(PACKAGE)
    path = Path(found.origin).parent / MODEL_FILE if found and found.origin else None
    if path is None or not path.is_file():
        raise FileNotFoundError(f"{MODEL_FILE} of the package {PACKAGE} is missing: run `make install`")
    return path


def scaled_size(height: int, width: int, letters: float | None = None) -> tuple[int, int]:
    """Height and width, multiples of STRIDE, at which a page is searched: see SHORT_SIDE, LETTER, MAX_AREA.

    `letters` is the height of its letters in pixels, if it is known.
    """
    factor = max(1.0, min(ENLARGE, SHORT_SIDE / min(height, width)))
    if letters is not None:
        factor = min(factor, max(MIN_SCALE, LETTER / letters))
    factor = min(factor, (MAX_AREA / (height * width)) ** 0.5)
    height, width = (max(1, round(side * factor / STRIDE)) * STRIDE for side in (height, width))
    return height, width


def coarse_scale(page: Pixels) -> float | None:
    """The scale of a page that is shrunk so far that letters may be missed; else None.

    It is where MAX_AREA says so and not the height of its letters, and where it has no regions to look into.
    """
    scale = (MAX_AREA / (page.shape[0] * page.shape[1])) ** 0.5
    if scale >= COARSE:
        return None
    count, letters = count_letters(page)
    if letters is not None and letters * scale >= LEGIBLE:
        return None
    return None if count < MANY_LETTERS and sparse_regions(page) else scale


def count_letters(page: Pixels) -> tuple[int, float | None]:
    """How many letters a page has, and the rows of the median one (None: few), dark on light or the reverse.

    Letters are taken to be pieces of connected ink. Noise and the parts of Chinese characters are smaller,
    which makes for a larger image than would do.
    """
    levels = ink_levels(page)
    factor = min(1.0, (MAX_AREA / levels.size) ** 0.5)
    if factor < 1:
        levels = np.asarray(cv2.resize(levels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))
    heights = letter_heights(levels)
    return len(heights), float(np.median(heights)) / factor if len(heights) >= MIN_LETTERS else None


def letter_heights(page: Pixels) -> NDArray[np.int32]:
    """Rows of each letter (N,): of dark ones or of light ones, whichever are more."""
    levels = ink_levels(page)
    return max(_ink_heights(levels), _ink_heights(255 - levels), key=len)


def _ink_heights(page: Grey) -> NDArray[np.int32]:
    """Rows of each piece of connected dark ink that may be a letter."""
    ink = cv2.adaptiveThreshold(
        page, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, BLOCK_SIZE, CONTRAST
    )
    _, _, pieces, _ = cv2.connectedComponentsWithStats(ink)
    width, height = pieces[1:, cv2.CC_STAT_WIDTH], pieces[1:, cv2.CC_STAT_HEIGHT]
    is_letter = (height >= SMALLEST) & (width <= WIDEST * height) & (height <= TALLEST * width)
    return np.asarray(height[is_letter], np.int32)


def tiles(length: int) -> list[tuple[int, int, int, int]]:
    """(start, end, first, last) along one side: a tile's pixels, and those of them that are believed."""
    if length <= TILE * 4 // 3:
        return [(0, length, 0, length)]
    count = -(-(length - TILE_OVERLAP) // (TILE - TILE_OVERLAP))
    starts = [round((length - TILE) * number / (count - 1) / STRIDE) * STRIDE for number in range(count)]
    cuts = [0, *((left + TILE + right) // 2 for left, right in zip(starts, starts[1:], strict=False)), length]
    return [(start, start + TILE, cuts[n], cuts[n + 1]) for n, start in enumerate(starts)]


def boxes(probabilities: Probabilities) -> list[Box]:
    """The boxes of the lines in a probability map (H, W)."""
    inside = (probabilities > THRESH).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        box = upright(cv2.minAreaRect(contour))
        if min(box.width, box.height) >= MIN_SIZE and mean_inside(probabilities, contour) >= BOX_THRESH:
            found.append(grow(box))
    return found


def upright(rectangle: tuple[Sequence[float], Sequence[float], float]) -> Box:
    """OpenCV's rotated rectangle (middle, size, degrees) as a box, whose angle is in (-45, 45].

    OpenCV's lies on the middles of the outermost pixels.
    """
    (x, y), (width, height), angle = rectangle
    angle %= 180
    if 45 < angle <= 135:
        width, height, angle = height, width, angle - 90
    return Box(x + 0.5, y + 0.5, width + 1, height + 1, angle - 180 if angle > 135 else angle)


def grow(box: Box) -> Box:
    """The box of the line whose shrunken box this is."""
    margin = UNCLIP_RATIO * box.width * box.height / (box.width + box.height)
    return Box(box.x, box.y, box.width + margin, box.height + margin, box.angle)


def scale(box: Box, across: float, down: float) -> Box:
    """A box on a page that is `across` times as wide and `down` times as high: nearly the same factors."""
    return Box(box.x * across, box.y * down, box.width * across, box.height * down, box.angle)


def move(box: Box, right: float, down: float) -> Box:
    return replace(box, x=box.x + right, y=box.y + down)


def mean_inside(probabilities: Probabilities, contour: cv2.typing.MatLike) -> float:
    """Mean probability (0 to 1) of the pixels that a contour (K, 1, 2) encloses."""
    left, top, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.drawContours(mask, [contour - (left, top)], -1, 1, cv2.FILLED)
    return float(cv2.mean(probabilities[top : top + height, left : left + width], mask)[0])
