"""Measure a model on folders of real lines: word, case-kept word, exact, CER.

    python -m training.evaluate model_store/weights/crnn_v1.safetensors FOLDER...

A folder holds labels.tsv (path TAB text), or receipt pages with split.tsv: its `measure` part is read.
"""

import argparse
import copy
import json
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import torch

from handler.decode import Recognition
from handler.model import CRNN, load_weights, save_weights
from handler.recognize import optimize, recognize_lines
from training.dataset import Sample, read_folder


def load_folder(folder: Path, limit: int | None = None) -> list[Sample]:
    """Every n-th sample of a folder so that about `limit` remain; all without a limit."""
    samples = read_folder(folder, "measure")
    return samples[:: max(1, len(samples) // limit)] if limit else samples


def letters(text: str) -> str:
    """Letters and digits of any script: the scene-text protocol, case kept."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c.isalnum())


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance: insertions, deletions and substitutions count one each."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def score(pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Figures of (reading, label) pairs.

    `word`: letters and digits equal, case folded (labels without any are skipped);
    `word_cased`: the same with case kept; `exact`: equal after NFKC and case folding;
    `cer`: edits per character of the folded labels.
    """
    words = [(letters(read), letters(label)) for read, label in pairs if letters(label)]
    lines = [(folded(read), folded(label)) for read, label in pairs]

    def share(equal: Callable[[str, str], bool], of: list[tuple[str, str]]) -> float:
        return round(sum(equal(a, b) for a, b in of) / max(1, len(of)), 4)

    edits = sum(edit_distance(a, b) for a, b in lines)
    return {
        "lines": len(pairs),
        "word": share(lambda a, b: a.casefold() == b.casefold(), words),
        "word_cased": share(lambda a, b: a == b, words),
        "exact": share(lambda a, b: a == b, lines),
        "cer": round(edits / max(1, sum(len(label) for _, label in lines)), 4),
    }


def read_all(model: CRNN, samples: list[Sample], at_once: int = 64) -> list[Recognition]:
    """Readings in the order of the samples; lines of like shape share a batch."""
    order = sorted(range(len(samples)), key=lambda i: samples[i].image.shape[1] / samples[i].image.shape[0])
    readings: dict[int, Recognition] = {}
    for start in range(0, len(order), at_once):
        chunk = order[start : start + at_once]
        readings.update(zip(chunk, recognize_lines(model, [samples[i].image for i in chunk]), strict=True))
    return [readings[i] for i in range(len(samples))]


def evaluate(model: CRNN, samples: list[Sample]) -> dict[str, float]:
    readings = read_all(model, samples)
    return score([(reading.text, sample.text) for reading, sample in zip(readings, samples, strict=True)])


def milliseconds_per_line(model: CRNN, samples: list[Sample]) -> float:
    """Median time of a line alone, on one thread, with its resize and decoding."""
    torch.set_num_threads(1)
    times = []
    for sample in samples[:200]:
        start = time.perf_counter()
        recognize_lines(model, [sample.image])
        times.append(time.perf_counter() - start)
    return round(1000 * sorted(times)[len(times) // 2], 2)


def show_errors(pairs: list[tuple[str, str]], count: int) -> None:
    """Some wrong readings, spread over the folder."""
    wrong = [(label, read) for read, label in pairs if folded(read) != folded(label)]
    for label, read in wrong[:: max(1, len(wrong) // max(1, count))][:count]:
        print(f"    {label!r} read as {read!r}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--errors", type=int, default=0, help="print this many wrong readings of each folder")
    parser.add_argument("--record", action="store_true", help="write the figures into the weights' header")
    options = parser.parse_args()
    model, facts = load_weights(options.weights)
    served = copy.deepcopy(model)
    optimize(served, torch.device("cpu"))
    accuracy: dict[str, dict[str, float]] = {}
    for folder in options.folders:
        samples = load_folder(folder)
        readings = read_all(served, samples)
        pairs = [(reading.text, sample.text) for reading, sample in zip(readings, samples, strict=True)]
        accuracy[folder.name] = score(pairs)
        figures = accuracy[folder.name] | {"ms": milliseconds_per_line(served, samples)}
        print(folder.name, json.dumps(figures), flush=True)
        show_errors(pairs, options.errors)
    if options.record:
        save_weights(model, options.weights, facts | {"accuracy": accuracy})


if __name__ == "__main__":
    main()
