"""Endless batches of line images: rendered lines, and real ones where they are asked for.

Line n of a stream depends on the seed and n alone, however many processes draw, so that a run can go on where
it was stopped. A batch holds lines of like width, so that little is padded and each costs about the same.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from handler.charset import encode
from handler.image import Pixels, ground_colour
from handler.model import CRNNConfig
from handler.preprocess import to_line
from training.fonts.typefaces import is_wide
from training.labelled import Sample
from training.render.line import DOMAINS, render

BUCKET = 32
"""Batches are as wide as a multiple of this many pixels: few shapes, for which kernels are prepared once."""
CHUNK = 2048
"""Lines that are sorted by width at a time."""
MAX_TRAINING_ASPECT = 100 / 3
"""Lines are this many times as wide as high at most: 1,600 pixels at 48."""


@dataclass(frozen=True)
class Position:
    """A place in a stream: so many batches of a chunk are behind."""

    chunk: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Batch:
    """images (N, height, W) uint8 in grey levels, or (N, 3, height, W) in red, green and blue, of which
    widths (N,) columns show the line; targets (sum of lengths,) classes, lengths (N,); folded (N,) and
    gentle (N,) bool.

    Gentle lines are augmented half as often: real ones, and those whose characters have too many strokes for
    more.
    """

    images: Tensor
    widths: Tensor
    targets: Tensor
    lengths: Tensor
    folded: Tensor
    gentle: Tensor

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))


def recrop(rng: random.Random, image: Pixels) -> Pixels:
    """A real line cut out a little otherwise, stretched, and turned."""
    height, width = image.shape[:2]
    top, bottom = (int(rng.uniform(-0.06, 0.08) * height) for _ in range(2))
    left, right = (int(rng.uniform(-0.12, 0.06) * height) for _ in range(2))
    pad = height // 4 + 1
    sides = [(pad, pad), (pad, pad), (0, 0)][: image.ndim]
    picture = Image.fromarray(np.pad(image, sides, mode="edge"))
    if rng.random() < 0.3:
        angle = rng.gauss(0, 2) * min(1.0, 8 * height / width)
        picture = picture.rotate(angle, Image.Resampling.BILINEAR, fillcolor=ground_colour(image))
    picture = picture.crop(
        (
            pad + left,
            pad + top,
            max(pad + left + 4, pad + width - right),
            max(pad + top + 4, pad + height - bottom),
        )
    )
    if rng.random() < 0.5:
        picture = picture.resize((max(4, int(picture.width * rng.uniform(0.75, 1.3))), picture.height))
    return np.asarray(picture)


class Lines(Dataset[Sample]):
    """The endless sequence of lines at model height; `mix` weighs render.domains.DOMAINS and "real"."""

    def __init__(self, config: CRNNConfig, mix: dict[str, float], real: list[Sample], seed: str) -> None:
        self.config, self.mix, self.real, self.seed = config, mix, real, seed

    def __getitem__(self, index: int) -> Sample:
        rng = random.Random(f"{self.seed}-{index}")
        while True:
            kind = rng.choices(list(self.mix), list(self.mix.values()))[0]
            if kind == "real":
                drawn = rng.choice(self.real)
                sample = Sample(recrop(rng, drawn.image), drawn.text, drawn.folded, real=True)
            else:
                colour = self.config.channels == 3
                sample = Sample(*render(rng, DOMAINS[kind], self.config.alphabet, colour))
            line = to_line(sample.image, self.config.height, self.config.channels)
            frames = line.shape[1] / self.config.frame_width
            if line.shape[1] <= MAX_TRAINING_ASPECT * len(line) and frames >= frames_needed(sample.text):
                return Sample(line, sample.text, sample.folded, sample.real)


def frames_needed(text: str) -> int:
    """Frames that CTC needs at least: one a character and a blank between equal neighbours."""
    return len(text) + sum(a == b for a, b in zip(text, text[1:], strict=False))


def group(samples: list[Sample], columns: int, rng: random.Random) -> list[list[Sample]]:
    """Groups of like width in random order; a group's widest line times its size is about `columns`."""
    waiting = sorted(samples, key=lambda sample: sample.image.shape[1])
    groups = []
    while waiting:
        count = max(4, columns // _bucket(waiting[-1].image.shape[1]))
        groups.append(waiting[-count:])
        del waiting[-count:]
    rng.shuffle(groups)
    return groups


def _bucket(width: int) -> int:
    return -(-width // BUCKET) * BUCKET


def collate(samples: list[Sample], alphabet: str, channels: int = 1) -> Batch:
    """A batch as wide as its widest line's bucket; right of a narrower line its last column repeats.

    For three channels a grey line repeats in each.
    """
    widths = [sample.image.shape[1] for sample in samples]
    width = _bucket(max(widths))
    images = [_planes(s.image, channels, width) for s in samples]
    labels = [encode(sample.text, alphabet) for sample in samples]
    return Batch(
        torch.from_numpy(np.stack(images)),
        torch.tensor(widths),
        torch.tensor([index for label in labels for index in label]),
        torch.tensor([len(label) for label in labels]),
        torch.tensor([sample.folded for sample in samples]),
        torch.tensor([sample.real or is_wide(sample.text) for sample in samples]),
    )


def _planes(line: Pixels, channels: int, width: int) -> Pixels:
    """(height, w), or (height, w, 3) for three channels -> (height, width) or (3, height, width)."""
    sides = [(0, 0), (0, width - line.shape[1]), (0, 0)][: line.ndim]
    padded = np.pad(line, sides, "edge")
    if channels == 1:
        return padded
    return np.broadcast_to(padded, (3, *padded.shape)) if line.ndim == 2 else padded.transpose(2, 0, 1)


def stream(
    lines: Lines, columns: int, workers: int = 0, start: Position = Position()
) -> Iterator[tuple[Position, Batch]]:
    """Batches without end from `start` on, each with the position after it; drawn by `workers` processes.

    The next chunk is drawn while this one is handed out, so that the work is even.
    """
    order = itertools.count(start.chunk * CHUNK)
    samples = iter(
        DataLoader(
            lines,
            batch_size=None,
            sampler=order,
            num_workers=workers,
            prefetch_factor=64 if workers else None,
        )
    )
    number, upcoming, passed = start.chunk, [next(samples) for _ in range(CHUNK)], start.batch
    while True:
        groups = group(upcoming, columns, random.Random(f"{lines.seed}-{number}"))
        upcoming = []
        for index, members in enumerate(groups, 1):
            upcoming += [next(samples) for _ in range(CHUNK * index // len(groups) - len(upcoming))]
            if index > passed:
                yield Position(number, index), collate(members, lines.config.alphabet, lines.config.channels)
        number, passed = number + 1, 0
