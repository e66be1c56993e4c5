"""The settings of a training run, as a file in experiments/ gives them."""

import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Experiment:
    """The settings that a file in experiments/ may give."""

    name: str
    steps: int
    mix: dict[str, float]
    model: str = "residual"
    alphabet: str = "ascii"
    """This, or the name of a file of alphabets/."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    beta: float = 0.999
    """Decay of the squared gradients' mean."""
    warmup: int = 500
    columns: int = 64 * 160
    ema: float = 0.999
    clip: float = 5.0
    seed: int = 1
    checkpoint_steps: int = 400
    score_steps: int = 1200
    negatives: int = 0
    """Classes drawn at random beside a batch's own and their hard negatives (losses.py); 0: all are used."""
    distillation: float = 1.0
    """Weight of what the teacher says, where there is one, beside the labels."""
    ctc: float = 0.3
    """Of distillation: weight of the labels beside the teacher's posteriors."""
    distance: float = 0.01
    """Of distillation: weight of the squared distance to what the teacher's last layer reads."""
    frozen: int = -1
    """Of distillation: layers of the convolutions that stay as they are; -1: all of them."""
    rates: dict[str, float] = field(default_factory=dict)
    """Shares of the learning rate by the beginning of a tensor's name; the first that fits counts."""
    facts: dict[str, Any] = field(default_factory=dict)


def learning_rate(step: int, experiment: Experiment) -> float:
    """Linear warm-up, then half a cosine down to zero at the last step."""
    if step < experiment.warmup:
        return experiment.learning_rate * (step + 1) / experiment.warmup
    done = (step - experiment.warmup) / max(1, experiment.steps - experiment.warmup)
    return experiment.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def load(path: Path) -> Experiment:
    """The experiment that a TOML file describes.

    Raises:
        TypeError: it holds a setting that there is not, or lacks one that there must be.
    """
    return Experiment(**tomllib.loads(path.read_text("utf-8")))
