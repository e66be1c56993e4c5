"""Image -> line tensors (N, channels, height, W). Training and serving share every resize.

The padded width of a line depends on the line alone, so that a line reads the same alone and in any batch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from handler.image import InvalidImageError, Pixels, ground_colour, ink_levels

MAX_ASPECT = 1000
"""Longest line, in multiples of its height: some two thousand characters."""
MIN_CONTRAST = 4.0
"""Grey levels of standard deviation under which a row or line counts as flat and is not stretched further."""
ROW_CONTRAST = 0.25
"""Share of the busiest rows' variation under which a row counts as empty."""
MIN_ROWS = 8
"""Fewest rows, in pixels, that count as text."""
SLOPES = np.tan(np.radians(np.arange(-8, 8.25, 0.5)))
"""Slopes of a base line, in rows per column, that are tried."""
SKEW_HEIGHT = 24
SKEW_WIDTH = 768
"""Size, in pixels, that a line is scaled down to before its slope is sought."""
SKEW_ASPECT = 1.5
"""Images less wide than this many times their height are not straightened: their slope is not certain."""
SKEW_GAIN = 1.2
"""A slope counts if it gathers the edges into rows this many times as well as no slope does."""


def check_line(image: Pixels) -> Pixels:
    """The image itself, if it can be one line.

    Raises:
        InvalidImageError: it is so long for its height that reading it would exhaust the memory.
    """
    height, width = image.shape[:2]
    if width > MAX_ASPECT * height:
        raise InvalidImageError(
            "image-too-large",
            f"The image is {width} pixels wide and {height} high; a line may be {MAX_ASPECT} "
            "times as wide as high. Cut it into shorter pieces.",
            413,
        )
    return image


@dataclass(frozen=True)
class Strip:
    """Where a line image holds text: rows [top, bottom) in its middle column, and its base line's slope."""

    top: int
    bottom: int
    slope: float = 0.0

    def rows(self, x: float, width: int) -> tuple[float, float]:
        """Top and bottom at column x of an image `width` pixels wide."""
        shift = self.slope * (x - width / 2)
        return self.top + shift, self.bottom + shift


def text_rows(line: Pixels) -> tuple[int, int]:
    """The rows [top, bottom) of a line image that hold its text, and a tenth of their height around.

    Only busy_rows hold text. Empty rows above and below would make the text small at model height, so they
    are to be cut. All rows are kept when hardly any would be left.
    """
    height, width = line.shape[:2]
    (busy,) = np.nonzero(busy_rows(line))
    if not busy.size or busy[-1] + 1 - busy[0] < max(MIN_ROWS, width / MAX_ASPECT):
        return 0, height
    margin = max(1, round(0.1 * (busy[-1] + 1 - busy[0])))
    return max(0, int(busy[0]) - margin), min(height, int(busy[-1]) + 1 + margin)


