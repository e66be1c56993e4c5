"""Lines with what frozen convolutions and a teacher say of them, computed once and read many times.

    python -m training.distillation.features EXPERIMENT.toml FOLDER --real DATA… --shards 0-31

Most of a training step on a CPU goes into convolutions that do not change: their outputs on a line are kept,
in half precision, with the line's image and the teacher's frames. Reading them back takes microseconds. A
shard has SHARD lines and depends on the experiment and its number alone, so that several processes can write
different ones, and one that was stopped goes on with the shards that are missing.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from torch import Generator

from handler.model import accurate_config
from training import alphabet as alphabets
from training.augmentation.augment import augment
from training.dataset import Lines, collate
from training.distillation.public_weights import (
    FEATURES,
    FRAMES,
    SHORTCUT,
    Vocabulary,
    small_file,
    small_vocabulary,
)
from training.evaluation.metrics import folded
from training.experiment import load
from training.labelled import Sample, load_real

SHARD = 1024
"""Lines in a shard."""
WIDTH = 120
"""Of each of the three: shortcut, features and frames."""
LIKELY = 3
"""Classes of the teacher that are kept for each frame."""
FRAME_COLUMNS = 8
"""Pixels a frame."""
AT_ONCE = 8
"""Lines of like width that the teacher reads together."""

Half = NDArray[np.float16]


@dataclass(frozen=True)
class ShardLine:
    """A line in a shard: its frames are rows `start` to `end`, its columns 8 times as many."""

    start: int
    end: int
    width: int
    text: str
    folded: bool
    real: bool
    agrees: bool
    """Whether the teacher reads the label, its spaces included; case and width may differ."""


class Teacher:
    """PP-OCRv6 small up to what its last layer reads, in ONNX Runtime, and its characters."""

    def __init__(self, alphabet: str) -> None:
        self.alphabet = alphabet
        model = onnx.load(str(small_file()))
        self.words: Vocabulary = small_vocabulary(model)
        cut = onnx.utils.Extractor(model).extract_model(["x"], [SHORTCUT, FEATURES, FRAMES])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(cut.SerializeToString(), options)
        self._weight = np.ascontiguousarray(self.words.weight.numpy().T)
        self._bias = self.words.bias.numpy()
        classes = self.words.classes(alphabet).numpy()
        self._ours = np.full(len(self._bias), -1, np.int16)
        self._ours[classes[classes >= 0]] = np.nonzero(classes >= 0)[0]

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 48, W, 3) RGB -> (N, W / 8, 3 * WIDTH): shortcut, features, frames."""
        levels = images[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
        shortcut, features, frames = self._session.run(None, {"x": np.ascontiguousarray(levels)})
        convolved = np.concatenate([shortcut, features], axis=1).squeeze(2).transpose(0, 2, 1)
        result: NDArray[np.float32] = np.concatenate([convolved, frames], axis=2)
        return result

    def read(self, frames: NDArray[np.float32]) -> tuple[str, NDArray[np.int16]]:
        """The text of a line's frames (T, WIDTH), and our classes (T, LIKELY) of the teacher's likeliest; -1
        where the alphabet has none."""
        logits = frames @ self._weight + self._bias
        likely = np.argpartition(logits, -LIKELY, axis=1)[:, -LIKELY:]
        best = logits.argmax(axis=1)
        kept = best[np.concatenate([[True], best[1:] != best[:-1]])]
        text = "".join(self.words.characters[place - 1] for place in kept if place)
        return text, self._ours[likely]


def to_images(samples: list[Sample], alphabet: str, generator: Generator | None) -> NDArray[np.uint8]:
    """Lines at model height as (N, 48, W, 3), augmented if there is a generator; grey beyond their ends."""
    batch = collate(samples, alphabet, channels=3)
    levels = batch.images.float()
    if generator:
        levels = augment(levels, batch.gentle, generator)
    images = levels.round().byte().permute(0, 2, 3, 1).numpy()
    for image, width in zip(images, batch.widths.tolist(), strict=True):
        image[:, width:] = 127
    longest = -(-int(batch.widths.max()) // FRAME_COLUMNS) * FRAME_COLUMNS
    return images[:, :, :longest]


def write_shard(
    folder: Path, number: int, samples: list[Sample], teacher: Teacher, generator: Generator | None = None
) -> None:
    """Have the teacher read lines at model height, and write what is kept of them; the index comes last.

    With a generator the lines are augmented first.
    """
    waiting = sorted(samples, key=lambda sample: sample.image.shape[1])
    entries, features, pixels, likely, start = [], [], [], [], 0
    for first in range(0, len(waiting), AT_ONCE):
        chunk = waiting[first : first + AT_ONCE]
        images = to_images(chunk, teacher.alphabet, generator)
        for sample, image, found in zip(chunk, images, teacher(images), strict=True):
            frames = -(-sample.image.shape[1] // FRAME_COLUMNS)
            text, classes = teacher.read(found[:frames, 2 * WIDTH :])
            agrees = folded(text) == folded(sample.text)
            entries.append(ShardLine(start, start + frames, sample.image.shape[1], sample.text, sample.folded,
                                 sample.real, agrees))  # fmt: skip
            features.append(found[:frames].astype(np.float16))
            pixels.append(image[:, : FRAME_COLUMNS * frames].transpose(1, 0, 2))
            likely.append(classes)
            start += frames
    np.save(folder / f"{number:03}.features.npy", np.concatenate(features))
    np.save(folder / f"{number:03}.pixels.npy", np.concatenate(pixels))
    np.save(folder / f"{number:03}.likely.npy", np.concatenate(likely))
    index = folder / f"{number:03}.jsonl"
    index.with_suffix(".new").write_text("".join(json.dumps(asdict(e)) + "\n" for e in entries), "utf-8")
    index.with_suffix(".new").replace(index)


@dataclass(frozen=True)
class Shard:
    """A shard's lines; the arrays are mapped from its files, not read."""

    entries: list[ShardLine]
    features: Half
    """(frames, 3 * WIDTH)."""
    pixels: NDArray[np.uint8]
    """(columns, 48, 3)."""
    likely: NDArray[np.int16]
    """(frames, LIKELY)."""


def read_shards(folder: Path) -> Iterator[Shard]:
    """The finished shards of a folder."""
    for index in sorted(folder.glob("*.jsonl")):
        entries = [ShardLine(**json.loads(row)) for row in index.read_text("utf-8").splitlines()]
        stem = index.name.partition(".")[0]
        parts = (
            np.load(folder / f"{stem}.{kind}.npy", mmap_mode="r") for kind in ("features", "pixels", "likely")
        )
        yield Shard(entries, *parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--real", nargs="*", default=[], help="folders of real lines to mix in")
    parser.add_argument("--shards", default="0-31", help="numbers of the first and the last shard")
    parser.add_argument("--every", default="0/1", help="k/n: of these every n-th from the k-th on")
    options = parser.parse_args()
    experiment = load(options.experiment)
    alphabet = alphabets.read(experiment.alphabet)
    lines = Lines(
        accurate_config(alphabet), experiment.mix, load_real(options.real, alphabet), seed="features"
    )
    teacher = Teacher(alphabet)
    options.folder.mkdir(parents=True, exist_ok=True)
    (first, last), (k, n) = (map(int, options.shards.split("-"))), map(int, options.every.split("/"))
    for number in range(first, last + 1):
        if number % n == k and not (options.folder / f"{number:03}.jsonl").exists():
            samples = [lines[number * SHARD + place] for place in range(SHARD)]
            generator = Generator().manual_seed(number)
            write_shard(options.folder, number, samples, teacher, generator)
            print(f"shard {number}", flush=True)


if __name__ == "__main__":
    main()
