"""What readers have corrected: labelled lines, checked, and parted into those to learn and those held out."""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from handler.model import CRNNConfig
from handler.preprocess import to_line
from training.dataset import frames_needed
from training.evaluation.evaluate import UnusableInputError
from training.evaluation.lines import find_samples
from training.labelled import MAX_REAL_ASPECT, Sample

LEAST = 20
"""Different lines that there must be."""
HELD_OUT = 5
"""One line in so many is held out."""


@dataclass(frozen=True)
class Corrections:
    """Lines to `learn` from, lines `held_out`, and sentences that say what was left out and why."""

    learn: list[Sample]
    held_out: list[Sample]
    left_out: list[str]

    @property
    def digest(self) -> str:
        """Changes with any line."""
        lines = [f"{_digest(sample)} {sample.text}" for sample in (*self.learn, *self.held_out)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read(folder: Path, config: CRNNConfig) -> Corrections:
    """The lines of a folder with labels.tsv that a model of this configuration can learn.

    Raises:
        UnusableInputError: the folder cannot be read, or has fewer than LEAST different lines for it.
    """
    samples = [replace(s, text=" ".join(s.text.split()), real=True) for s in find_samples(folder, None)]
    faults = [_fault(sample, config) for sample in samples]
    kept = [sample for sample, fault in zip(samples, faults, strict=True) if not fault]
    left_out = _sentences(samples, faults, config.alphabet)
    different = len({_digest(sample) for sample in kept})
    if different < LEAST:
        count = f"{folder} has {different} different lines to learn from; there must be {LEAST}."
        found = " ".join([count, *left_out])
        raise UnusableInputError(f"{found} Correct more lines and export them again.")
    return Corrections(*hold_out(kept), left_out)


def hold_out(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The lines to learn, and every HELD_OUT-th held out: those whose images have the lowest digests.

    So it is the same lines in whatever order they come, mostly the same when others are added, and equal
    images are on one side.
    """
    digests = sorted({_digest(sample) for sample in samples})
    lowest = set(digests[: -(-len(digests) // HELD_OUT)])
    ordered = sorted(samples, key=_digest)
    return (
        [sample for sample in ordered if _digest(sample) not in lowest],
        [sample for sample in ordered if _digest(sample) in lowest],
    )


def _digest(sample: Sample) -> str:
    return hashlib.sha256(sample.image.tobytes()).hexdigest()


def _fault(sample: Sample, config: CRNNConfig) -> str:
    """Why a line cannot be learned: "empty", "foreign" or "crowded"; "" where it can."""
    height, width = sample.image.shape[:2]
    if not sample.text:
        return "empty"
    if not set(sample.text) <= set(config.alphabet):
        return "foreign"
    if width >= MAX_REAL_ASPECT * height:
        return "long"
    frames = to_line(sample.image, config.height, config.channels).shape[1] / config.frame_width
    return "crowded" if frames < frames_needed(sample.text) else ""


def _sentences(samples: list[Sample], faults: list[str], alphabet: str) -> list[str]:
    foreign = sorted(set("".join(sample.text for sample in samples)) - set(alphabet))
    reasons = {
        "empty": "they have no text",
        "foreign": f"the model has no class for {' '.join(map(repr, foreign))}",
        "long": f"they are {MAX_REAL_ASPECT} times as wide as high, or wider",
        "crowded": "their text is too long for so narrow an image",
    }
    counts = Counter(faults)
    return [f"{counts[fault]:,} left out: {why}." for fault, why in reasons.items() if counts[fault]]
