"""Endless batches of lines from the shards of features.py, in an order that depends on the seed alone."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from handler.charset import encode
from training.dataset import CHUNK, Position
from training.distillation.features import FRAME_COLUMNS, WIDTH, Shard, ShardLine, read_shards


@dataclass(frozen=True)
class CachedBatch:
    """N lines of T frames at most; behind its own frames a line repeats its last one.

    images (N, 3, 48, 8 T) uint8 RGB; shortcut, features and taught (N, T, WIDTH): what the convolutions say,
    and what the teacher's last layer reads; likely (N, T, LIKELY) classes or -1; frames (N,); targets (sum of
    lengths,), lengths (N,); folded (N,): see Sample; trusted (N,): the teacher reads the label.
    """

    images: Tensor
    shortcut: Tensor
    features: Tensor
    taught: Tensor
    likely: Tensor
    frames: Tensor
    targets: Tensor
    lengths: Tensor
    folded: Tensor
    trusted: Tensor

    def to(self, device: torch.device) -> "CachedBatch":
        return CachedBatch(*(getattr(self, field.name).to(device) for field in fields(self)))


class CachedLines:
    """All lines of a folder of shards."""

    def __init__(self, folder: Path, alphabet: str, seed: str) -> None:
        self.shards: list[Shard] = list(read_shards(folder))
        self.alphabet, self.seed = alphabet, seed
        self.places = [(shard, entry) for shard in self.shards for entry in shard.entries]

    def batch(self, members: list[tuple[Shard, ShardLine]], with_images: bool) -> CachedBatch:
        longest = max(entry.end - entry.start for _, entry in members)
        found = np.stack([_rows(shard.features, entry, longest) for shard, entry in members])
        shortcut, features, taught = torch.from_numpy(found).float().split(WIDTH, dim=2)
        labels = [encode(entry.text, self.alphabet) for _, entry in members]
        return CachedBatch(
            _images(members, longest) if with_images else torch.zeros(0),
            shortcut,
            features,
            taught,
            torch.from_numpy(
                np.stack([_rows(shard.likely, entry, longest) for shard, entry in members])
            ).long(),
            torch.tensor([entry.end - entry.start for _, entry in members]),
            torch.tensor([index for label in labels for index in label]),
            torch.tensor([len(label) for label in labels]),
            torch.tensor([entry.folded for _, entry in members]),
            torch.tensor([entry.agrees for _, entry in members]),
        )

    def stream(
        self, frames: int, with_images: bool, start: Position
    ) -> Iterator[tuple[Position, CachedBatch]]:
        """Batches of about so many frames, without end, each with the position after it."""
        number, passed = start.chunk, start.batch
        while True:
            rng = random.Random(f"{self.seed}-{number}")
            groups = _groups(rng.choices(self.places, k=CHUNK), frames, rng)
            for index, members in enumerate(groups, 1):
                if index > passed:
                    yield Position(number, index), self.batch(members, with_images)
            number, passed = number + 1, 0


def _groups(
    chosen: list[tuple[Shard, ShardLine]], frames: int, rng: random.Random
) -> list[list[tuple[Shard, ShardLine]]]:
    waiting, groups = sorted(chosen, key=lambda place: place[1].end - place[1].start), []
    while waiting:
        count = max(2, frames // (waiting[-1][1].end - waiting[-1][1].start))
        groups.append(waiting[-count:])
        del waiting[-count:]
    rng.shuffle(groups)
    return groups


def _rows(array: np.ndarray, entry: ShardLine, longest: int) -> np.ndarray:
    rows = array[entry.start : entry.end]
    return np.pad(rows, ((0, longest - len(rows)), (0, 0)), "edge")


def _images(members: list[tuple[Shard, ShardLine]], longest: int) -> Tensor:
    """(N, 3, 48, W); right of a line the grey that pads it when it is read."""
    images = np.full((len(members), FRAME_COLUMNS * longest, 48, 3), 127, np.uint8)
    for image, (shard, entry) in zip(images, members, strict=True):
        image[: FRAME_COLUMNS * (entry.end - entry.start)] = shard.pixels[
            FRAME_COLUMNS * entry.start : FRAME_COLUMNS * entry.end
        ]
    return torch.from_numpy(images.transpose(0, 3, 2, 1).copy())
