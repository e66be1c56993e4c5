"""Line images -> readings: split, bucket by width, run few large batches, stitch, decode."""

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from handler.character_boxes import refine
from handler.codes import settle_noughts
from handler.constraint import Constraint, with_match
from handler.decode import Allowlist, Recognition
from handler.emissions import Emissions
from handler.engine import Engine
from handler.image import Pixels
from handler.kana_marks import compose
from handler.model import CRNN, CRNNConfig
from handler.mrz import read_zone
from handler.preprocess import (
    Piece,
    Strip,
    cut_line,
    for_channels,
    max_width,
    normalize,
    padded_width,
    resize_to_height,
    split,
    straighten,
    to_batch,
    width_step,
)
from handler.raised import settle_raised
from handler.scripts import best_reading, settle_widths
from handler.spaces import with_spaces
from handler.underscores import settle_underscores
from handler.vin import settle_vins

MAX_BATCH = 64
"""Lines in one model call at most; bounds memory."""

FOREIGN_LETTERS, FOREIGN_SURE, FOREIGN_ODDS = 3, 0.4, 0.0
"""A line is in letters that the network does not know where so many or more are read, with less confidence
than the second, and their log odds are above the third: see training/calibration/foreign_letters.py."""


@dataclass(frozen=True)
class _LinePiece:
    line: int
    piece: Piece
    pixels: NDArray[np.float32]


def recognize_lines(
    engine: Engine,
    lines: list[Pixels],
    allowlist: Allowlist | None = None,
    constraint: Constraint | None = None,
    *,
    to_ink: bool = True,
) -> list[Recognition]:
    """Read line images of any size, in colour or grey; extents are in pixels of the line as given.

    All lines are gathered by padded width: n lines of k widths take k model calls (of up to MAX_BATCH each).
    With an `allowlist` only its characters come out; with a `constraint` lines have their best match, too.
    `to_ink`: extents are moved to what the line shows,
    instead of staying where the network emits them.
    """
    config = engine.config
    seen = [for_channels(line, config.channels) for line in lines]
    cut, strips = zip(*map(cut_line, seen), strict=True) if lines else ((), ())
    resized = [resize_to_height(line, config.height) for line in cut]
    readings = []
    found = line_emissions(engine, resized)
    for line, scaled, strip, emissions in zip(lines, resized, strips, found, strict=True):
        reading = _decoded(emissions, config, scaled, allowlist)
        reading = settle_widths(_to_pixels(reading, config, scaled.shape[1]))
        if allowlist is None:
            reading = settle_raised(reading, scaled)
            reading = _with_underscores(reading, line, strip, scaled.shape[1])
            reading = with_spaces(reading, scaled)
        if constraint:
            reading = with_match(reading, emissions, config.alphabet, constraint)
        if to_ink:
            reading = replace(reading, characters=refine(reading.characters, scaled))
        reading = _widened(reading, line.shape[1] / scaled.shape[1])
        readings.append(replace(reading, strip=strip))
    return readings