def busy_rows(line: Pixels) -> NDArray[np.bool_]:
    """(H,) the rows of an image whose levels vary at least ROW_CONTRAST times as much as in the busiest."""
    levels = ink_levels(line)[:, :: max(1, line.shape[1] // 1024)]
    variation = levels.astype(np.float32).std(axis=1)
    busy: NDArray[np.bool_] = variation > max(
        MIN_CONTRAST, ROW_CONTRAST * float(np.quantile(variation, 0.95))
    )
    return busy


def text_bands(image: Pixels) -> int:
    """How many bands of busy rows, one above the other, an image has."""
    return int(np.diff(busy_rows(image).astype(np.int8), prepend=0).clip(0).sum())


def text_slope(line: Pixels) -> float:
    """The slope, in rows per column, of the text in a line image; 0 where none is certain.

    The projection profile of Postl (US patent 4,723,297): along the base line, the edges of the letters
    gather in few rows, so the sum of squares over the rows is largest there. Edges between columns are used,
    so that uneven light and rules do not count.
    """
    height, width = line.shape[:2]
    if width < SKEW_ASPECT * height or height < MIN_ROWS:
        return 0.0
    columns = max(MIN_ROWS, min(SKEW_WIDTH, round(width * SKEW_HEIGHT / height)))
    grey = Image.fromarray(ink_levels(line))
    small = grey.resize((columns, SKEW_HEIGHT), Image.Resampling.BILINEAR, reducing_gap=2)
    edges = np.abs(np.diff(np.asarray(small).astype(np.float32), axis=1))
    starts = np.linspace(0, columns - 1, min(32, columns - 1) + 1)[:-1].astype(int)
    ink = np.add.reduceat(edges, starts, axis=1)
    slopes = SLOPES * SKEW_HEIGHT / height * width / columns
    gathered = _gathered(ink, slopes, (starts + (columns - 1) / len(starts) / 2) - columns / 2)
    best = int(gathered.argmax())
    if gathered[best] < SKEW_GAIN * gathered[len(SLOPES) // 2]:
        return 0.0
    before, peak, after = gathered[[max(best - 1, 0), best, min(best + 1, len(SLOPES) - 1)]]
    bend = before - 2 * peak + after
    between = 0.5 * (before - after) / bend if bend and 0 < best < len(SLOPES) - 1 else 0.0
    return float(SLOPES[best] + between * (SLOPES[1] - SLOPES[0]))


def _gathered(
    ink: NDArray[np.float32], slopes: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum of squares of the row profile of `ink` (H, K), columns at x, for slopes (S,) -> (S,)."""
    height = len(ink)
    shift = -slopes[:, None] * x
    shift -= shift.min()
    whole = np.floor(shift).astype(int)
    part = (shift - whole)[:, None, :]
    rows = int(whole.max()) + height + 2
    cell = np.arange(height)[None, :, None] + whole[:, None, :] + rows * np.arange(len(slopes))[:, None, None]
    size = rows * len(slopes)
    profile = np.bincount(cell.ravel(), (ink * (1 - part)).ravel(), size)
    profile += np.bincount(cell.ravel() + 1, (ink * part).ravel(), size)
    total: NDArray[np.float64] = (profile.reshape(len(slopes), rows) ** 2).sum(axis=1)
    return total


def cut_line(image: Pixels) -> tuple[Pixels, Strip]:
    """The text of a line image, straightened and with blank rows cut, and where it was.

    The image is sheared along its columns, which keeps every character in its columns.
    """
    levels = ink_levels(image)
    slope = text_slope(levels)
    if slope:
        image = straighten(image, slope)
        levels = ink_levels(image)
    top, bottom = text_rows(levels)
    return image[top:bottom], Strip(top, bottom, slope)


def straighten(image: Pixels, slope: float) -> Pixels:
    """A line image sheared along its columns, so that a base line of this slope is level."""
    height, width = image.shape[:2]
    shear = (1, 0, 0, slope, 1, -slope * width / 2)
    return np.asarray(
        Image.fromarray(image).transform(
            (width, height), Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR,
            fillcolor=ground_colour(image),
        )
    )  # fmt: skip


def for_channels(image: Pixels, channels: int) -> Pixels:
    """An image as a model of so many channels sees it: with one its ink_levels, with three all of it."""
    return ink_levels(image) if channels == 1 else image


def to_line(image: Pixels, height: int, channels: int = 1) -> Pixels:
    """The text of an image as a line (height, w), or (height, w, 3) in colour and for three channels:
    straight, blank rows cut, scaled in proportion.
    """
    return resize_to_height(cut_line(for_channels(image, channels))[0], height)


def resize_to_height(line: Pixels, height: int) -> Pixels:
    """Scale a line (H, W) or (H, W, 3) to `height` rows in proportion, with antialiasing."""
    width = max(1, round(line.shape[1] * height / line.shape[0]))
    return np.asarray(Image.fromarray(line).resize((width, height), Image.Resampling.BILINEAR))


def width_step(height: int) -> int:
    """Lines of a height are padded to the next multiple of so many pixels: 16 at 32, 24 at 48."""
    return height // 2


def max_width(height: int) -> int:
    """Widest padded line of a height, in pixels; what is wider is split: 1024 at 32, 1536 at 48."""
    return 32 * height


def overlap(height: int) -> int:
    """Pixels that two pieces of a split line of a height share: 128 at 32, 192 at 48."""
    return 4 * height


def padded_width(width: int, height: int) -> int:
    """The width bucket of a line (height, width): the next multiple of its width_step."""
    return -(-width // width_step(height)) * width_step(height)


@dataclass(frozen=True)
class Piece:
    """Columns `start` to `end` of a line at model height; a line up to max_width is one piece."""

    start: int
    end: int


def split(width: int, height: int) -> list[Piece]:
    """Pieces of a line (height, width), at most max_width wide; see overlap. They start at width_steps."""
    widest, shared = max_width(height), overlap(height)
    if width <= widest:
        return [Piece(0, width)]
    starts = range(0, width - shared, widest - shared)
    return [Piece(start, min(start + widest, width)) for start in starts]


def normalize(line: Pixels, channels: int = 1) -> NDArray[np.float32]:
    """A line as a model of so many channels takes it: (channels, height, w).

    One channel: zero mean and unit variance over the line, so that contrast and brightness do not matter.
    Three: red, green and blue from -1 to 1, 0 being mid grey, as in PP-OCR; grey three times.
    """
    if channels == 1:
        levels: NDArray[np.float32] = ink_levels(line).astype(np.float32)
        levels -= levels.mean()
        levels /= max(float(levels.std()), MIN_CONTRAST)
        return levels[None]
    scaled: NDArray[np.float32] = line.astype(np.float32) / 127.5 - 1
    return np.repeat(scaled[None], 3, axis=0) if line.ndim == 2 else scaled.transpose(2, 0, 1)


def to_batch(lines: list[NDArray[np.float32]], width: int) -> torch.Tensor:
    """Normalized lines (channels, height, w <= width) with zeros on their right: (N, channels, height, width)
    float32.
    """
    batch = torch.zeros(len(lines), *lines[0].shape[:2], width)
    for row, line in zip(batch, lines, strict=True):
        row[..., : line.shape[2]] = torch.from_numpy(line)
    return batch
