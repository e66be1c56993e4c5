"""How readings suffer when lines are turned, shrunk, inverted, compressed or very long."""

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from handler.image import Pixels, ground_colour
from handler.preprocess import resize_to_height
from training.evaluation.metrics import score
from training.labelled import Sample

ANGLES = (0, 1, 2, 3, 4.5, 6)
"""Degrees; every other line is turned the other way."""
HEIGHTS = (32, 24, 20, 16, 12, 10, 8)
QUALITIES = (70, 40, 20, 10)
LONG = 140
"""Characters that a joined line has at least."""
JOINED_HEIGHT = 48
"""Pixels to which lines are scaled before they are joined."""
SAMPLED_LINES = 300
"""Lines of a folder that are tried, about."""

ReadSamples = Callable[[list[Sample]], list[str]]
"""Texts in the order of the samples."""


def border(image: Pixels) -> int | tuple[int, ...]:
    """The median level of the outermost pixels, or colour: the background, as a rule."""
    return ground_colour(np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])[None])


def rotate(image: Pixels, degrees: float) -> Pixels:
    """The image turned anticlockwise on a canvas that holds all of it, its corners in `border`."""
    turned = Image.fromarray(image).rotate(
        degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=border(image)
    )
    return np.asarray(turned)


def compress(image: Pixels, quality: int) -> Pixels:
    """The image as it comes back from a JPEG of this quality (1 to 95)."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def join(samples: list[Sample]) -> Sample:
    """The samples side by side as one line JOINED_HEIGHT high, with a gap where their texts have a space."""
    parts: list[Pixels] = []
    in_colour = any(sample.image.ndim == 3 for sample in samples)
    for sample in samples:
        image = np.dstack([sample.image] * 3) if in_colour and sample.image.ndim == 2 else sample.image
        line = resize_to_height(image, JOINED_HEIGHT)
        gap = np.full((JOINED_HEIGHT, JOINED_HEIGHT // 4, *line.shape[2:]), border(line), np.uint8)
        parts += [gap, line, gap] if parts else [line, gap]
    return Sample(np.hstack(parts), " ".join(sample.text for sample in samples), samples[0].folded)


def long_groups(samples: list[Sample], characters: int = LONG) -> list[list[Sample]]:
    """Neighbouring samples gathered until each group's joined text has that many characters; no remainder."""
    groups: list[list[Sample]] = []
    group: list[Sample] = []
    for sample in samples:
        group.append(sample)
        if len(" ".join(member.text for member in group)) >= characters:
            groups.append(group)
            group = []
    return groups


def changed(samples: list[Sample], change: Callable[[Pixels, int], Pixels]) -> list[Sample]:
    """Each sample with `change(image, its number)` as its image."""
    return [Sample(change(s.image, number), s.text, s.folded) for number, s in enumerate(samples)]


def conditions(samples: list[Sample]) -> Iterator[tuple[str, list[Sample]]]:
    """Name and samples of each condition; of long lines also the same lines before they are joined."""
    yield "as they are", samples
    for degrees in ANGLES[1:]:
        yield (
            f"turned by ±{degrees}°",
            changed(samples, lambda image, number, d=degrees: rotate(image, -d if number % 2 else d)),
        )
    for height in HEIGHTS:
        yield f"{height} px high", changed(samples, lambda image, _, h=height: resize_to_height(image, h))
    yield "inverted", changed(samples, lambda image, _: 255 - image)
    for quality in QUALITIES:
        yield f"JPEG quality {quality}", changed(samples, lambda image, _, q=quality: compress(image, q))
    groups = long_groups(samples)
    yield "lines to be joined", [sample for group in groups for sample in group]
    yield f"joined to {LONG} characters", [join(group) for group in groups]


def measure(read: ReadSamples, samples: list[Sample]) -> dict[str, dict[str, float]]:
    """Lines, exact and CER under each condition, on about SAMPLED_LINES of the samples."""
    some = samples[:: max(1, len(samples) // SAMPLED_LINES)]
    figures = {}
    for name, tried in conditions(some):
        scored = score(list(zip(read(tried), [sample.text for sample in tried], strict=True)))
        figures[name] = {key: scored[key] for key in ("lines", "exact", "cer")}
    return figures


def table(folders: dict[str, dict[str, dict[str, float]]]) -> str:
    """One markdown table: a condition a row, exact and CER of each folder as columns."""
    head = ["condition", *(f"{folder}: exact | CER" for folder in folders)]
    rows = [f"| {' | '.join(head)} |", "|---" * (1 + 2 * len(folders)) + "|"]
    for name in next(iter(folders.values()), {}):
        cells = []
        for figures in folders.values():
            of = figures[name]
            cells += [f"{of['exact']:.3f}", f"{of['cer']:.3f}"] if of["lines"] else ["–", "–"]
        rows.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(rows)
