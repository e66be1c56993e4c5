"""Measure a model on folders of real lines, beside other engines if asked.

    python -m training.evaluation.lines crnn_v1 FOLDER…  # model_store/weights/crnn_v1.safetensors
    python -m training.evaluation.lines MODEL FOLDER… --beside MODEL… --peers  # others on the same lines

MODEL is the name of a model in model_store/weights, or the path of a weights file. A FOLDER holds labels.tsv
(path TAB text), or receipt pages with split.tsv: its `measure` part is read. For each folder a table is
printed: word, word with case kept, exact, strict, CER (metrics.py says what they are), ECE, the expected
calibration error of the confidence, and milliseconds of CPU time per line at batch 1 and 8 on one thread.
Where labels are upper case throughout, as those of receipts are, `word, cased` and `strict` say nothing.
Where lines mix Chinese or Japanese with Latin words, the share of their spaces that were found is printed
below the table.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch

from handler.engine import Engine
from handler.image import InvalidImageError
from handler.model import save_weights
from handler.recognize import recognize_lines, warm_up
from training.evaluation import error_sheet, peers, robustness
from training.evaluation.comparison import (
    Row,
    figures,
    measure_peers,
    pairs_of,
    spaces_found,
    table,
    timed_batches,
)
from training.evaluation.evaluate import (
    UnusableInputError,
    exit_status,
    find_model,
    load_folder,
    read_all,
    write_report,
)
from training.evaluation.metrics import calibration_error, is_exact
from training.export import served
from training.labelled import Sample


def times(model: Engine, samples: list[Sample]) -> dict[str, float]:
    """Median milliseconds of CPU time per line, with its resize and decoding, at batch 1 and peers.BATCH."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    warm_up(model)
    medians = []
    for batches in timed_batches(samples):
        taken = []
        for batch in [batches[-1], *batches]:
            start = time.process_time()
            recognize_lines(model, [samples[number].image for number in batch])
            taken.append(1000 * (time.process_time() - start) / len(batch))
        medians.append(round(median(taken[1:]), 2))
    torch.set_num_threads(threads)
    return dict(zip(("ms", "ms_batch"), medians, strict=True))


def show_errors(pairs: list[tuple[str, str]], count: int) -> None:
    """Some wrong readings, spread over the folder."""
    wrong = [(label, read) for read, label in pairs if not is_exact(read, label)]
    for label, read in wrong[:: max(1, len(wrong) // max(1, count))][:count]:
        print(f"    {label!r} read as {read!r}")


def find_samples(folder: Path, limit: int | None) -> list[Sample]:
    """The samples of a folder.

    Raises:
        UnusableInputError: there is no such folder, or what it holds cannot be read.
    """
    if not folder.is_dir():
        raise UnusableInputError(f"There is no folder {folder}: give folders that hold a labels.tsv.")
    try:
        samples = load_folder(folder, limit)
    except (OSError, ValueError, StopIteration, InvalidImageError) as error:
        raise UnusableInputError(
            f"{folder} cannot be read ({error}). It needs a labels.tsv with lines of image path, TAB, text."
        ) from None
    if not samples:
        raise UnusableInputError(f"{folder} holds no lines: its labels.tsv is empty.")
    return samples


def answers(model: Engine, samples: list[Sample]) -> list[tuple[str, float]]:
    """Text and confidence of each sample."""
    return [(reading.text, reading.confidence) for reading in read_all(model, samples)]


@dataclass
class Sure:
    """Confidences of the lines of several folders, and which were right."""

    confidences: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)

    def add(self, readings: list[tuple[str, float]], samples: list[Sample]) -> None:
        self.confidences += [confidence for _, confidence in readings]
        self.right += [
            is_exact(text, sample.text) for (text, _), sample in zip(readings, samples, strict=True)
        ]

    def error(self) -> float:
        return calibration_error(self.confidences, self.right)


def run(options: argparse.Namespace) -> None:
    model, facts, path = find_model(options.model)
    ours = {path.stem: served(model)}
    ours |= {other.stem: served(again) for again, _, other in map(find_model, options.beside)}
    folders = {folder.name: find_samples(folder, options.limit) for folder in options.folders}
    own = ours[path.stem]
    report: dict[str, Any] = {"models": list(ours), "batch": peers.BATCH, "folders": {}}
    worst, sure = {}, {engine: Sure() for engine in ours}
    for name, samples in folders.items():
        read = {engine: answers(of, samples) for engine, of in ours.items()}
        found = read[path.stem]
        rows: list[Row] = [
            {"engine": engine} | figures(read[engine], samples) | times(of, samples)
            for engine, of in ours.items()
        ]
        for engine, readings in read.items():
            sure[engine].add(readings, samples)
        rows += measure_peers(samples) if options.peers else []
        spaces = sum(" " in sample.text.strip() for sample in samples) / len(samples)
        report["folders"][name] = {"lines": len(samples), "spaces": round(spaces, 3), "rows": rows}
        print(f"\n{name}, {len(samples):,} lines\n\n{table(rows)}{spaces_found(rows)}", flush=True)
        show_errors(pairs_of([text for text, _ in found], samples), options.errors)
        worst[name] = error_sheet.worst(samples, found, error_sheet.CASES_SHOWN)
    if len(folders) > 1:
        report["ece_together"] = {engine: of.error() for engine, of in sure.items()}
        errors = ", ".join(f"{engine} {error:.3f}" for engine, error in report["ece_together"].items())
        print(f"\nECE over the lines of all folders together: {errors}", flush=True)
    if options.robustness:
        report["robustness"] = {
            name: robustness.measure(lambda s: [r.text for r in read_all(own, s)], samples)
            for name, samples in folders.items()
        }
        print(f"\n{robustness.table(report['robustness'])}", flush=True)
    if options.sheet:
        error_sheet.draw(worst).save(options.sheet)
    write_report(report, options.json)
    if options.record:
        accuracy = {name: _without_times(of["rows"][0]) for name, of in report["folders"].items()}
        save_weights(model, path, facts | {"accuracy": accuracy})


def _without_times(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in ("engine", "ms", "ms_batch")}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="+")
    parser.add_argument("--beside", metavar="MODEL", nargs="+", default=[], help="our other models as well")
    parser.add_argument("--peers", action="store_true", help="measure other engines as well")
    parser.add_argument("--robustness", action="store_true", help="turned, small, inverted … lines as well")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="draw the worst cases into this file")
    parser.add_argument("--errors", type=int, default=0, help="print this many wrong readings of each folder")
    parser.add_argument("--limit", type=int, help="read about this many lines of each folder only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures into this file")
    parser.add_argument("--record", action="store_true", help="write the figures into the weights' header")
    options = parser.parse_args(arguments)
    if options.record and options.limit:
        parser.error("--record wants whole folders: leave --limit out")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure what the arguments ask for; 2 where the model or a folder cannot be read."""
    return exit_status(lambda: run(parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
