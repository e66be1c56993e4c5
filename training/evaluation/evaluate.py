"""Models and real lines found and read: what every evaluation begins with."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from handler.decode import Recognition
from handler.engine import Engine
from handler.model import CRNN, load_weights
from handler.recognize import recognize_lines
from training.evaluation.comparison import by_shape, pairs_of
from training.evaluation.metrics import score
from training.labelled import Sample, read_folder

WEIGHTS_FOLDER = Path("model_store/weights")


class UnusableInputError(Exception):
    """A model or folder that cannot be read; the message says what to do."""


def load_folder(folder: Path, limit: int | None = None) -> list[Sample]:
    """Every n-th sample of a folder so that about `limit` remain; all without a limit."""
    samples = read_folder(folder, "measure")
    return samples[:: max(1, len(samples) // limit)] if limit else samples


def read_all(model: Engine, samples: list[Sample], at_once: int = 64) -> list[Recognition]:
    """Readings in the order of the samples; lines of like shape share a batch."""
    order = by_shape(samples)
    readings: dict[int, Recognition] = {}
    for start in range(0, len(order), at_once):
        chunk = order[start : start + at_once]
        readings.update(zip(chunk, recognize_lines(model, [samples[i].image for i in chunk]), strict=True))
    return [readings[i] for i in range(len(samples))]


def evaluate(model: Engine, samples: list[Sample]) -> dict[str, float]:
    """The figures of metrics.score: what a training run watches."""
    return score(pairs_of([reading.text for reading in read_all(model, samples)], samples))


def exit_status(work: Callable[[], None]) -> int:
    """0; or 2, with a sentence on standard error, where the work meets input that it cannot use."""
    try:
        work()
    except UnusableInputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def write_report(report: dict[str, Any], path: Path | None) -> None:
    """All figures of a run as JSON, if a file for them was named."""
    if path:
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")


def find_model(name: str) -> tuple[CRNN, dict[str, Any], Path]:
    """Model, facts and weights file of a name in WEIGHTS_FOLDER or a path.

    Raises:
        UnusableInputError: there is no such file, or it holds no weights.
    """
    path = Path(name) if Path(name).is_file() else WEIGHTS_FOLDER / f"{name}.safetensors"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in WEIGHTS_FOLDER.glob("*.safetensors"))) or "none"
        raise UnusableInputError(
            f"There is no model {name}: name one of {WEIGHTS_FOLDER} ({known}), "
            "or give the path of a weights file."
        )
    try:
        return *load_weights(path), path
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UnusableInputError(
            f"{path} holds no weights of a model of this project ({reason}). Give a file that training wrote."
        ) from None
