"""What a fine-tuned model must show before it is shipped, and its way into the store: whole or not at all."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from handler.model import CRNN, load_weights, read_header, save_weights
from training import package
from training.calibration import temperature
from training.dataset import Lines
from training.evaluation.evaluate import UnusableInputError, evaluate
from training.export import served
from training.labelled import Sample

TOLERANCE = 0.005
"""What the CER of a language may rise by: half a point."""
NAME = r"[a-z][a-z0-9_]{0,59}"
BEGINS_AS = "begins_as"
"""The fact in the header of a fine-tuned model that names the one it begins as."""
LINES = 240
"""Rendered lines that the confidence is fitted on."""
THREADS = 2

Figures = Mapping[str, Mapping[str, float]]
"""Figures of metrics.score by the name of a set of lines."""


class WorseModelError(Exception):
    """A fine-tuned model reads worse than the one it begins as; the message says by how much."""


def check_name(name: str, store: Path) -> None:
    """Raises UnusableInputError where no model may be shipped under this name."""
    if not re.fullmatch(NAME, name):
        raise UnusableInputError(
            f"{name!r} is no name for a model: give up to 60 lower-case letters, figures and underscores, "
            "such as crnn_v3_shop (NAME=crnn_v3_shop)."
        )
    weights = store / "weights" / f"{name}.safetensors"
    known = BEGINS_AS not in read_header(weights)[1] if weights.exists() else name in _archives(store)
    if known:
        raise UnusableInputError(f"{name} is a model of the project: give yours another name (NAME=…).")


def _archives(store: Path) -> set[str]:
    return {archive.name for archive in package.describe(store).archives}


def measure(model: CRNN, sets: Mapping[str, list[Sample]]) -> dict[str, dict[str, float]]:
    """Figures of each set of lines, read by the graph that the service computes."""
    engine = served(model, THREADS)
    return {name: evaluate(engine, samples) for name, samples in sets.items()}


def check(before: Figures, after: Figures, own: str) -> None:
    """Raises WorseModelError where the set `own` is read worse, or another one by more than TOLERANCE."""
    risen = {name: round(after[name]["cer"] - before[name]["cer"], 4) for name in before}
    worse = [
        f"{name}: CER {before[name]['cer']:.4f} before, {after[name]['cer']:.4f} after"
        f" ({100 * rise:+.2f} points, {100 * allowed:.2f} allowed)"
        for name, rise in risen.items()
        if rise > (allowed := 0.0 if name == own else TOLERANCE)
    ]
    if worse:
        raise WorseModelError("\n".join(worse))


def table(before: Figures, after: Figures) -> str:
    """A markdown table with a set of lines a row."""
    rows = ["| lines | number | CER before | after | exact before | after |", "|---|---|---|---|---|---|"]
    for name, old in before.items():
        new = after[name]
        figures = [f"{old['cer']:.4f}", f"{new['cer']:.4f}", f"{old['exact']:.3f}", f"{new['exact']:.3f}"]
        rows.append(f"| {name} | {old['lines']:,} | {' | '.join(figures)} |")
    return "\n".join(rows)


def calibrate(model: CRNN, start: CRNN) -> None:
    """Fit temperature and surely blank frames of a model that begins as `start`.

    The temperature of `start`, which real lines have fitted, changes as that of rendered lines does. Offset
    and foreign letters stay as they were: they hardly move.
    """
    lines = Lines(model.config, temperature.RENDERED, [], seed="finetune-calibration")
    samples = [lines[index] for index in range(LINES)]
    of_start = start.config.temperature
    before, after = (temperature.fit(temperature.read(each, samples)) for each in (start, model))
    model.config = replace(model.config, temperature=round(of_start * after / before, 3))
    temperature.fit_blanks(model, [samples])


def ship(candidate: Path, name: str, card: str, store: Path) -> Path:
    """Put weights, card and archive of a model into the store; returns the archive.

    Each appears whole or not at all; one killed in between is mended by `make models`, or the same again.
    """
    weights, card_file = store / "weights" / f"{name}.safetensors", store / f"{name}.md"
    model, facts = load_weights(candidate)
    save_weights(model, weights.with_suffix(".part"), facts)
    card_file.with_suffix(".part").write_text(card, "utf-8")
    for path in (weights, card_file):
        path.with_suffix(".part").replace(path)
    return package.build(package.Archive(name, (weights,)), store=store)
