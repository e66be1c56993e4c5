"""Measure where a model emits characters against where they stand, and store the offset with the weights.

    python -m training.calibration.positions model_store/weights/crnn_v1.safetensors

CTC fixes the order of characters, not when each is emitted. A trained network emits them at a constant
distance from the character's middle, which lines rendered with known positions reveal.
"""

import argparse
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from handler.image import Grey
from handler.model import CRNN, load_weights, save_weights
from handler.preprocess import to_line
from handler.recognize import recognize_lines
from training.fonts.coverage import coverage, font_files
from training.text import generator as text

SIZE, HEIGHT, BASE = 26, 34, 26
"""Font size, image height and base line in pixels."""


def known_lines(count: int, seed: int) -> Iterator[tuple[Grey, str, list[tuple[float, float]]]]:
    """Plain lines in proportional fonts: image, text, and the extent of each character in pixels."""
    rng = random.Random(seed)
    files = [path for section in ("sans", "serif") for path in font_files()[section] if "-400-normal" in path]
    while count:
        line, path, margin = text.draw(rng, text.DOCUMENT), rng.choice(files), rng.choice([2, 6, 12])
        if "  " in line or not set(line) <= coverage(path):
            continue
        font = ImageFont.truetype(path, SIZE)
        places = [margin + font.getlength(line[:i]) for i in range(len(line) + 1)]
        image = Image.new("L", (round(places[-1]) + margin, HEIGHT), 255)
        ImageDraw.Draw(image).text((margin, BASE), line, font=font, fill=0, anchor="ls")
        yield np.asarray(image), line, list(zip(places, places[1:], strict=False))
        count -= 1


def measure(model: CRNN, count: int = 200, seed: int = 0) -> tuple[float, float]:
    """Mean distance of emitted from true middles (pixels at model height); share of boxes with IoU of .5."""
    shifts, overlaps = [], []
    for image, line, extents in known_lines(count, seed):
        (emitted,) = recognize_lines(model, [image], to_ink=False)
        (reading,) = recognize_lines(model, [image])
        if reading.text != line:
            continue
        scale = to_line(image, model.config.height, model.config.channels).shape[1] / image.shape[1]
        for raw, character, (start, end) in zip(emitted.characters, reading.characters, extents, strict=True):
            if character.char != " ":
                shifts.append((raw.start + raw.end - start - end) / 2 * scale)
                both = min(end, character.end) - max(start, character.start)
                overlaps.append(both / (max(end, character.end) - min(start, character.start)) >= 0.5)
    return mean(shifts), mean(overlaps)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    path = parser.parse_args().weights
    model, facts = load_weights(path)
    shift, _ = measure(model)
    model.config = replace(model.config, offset=round(model.config.offset - shift, 2))
    save_weights(model, path, facts)
    rest, share = measure(model, seed=1)
    print(f"offset {model.config.offset} px; {rest:+.2f} px remain, {share:.1%} of boxes have IoU .5")


if __name__ == "__main__":
    main()
