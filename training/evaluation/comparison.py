"""Figures of several engines on the same samples, side by side in one table."""

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from training.evaluation import peers
from training.evaluation.metrics import calibration_error, is_exact, score, spaces
from training.labelled import Sample

TIMED = 200
"""Lines of a folder that are timed, about."""
COLUMNS = {
    "word": "word",
    "word_cased": "word, cased",
    "exact": "exact",
    "strict": "strict",
    "cer": "CER",
    "ece": "ECE",
    "ms": "ms, batch 1",
    "ms_batch": f"ms, batch {peers.BATCH}",
}
Row = dict[str, Any]
"""An engine's figures on a folder: `engine`, the keys of COLUMNS, or `missing` with the reason.

Where lines mix Chinese or Japanese with Latin words also `spaces`, the share of their spaces that were found,
and `spaces_of`, their number.
"""


def by_shape(samples: list[Sample]) -> list[int]:
    """Numbers of the samples from the narrowest to the widest for its height."""
    return sorted(range(len(samples)), key=lambda i: samples[i].image.shape[1] / samples[i].image.shape[0])


def pairs_of(texts: list[str], samples: list[Sample]) -> list[tuple[str, str]]:
    return [(text, sample.text) for text, sample in zip(texts, samples, strict=True)]


def figures(readings: list[tuple[str, float]], samples: list[Sample]) -> dict[str, float]:
    """The figures of metrics.score, `ece`, and those of spaces, if any, of (text, confidence) readings."""
    pairs = pairs_of([text for text, _ in readings], samples)
    right = [is_exact(*pair) for pair in pairs]
    right_spaces, count = spaces(pairs)
    return (
        score(pairs)
        | {"ece": calibration_error([confidence for _, confidence in readings], right)}
        | ({"spaces": round(right_spaces / count, 4), "spaces_of": count} if count else {})
    )


def timed_batches(samples: list[Sample]) -> tuple[list[list[int]], list[list[int]]]:
    """Numbers of about TIMED samples one by one, and eight at a time, lines of like shape together."""
    some = set(range(0, len(samples), max(1, len(samples) // TIMED)))
    order = [number for number in by_shape(samples) if number in some]
    size = peers.BATCH
    whole = len(order) - len(order) % size or len(order)
    return [[number] for number in order], [order[i : i + size] for i in range(0, whole, size)]


def measure_peer(engine: str, samples: list[Sample], images: list[Path]) -> Row:
    """The same figures of another engine; it reads every line once before any is timed."""
    singles, eights = timed_batches(samples)
    plan = [[[number] for number in range(len(samples))], singles, eights, eights]
    row: Row = {"engine": peers.ENGINES[engine]}
    try:
        answers = peers.read(engine, [[images[i] for i in batch] for part in plan for batch in part])
    except peers.PeerError as error:
        return row | {"missing": str(error)}
    row |= figures([answer.readings[0] for answer in answers[: len(samples)]], samples)
    alone = answers[len(samples) : len(samples) + len(singles)]
    row["ms"] = round(median(answer.ms for answer in alone), 2)
    if engine != "tesseract":
        row["ms_batch"] = round(median(a.ms / len(a.readings) for a in answers[-len(eights) :]), 2)
    return row


def measure_peers(samples: list[Sample]) -> list[Row]:
    """All of peers.ENGINES on the samples' images, which each gets as the same grey PNG files in RGB."""
    with tempfile.TemporaryDirectory() as folder:
        images = [Path(folder) / f"{number}.png" for number in range(len(samples))]
        for path, sample in zip(images, samples, strict=True):
            Image.fromarray(sample.image).convert("RGB").save(path, compress_level=1)
        return [measure_peer(engine, samples, images) for engine in peers.ENGINES]


def table(rows: list[Row], columns: dict[str, str] = COLUMNS, first: str = "engine") -> str:
    """One markdown table with an engine a row; a figure that an engine lacks is a dash.

    `columns` names figures by their keys, and `first` is the key that names the rows.
    """
    lines = [f"| {first} | {' | '.join(columns.values())} |", "|---" * (1 + len(columns)) + "|"]
    for row in rows:
        cells = [
            "–" if key not in row else f"{row[key]:.1f}" if key.startswith("ms") else f"{row[key]:.3f}"
            for key in columns
        ]
        reason = f": {row['missing']}".replace("|", "/") if "missing" in row else ""
        lines.append(f"| {row[first]}{reason} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spaces_found(rows: list[Row]) -> str:
    """A paragraph with a line for each engine that read mixed lines; nothing where there are none."""
    lines = [
        f"{row['engine']}: spaces found in mixed lines: {row['spaces']:.3f} (of {row['spaces_of']:,})"
        for row in rows
        if "spaces" in row
    ]
    return "\n".join(["\n", *lines]) if lines else ""
