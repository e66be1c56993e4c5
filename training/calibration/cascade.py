"""From which confidence on the student's reading of a line is left as it is; stored for serving's `auto`.

    python -m training.calibration.cascade ACCURATE.safetensors STUDENT.safetensors --real FOLDER…

reads the training lines of the FOLDERs (of receipt pages the `train` part) with both networks. The threshold
is the lowest at which on every folder the share of exact lines is at most TOLERANCE below that of the
accurate network. What it does to other folders is told for those given by `--measure`. Calibrate both
networks first. See handler/networks.py.
"""

import argparse
import itertools
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from handler.engine import Engine
from handler.model import load_weights, save_weights
from training.evaluation.evaluate import load_folder, read_all
from training.evaluation.metrics import is_exact
from training.export import served
from training.labelled import Sample, load_real

TOLERANCE = 0.003
STEP = 0.01
"""Thresholds that are tried are multiples of this; above 1 the accurate network reads every line."""
MAX_LINES = 1500
"""Of each folder, at most."""


@dataclass(frozen=True)
class FolderReadings:
    """Of a folder's lines: the student's confidences, which of its readings are right, which of the accurate
    network's, and the seconds that both took for all lines.
    """

    confidences: NDArray[np.float64]
    student: NDArray[np.bool_]
    accurate: NDArray[np.bool_]
    student_seconds: float = 0.0
    accurate_seconds: float = 1.0

    def again(self, threshold: float) -> float:
        """The share of lines that are read twice."""
        return float((self.confidences < threshold).mean())

    def right(self, threshold: float) -> float:
        """The share of lines that the cascade reads exactly."""
        return float(np.where(self.confidences < threshold, self.accurate, self.student).mean())

    def time(self, threshold: float) -> float:
        """The cascade's time, as a share of the accurate network's alone."""
        return self.student_seconds / self.accurate_seconds + self.again(threshold)


def choose(folders: list[FolderReadings]) -> float:
    """The lowest threshold at which no folder loses more than TOLERANCE."""
    for step in range(round(1 / STEP) + 1):
        threshold = round(step * STEP, 2)
        if all(of.right(threshold) >= of.accurate.mean() - TOLERANCE - 1e-9 for of in folders):
            return threshold
    return 1 + STEP


def timed(engine: Engine, samples: list[Sample]) -> tuple[list[float], list[bool], float]:
    """Confidences, which readings are right, and seconds of this thread."""
    start = time.thread_time()
    readings = read_all(engine, samples)
    seconds = time.thread_time() - start
    right = [is_exact(reading.text, sample.text) for reading, sample in zip(readings, samples, strict=True)]
    return [reading.confidence for reading in readings], right, seconds


def read(student: Engine, accurate: Engine, samples: list[Sample]) -> FolderReadings:
    confidences, of_student, student_seconds = timed(student, samples)
    _, of_accurate, accurate_seconds = timed(accurate, samples)
    return FolderReadings(
        np.array(confidences), np.array(of_student), np.array(of_accurate), student_seconds, accurate_seconds
    )


def table(folders: dict[str, FolderReadings], threshold: float) -> str:
    rows = [
        f"| {name} | {len(of.student):,} | {of.student.mean():.3f} | {of.accurate.mean():.3f} "
        f"| {of.right(threshold):.3f} | {of.again(threshold):.1%} | {of.time(threshold):.2f} |"
        for name, of in folders.items()
    ]
    head = "| folder | lines | student, exact | accurate | auto | read twice | time, accurate is 1 |"
    return "\n".join([head, "|---" * 7 + "|", *rows])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("accurate", type=Path, metavar="ACCURATE")
    parser.add_argument("student", type=Path, metavar="STUDENT")
    parser.add_argument("--real", nargs="+", metavar="FOLDER", required=True, help="lines to choose on")
    parser.add_argument(
        "--measure", nargs="*", type=Path, default=[], metavar="FOLDER", help="tell of these, too"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    (accurate, facts), (student, _) = load_weights(options.accurate), load_weights(options.student)
    engines, folders = (served(student), served(accurate)), {}
    for folder in options.real:
        real = load_real([folder], accurate.config.alphabet)
        some = list(itertools.islice(real, 0, None, max(1, len(real) // MAX_LINES)))
        folders[Path(folder).name] = read(*engines, some)
    threshold = choose(list(folders.values()))
    print(f"threshold {threshold}\n\n{table(folders, threshold)}")
    if options.measure:
        measured = {folder.name: read(*engines, load_folder(folder, MAX_LINES)) for folder in options.measure}
        print(f"\n{table(measured, threshold)}")
    cascade = {"student": options.student.stem, "threshold": threshold}
    save_weights(accurate, options.accurate, facts | {"cascade": cascade})


if __name__ == "__main__":
    main()
