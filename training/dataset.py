"""Endless batches of line images: rendered lines, and real ones where they are asked for.

A batch holds lines of like width, so that little is padded and each batch costs about the same.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from handler.charset import encode
from handler.model import CRNNConfig
from handler.preprocess import Grey, decode_image, normalize, to_batch, to_grey, to_line
from training.render import DOMAINS, render

BUCKET = 32
"""Lines are gathered by width in such steps: few shapes, for which kernels are prepared once."""
MAX_TRAINING_WIDTH = 640
MAX_REAL_ASPECT = 24
"""Real lines this many times as wide as high, or more, are left out."""


@dataclass(frozen=True)
class Sample:
    """A line image (H, W) and its text; `folded` where the label's case says nothing about the image."""

    image: Grey
    text: str
    folded: bool = False


@dataclass(frozen=True)
class Batch:
    """images (N, 1, height, W) float32, targets (sum of lengths,) classes, lengths (N,), folded (N,) bool."""

    images: Tensor
    targets: Tensor
    lengths: Tensor
    folded: Tensor

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))


def read_labels(folder: Path) -> list[tuple[Path, str]]:
    """Pairs of image path and text from folder/labels.tsv (path TAB text)."""
    rows = (line.split("\t", 1) for line in (folder / "labels.tsv").read_text("utf-8").splitlines() if line)
    return [(folder / path, text) for path, text in rows]


def read_receipts(folder: Path, part: str) -> Iterator[Sample]:
    """Line crops of the receipt pages that split.tsv assigns to `part`; all labels are upper case."""
    split = [row.split("\t") for row in (folder / "split.tsv").read_text("utf-8").splitlines()]
    for name in [row[0] for row in split if row[1] == part]:
        page = to_grey(decode_image(next((folder / "img").glob(f"{name}.*")).read_bytes()))
        for line in (folder / "box" / f"{name}.csv").read_text("utf-8", errors="replace").splitlines():
            *corners, text = line.split(",", 8)
            if len(corners) == 8 and text:
                xs, ys = [round(float(v)) for v in corners[::2]], [round(float(v)) for v in corners[1::2]]
                image = page[max(0, min(ys)) : max(ys), max(0, min(xs)) : max(xs)]
                if image.size:
                    yield Sample(image, text, folded=True)


def read_folder(folder: Path, part: str) -> list[Sample]:
    """All lines of a folder with labels.tsv, or those of `part` of receipt pages with split.tsv."""
    if (folder / "split.tsv").exists():
        return list(read_receipts(folder, part))
    return [Sample(to_grey(decode_image(path.read_bytes())), text) for path, text in read_labels(folder)]


def load_real(folders: list[str], alphabet: str) -> list[Sample]:
    """Real lines to train on: those that the alphabet can spell and that are not far too long."""
    samples = [sample for folder in folders for sample in read_folder(Path(folder), "train")]
    return [s for s in samples if s.text and set(s.text) <= set(alphabet) and _aspect(s) < MAX_REAL_ASPECT]


def _aspect(sample: Sample) -> float:
    return sample.image.shape[1] / sample.image.shape[0]


def vary(rng: random.Random, image: Grey) -> Grey:
    """A real line seen a little otherwise: cut, stretched, turned, blurred, inverted, in other contrast."""
    height, width = image.shape
    top, bottom = (int(rng.uniform(-0.06, 0.08) * height) for _ in range(2))
    left, right = (int(rng.uniform(-0.12, 0.06) * height) for _ in range(2))
    picture = Image.fromarray(np.pad(image, height // 4 + 1, mode="edge"))
    pad = height // 4 + 1
    box = (
        pad + left,
        pad + top,
        max(pad + left + 4, pad + width - right),
        max(pad + top + 4, pad + height - bottom),
    )
    if rng.random() < 0.4:
        angle = rng.gauss(0, 1.2) * min(1.0, 6 * height / width)
        picture = picture.rotate(angle, Image.Resampling.BILINEAR, fillcolor=int(np.median(image)))
    picture = picture.crop(box)
    if rng.random() < 0.5:
        picture = picture.resize((max(4, int(picture.width * rng.uniform(0.8, 1.25))), picture.height))
    if rng.random() < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1) * picture.height / 32))
    if rng.random() < 0.2 and picture.height > 20:
        scale = rng.uniform(14, 28) / picture.height
        if scale < 1:
            picture = picture.resize(
                (max(4, int(picture.width * scale)), max(8, int(picture.height * scale)))
            )
    levels = np.asarray(picture)
    if rng.random() < 0.3:
        noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(2, 12), levels.shape)
        levels = np.clip(levels + noise, 0, 255).astype(np.uint8)
    return 255 - levels if rng.random() < 0.1 else levels


class LineStream(IterableDataset[Batch]):
    """Batches without end.

    `mix` weighs the domains of render.py and "real"; `columns` is the sum of a batch's widths.
    """

    def __init__(
        self, config: CRNNConfig, mix: dict[str, float], real: list[Sample], columns: int, seed: int
    ) -> None:
        self.config, self.mix, self.real, self.columns, self.seed = config, mix, real, columns, seed

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        rng = random.Random(f"{self.seed}-{info.id if info else 0}")
        buckets: dict[int, list[Sample]] = defaultdict(list)
        while True:
            sample = self._sample(rng)
            width = -(-sample.image.shape[1] // BUCKET) * BUCKET
            buckets[width].append(sample)
            if len(buckets[width]) == max(4, self.columns // width):
                yield self._collate(buckets.pop(width), width)

    def _sample(self, rng: random.Random) -> Sample:
        while True:
            kind = rng.choices(list(self.mix), list(self.mix.values()))[0]
            if kind == "real":
                drawn = rng.choice(self.real)
                sample = Sample(vary(rng, drawn.image), drawn.text, drawn.folded)
            else:
                sample = Sample(*render(rng, DOMAINS[kind]))
            line = to_line(sample.image, self.config.height)
            frames = line.shape[1] / self.config.frame_width
            if line.shape[1] <= MAX_TRAINING_WIDTH and frames >= _frames_needed(sample.text):
                return Sample(line, sample.text, sample.folded)

    def _collate(self, samples: list[Sample], width: int) -> Batch:
        labels = [encode(sample.text, self.config.alphabet) for sample in samples]
        return Batch(
            to_batch([normalize(sample.image) for sample in samples], width),
            torch.tensor([index for label in labels for index in label]),
            torch.tensor([len(label) for label in labels]),
            torch.tensor([sample.folded for sample in samples]),
        )


def _frames_needed(text: str) -> int:
    """Frames that CTC needs at least: one a character and a blank between equal neighbours."""
    return len(text) + sum(a == b for a, b in zip(text, text[1:], strict=False))


def stream(dataset: LineStream, workers: int) -> Iterator[Batch]:
    """Batches drawn by `workers` processes."""
    return iter(
        DataLoader(dataset, batch_size=None, num_workers=workers, prefetch_factor=6 if workers else None)
    )
