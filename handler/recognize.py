"""Line images -> readings: split, bucket by width, run few large batches, stitch, decode."""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from handler.charset import BLANK
from handler.decode import Recognition, greedy
from handler.extents import refine
from handler.image import Pixels
from handler.model import CRNN, CRNNConfig
from handler.preprocess import (
    Piece,
    cut_line,
    for_channels,
    max_width,
    normalize,
    padded_width,
    resize_to_height,
    split,
    to_batch,
    width_step,
)

FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
"""Full-width forms of ASCII, and what they are forms of."""
FULL_WIDTH_TABLE = str.maketrans(FULL_WIDTH)
MAX_BATCH = 64
"""Lines in one model call at most; bounds memory."""


@dataclass(frozen=True)
class _Job:
    line: int
    piece: Piece
    pixels: NDArray[np.float32]


def recognize_lines(
    model: CRNN, lines: list[Pixels], allowlist: str | None = None, *, to_ink: bool = True
) -> list[Recognition]:
    """Read line images of any size, in colour or grey; extents are in pixels of the line as given.

    All lines are gathered by padded width: n lines of k widths take k model calls (of up to MAX_BATCH each).
    With an `allowlist` only its characters come out. `to_ink`: extents are moved to what the line shows,
    instead of staying where the network emits them.
    """
    config = model.config
    seen = [for_channels(line, config.channels) for line in lines]
    cut, strips = zip(*map(cut_line, seen), strict=True) if lines else ((), ())
    resized = [resize_to_height(line, config.height) for line in cut]
    readings = []
    for line, scaled, strip, logits in zip(lines, resized, strips, line_logits(model, resized), strict=True):
        frames = -(-scaled.shape[1] // config.frame_width)
        reading = settle_widths(greedy(logits, config.alphabet, frames, config.temperature, allowlist))
        reading = _to_pixels(reading, config, scaled.shape[1])
        if to_ink:
            reading = replace(reading, characters=refine(reading.characters, scaled))
        reading = _widened(reading, line.shape[1] / scaled.shape[1])
        readings.append(replace(reading, strip=strip))
    return readings


def line_logits(model: CRNN, lines: list[Pixels]) -> list[Tensor]:
    """Logits (T, C) of lines at model height, on the model's device; T covers padding too."""
    config = model.config
    jobs = [
        _Job(index, piece, pixels[..., piece.start : piece.end])
        for index, pixels in enumerate(normalize(line, config.channels) for line in lines)
        for piece in split(pixels.shape[2], config.height)
    ]
    logits = _run(model, jobs)
    pieces: list[list[tuple[Piece, Tensor]]] = [[] for _ in lines]
    for position, job in enumerate(jobs):
        pieces[job.line].append((job.piece, logits[position]))
    return [_stitch(parts, config.frame_width) for parts in pieces]


@torch.inference_mode()
def _run(model: CRNN, jobs: list[_Job]) -> dict[int, Tensor]:
    """Logits (T, C) on the model's device of each job by its position."""
    buckets: dict[int, list[int]] = defaultdict(list)
    for position, job in enumerate(jobs):
        buckets[padded_width(job.pixels.shape[2], model.config.height)].append(position)
    weight = next(model.parameters())
    skimming = not weight.is_cuda  # a GPU is faster at comparing than at choosing
    logits: dict[int, Tensor] = {}
    for width, positions in sorted(buckets.items()):
        for start in range(0, len(positions), MAX_BATCH):
            chunk = positions[start : start + MAX_BATCH]
            batch = to_batch([jobs[position].pixels for position in chunk], width)
            found = model(batch.to(weight.device, weight.dtype), skimming=skimming)
            logits.update(zip(chunk, found, strict=True))
    return logits


class _ToFloat(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features.float()


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16; where it has none, emulation would be slower."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def optimize(model: CRNN, device: torch.device) -> None:
    """Fold batch normalization into the convolutions, the temperature into the last layer; move the model, to
    half precision on a GPU.

    On a CPU that multiplies bfloat16 the convolutions, which were trained in it, compute in it. The LSTMs
    do not: their results would depend on what else is in the batch.
    """
    for layers in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for index in range(len(layers) - 1):
            conv, norm = layers[index], layers[index + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                layers[index], layers[index + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    last = model.head[-1] if isinstance(model.head, nn.Sequential) else model.head
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.div_(model.config.temperature)
    model.config = replace(model.config, temperature=1.0)
    model.to(device, torch.half if device.type == "cuda" else torch.float, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cpu" and multiplies_bfloat16() and isinstance(model.cnn, nn.Sequential):
        model.cnn = nn.Sequential(*model.cnn.bfloat16(), _ToFloat())


def warm_up(model: CRNN) -> None:
    """Read an empty line of every width bucket, so that no user waits for the kernels to be prepared."""
    height = model.config.height
    step = width_step(height)
    for width in range(step, max_width(height) + 1, step):
        recognize_lines(model, [np.full((height, width), 255, np.uint8)])


def _stitch(pieces: list[tuple[Piece, Tensor]], frame_width: int) -> Tensor:
    """Join the logits of overlapping pieces where both are surest that nothing is written."""
    (first, joined), *rest = pieces
    offset = first.start
    for piece, logits in rest:
        shared = piece.start // frame_width - offset // frame_width
        overlap = min(joined.shape[0] - shared, logits.shape[0])
        left, right = joined[shared : shared + overlap], logits[:overlap]
        blank = left.log_softmax(1)[:, BLANK] + right.log_softmax(1)[:, BLANK]
        middle = range(overlap // 4, overlap - overlap // 4)
        cut = max(middle, key=lambda frame: float(blank[frame]))
        joined = torch.cat([joined[: shared + cut], logits[cut:]])
    return joined


def settle_widths(reading: Recognition) -> Recognition:
    """A line of ASCII in which few characters came out in their full-width forms, which look the same there,
    with all of them in ASCII. Lines with Chinese or Japanese are left as they are.
    """
    full = sum(char in FULL_WIDTH for char in reading.text)
    if not full or 2 * full >= len(reading.text) or not reading.text.translate(FULL_WIDTH_TABLE).isascii():
        return reading
    characters = tuple(replace(c, char=FULL_WIDTH.get(c.char, c.char)) for c in reading.characters)
    return replace(reading, text="".join(c.char for c in characters), characters=characters)


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