def _decoded(
    emissions: Emissions, config: CRNNConfig, scaled: Pixels, allowlist: Allowlist | None
) -> Recognition:
    """The best reading of a line, its codes settled; extents are in frames."""
    frames = -(-scaled.shape[1] // config.frame_width)
    reading = best_reading(emissions, config.alphabet, frames, allowlist)
    if allowlist is None:
        reading = read_zone(reading, emissions, config.alphabet, frames)
        reading = settle_vins(reading, emissions, config.alphabet)
        reading = settle_noughts(reading, (emissions, config.alphabet, scaled, config.frame_width))
        reading = compose(reading, emissions, config.alphabet, scaled, config.frame_width)
    return replace(reading, is_foreign=_is_foreign(reading, emissions))


def _with_underscores(reading: Recognition, line: Pixels, strip: Strip, width: int) -> Recognition:
    """See settle_underscores: the line as given has rows that were cut; as it was read it is `width` wide."""
    settled = settle_underscores(reading, line, width / line.shape[1])
    if settled is not reading or not strip.slope:
        return settled
    return settle_underscores(reading, straighten(line, strip.slope), width / line.shape[1])


def _is_foreign(reading: Recognition, emissions: Emissions) -> bool:
    """Whether a line that is unsure shows letters of another script, and not just poor ones, nor a rule of
    asterisks, in which the same few letters come again and again."""
    letters = list(filter(str.isalnum, reading.text))
    pairs = list(pairwise(letters))
    is_varied = len(letters) >= FOREIGN_LETTERS and 2 * len(set(pairs)) > len(pairs)
    return is_varied and reading.confidence < FOREIGN_SURE and emissions.foreign_odds() > FOREIGN_ODDS


def line_emissions(engine: Engine, lines: list[Pixels]) -> list[Emissions]:
    """Of lines at model height; their frames cover padding, too."""
    config = engine.config
    jobs = [
        _LinePiece(index, piece, pixels[..., piece.start : piece.end])
        for index, pixels in enumerate(normalize(line, config.channels) for line in lines)
        for piece in split(pixels.shape[2], config.height)
    ]
    found = _run(engine, jobs)
    pieces: list[list[tuple[Piece, Emissions]]] = [[] for _ in lines]
    for position, job in enumerate(jobs):
        pieces[job.line].append((job.piece, found[position]))
    return [_stitch(parts, config.frame_width) for parts in pieces]


def _run(engine: Engine, jobs: list[_LinePiece]) -> dict[int, Emissions]:
    """Emissions of each job by its position."""
    buckets: dict[int, list[int]] = defaultdict(list)
    for position, job in enumerate(jobs):
        buckets[padded_width(job.pixels.shape[2], engine.config.height)].append(position)
    found: dict[int, Emissions] = {}
    for width, positions in sorted(buckets.items()):
        for start in range(0, len(positions), MAX_BATCH):
            chunk = positions[start : start + MAX_BATCH]
            batch = to_batch([jobs[position].pixels for position in chunk], width)
            found.update(zip(chunk, engine.emissions(batch), strict=True))
    return found


def warm_up(engine: Engine) -> None:
    """Read an empty line, in PyTorch one of every width bucket, so that no user waits for the kernels."""
    height = engine.config.height
    step = width_step(height)
    widest = max_width(height) if isinstance(engine, CRNN) else step
    for width in range(step, widest + 1, step):
        recognize_lines(engine, [np.full((height, width), 255, np.uint8)])


def _stitch(pieces: list[tuple[Piece, Emissions]], frame_width: int) -> Emissions:
    """Join the emissions of overlapping pieces where both are surest that nothing is written."""
    (first, joined), *rest = pieces
    offset = first.start
    for piece, emissions in rest:
        shared = piece.start // frame_width - offset // frame_width
        overlap = min(len(joined) - shared, len(emissions))
        blank = joined.blank[shared : shared + overlap] + emissions.blank[:overlap]
        middle = range(overlap // 4, overlap - overlap // 4)
        cut = max(middle, key=lambda frame: float(blank[frame]))
        joined = joined.part(0, shared + cut).then(emissions.part(cut, len(emissions)))
    return joined


def _to_pixels(reading: Recognition, config: CRNNConfig, width: int) -> Recognition:
    """Extents in frames -> pixels of the line at model height, `width` wide."""

    def pixel(frame: float) -> float:
        return float(min(max(0.0, frame * config.frame_width + config.offset), width))

    characters = tuple(replace(c, start=pixel(c.start), end=pixel(c.end)) for c in reading.characters)
    return replace(reading, characters=characters)


def _widened(reading: Recognition, factor: float) -> Recognition:
    """The extents of a line `factor` times as wide."""
    characters = tuple(replace(c, start=c.start * factor, end=c.end * factor) for c in reading.characters)
    return replace(reading, characters=characters)
