"""Fit the temperature that makes a line's confidence the share of such lines that are right, and store it.

    python -m training.calibration.temperature WEIGHTS.safetensors FOLDER… --diagram reliability.png

Guo et al., "On Calibration of Modern Neural Networks" (2017). It is fitted on rendered lines and on the real
lines of the FOLDERs (of receipt pages the `train` part), half of each; the other half tells the error before
and after. Then the layer that finds surely blank frames is fitted on the same halves (see
blank_frames.py); it is printed how many frames it skips and how many readings it changes.
"""

import argparse
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from handler.charset import BLANK, encode
from handler.decode import best_path, probability
from handler.model import CRNN, load_weights, save_weights
from handler.preprocess import to_line
from handler.recognize import line_emissions
from training.calibration import blank_frames
from training.dataset import Lines
from training.evaluation.charts import draw_reliability
from training.evaluation.metrics import Bin, expected_error, is_exact, reliability
from training.labelled import Sample, load_real

RENDERED = {"scene": 4.0, "receipt": 3.0, "document": 2.0, "screen": 1.0}
MAX_LINES = 1200
"""Lines of each source, at most."""
LINES_FOR_BLANKS = 400
"""Of each source; their frames fill the memory."""
AT_ONCE = 64
FLOOR = 1e-6
HIGHEST = 100
"""Logits of a frame that are kept; the sum over thousands of classes lies in these."""


@dataclass(frozen=True)
class ScoredReading:
    """A line's logits (T, K) of the blank and of the classes that were read, the highest ones (T, HIGHEST)
    of all classes, the columns that spell the reading, and whether its text is exact."""

    logits: Tensor
    highest: Tensor
    labels: list[int]
    right: bool

    @classmethod
    def of(cls, logits: Tensor, labels: list[int], right: bool) -> "ScoredReading":
        """From the logits (T, C) of all classes; of thousands they would fill the memory."""
        classes = [BLANK, *sorted(set(labels))]
        highest = logits.topk(min(HIGHEST, logits.shape[1])).values
        return cls(logits[:, classes], highest, [classes.index(label) for label in labels], right)


def read(model: CRNN, samples: list[Sample]) -> list[ScoredReading]:
    alphabet, reads = model.config.alphabet, []
    model.look_everywhere()
    model.config = replace(model.config, temperature=1.0)
    for start in range(0, len(samples), AT_ONCE):
        some = samples[start : start + AT_ONCE]
        lines = [to_line(sample.image, model.config.height, model.config.channels) for sample in some]
        for sample, emissions in zip(some, line_emissions(model, lines), strict=True):
            text = best_path(emissions, alphabet).text
            reads.append(
                ScoredReading.of(emissions.log_probs, encode(text, alphabet), is_exact(text, sample.text))
            )
    return reads


def confidences(reads: list[ScoredReading], temperature: float) -> list[float]:
    totals = ((read.highest / temperature).logsumexp(1, keepdim=True) for read in reads)
    return [
        probability(read.logits / temperature - total, read.labels)
        for read, total in zip(reads, totals, strict=True)
    ]


def surprise(reads: list[ScoredReading], temperature: float) -> float:
    """Mean negative log likelihood of what was right and wrong."""
    shares = [min(1 - FLOOR, max(FLOOR, share)) for share in confidences(reads, temperature)]
    terms = [-math.log(share if read.right else 1 - share) for read, share in zip(reads, shares, strict=True)]
    return sum(terms) / len(terms)


def lowest(of: Callable[[float], float], low: float, high: float, steps: int = 18) -> float:
    """Where a function with one minimum is lowest, by golden sections of the logarithm."""
    ratio = (math.sqrt(5) - 1) / 2
    a, b = math.log(low), math.log(high)
    for _ in range(steps):
        c, d = b - ratio * (b - a), a + ratio * (b - a)
        a, b = (a, d) if of(math.exp(c)) < of(math.exp(d)) else (c, b)
    return math.exp((a + b) / 2)


def fit(reads: list[ScoredReading]) -> float:
    """The temperature under which the readings are least surprising."""
    return round(lowest(lambda temperature: surprise(reads, temperature), 0.4, 3.0), 3)


def gather(model: CRNN, folders: list[str]) -> dict[str, list[Sample]]:
    """Rendered lines, and of each folder real ones, MAX_LINES of each at most."""
    lines = Lines(model.config, RENDERED, [], seed="calibration")
    sources = {"rendered": [lines[index] for index in range(MAX_LINES)]}
    for folder in folders:
        real = load_real([folder], model.config.alphabet)
        sources[Path(folder).name] = list(itertools.islice(real, 0, None, max(1, len(real) // MAX_LINES)))
    return sources


def bins(reads: list[ScoredReading], temperature: float) -> list[Bin]:
    return reliability(confidences(reads, temperature), [read.right for read in reads])


def fit_blanks(model: CRNN, sources: list[list[Sample]]) -> str:
    """Fit the model's layer for blanks on half of each source; what the other half tells of it."""
    lines = [
        [
            to_line(sample.image, model.config.height, model.config.channels)
            for sample in samples[: 2 * LINES_FOR_BLANKS]
        ]
        for samples in sources
    ]
    blank_frames.fit(model, [line for some in lines for line in some[::2]])
    unseen = [line for some in lines for line in some[1::2]]
    skipped, changed = blank_frames.check(model, unseen)
    return f"{skipped:.1%} of frames are skipped, which changes {changed} of {len(unseen):,} readings"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--diagram", type=Path, metavar="PNG", help="draw the reliability diagram")
    options = parser.parse_args()
    model, facts = load_weights(options.weights)
    samples = gather(model, options.folders)
    reads = {name: read(model, of_source) for name, of_source in samples.items()}
    temperature = fit([line for lines in reads.values() for line in lines[::2]])
    unseen = {name: lines[1::2] for name, lines in reads.items()}
    unseen["together"] = [line for lines in unseen.values() for line in lines]
    tables = {name: (bins(lines, 1.0), bins(lines, temperature)) for name, lines in unseen.items()}
    for name, (before, after) in tables.items():
        errors = f"{expected_error(before):.3f} before, {expected_error(after):.3f} after"
        print(f"{name}: calibration error {errors}")
    if options.diagram:
        draw_reliability(*tables["together"], options.diagram)
    model.config = replace(model.config, temperature=temperature)
    print(f"temperature {temperature}; {fit_blanks(model, list(samples.values()))}")
    save_weights(model, options.weights, facts)


if __name__ == "__main__":
    main()
