"""Make a test set of Chinese VAT invoices in six layouts, as photographs of them look.

    python -m training.test_sets.vat_invoices FOLDER  # 200 invoices
    python -m training.test_sets.vat_invoices FOLDER --count 60 --seed 8

The folder gets img/NNN.jpg, key/NNN.json (what the fields say) and split.tsv, all of the part `measure`, as
training.evaluation.fields wants them. The same seed makes the same files. `make fonts` comes first.
"""

import argparse
import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from training.augmentation.augment import add_noise, blur, relight
from training.augmentation.jpeg import compress
from training.render.distortion import tilt
from training.render.surface import Picture
from training.render.vat_invoices import LAYOUTS, Key, draw_vat_invoice

_DESK = 40
"""Pixels of what lies around the sheet."""


def draw(number: int, seed: int) -> tuple[Picture, Key]:
    """An invoice that depends on the seed and its number alone: image (H, W, 3) and its fields.

    Raises:
        FileNotFoundError: the fonts are missing.
    """
    rng = random.Random(f"vat-invoices-{seed}-{number}")
    picture, key = draw_vat_invoice(rng, list(LAYOUTS)[number % len(LAYOUTS)])
    return photograph(rng, picture), key


def photograph(rng: random.Random, picture: Picture) -> Picture:
    """The sheet (H, W, 3) on a desk, seen a little from the side, in uneven light, not sharp, with grain."""
    height, width = (side + 2 * _DESK for side in picture.shape[:2])
    desk = Image.new("RGB", (width + -width % 16, height + -height % 16), (rng.randint(60, 200),) * 3)
    desk.paste(Image.fromarray(picture), (_DESK, _DESK))
    levels = torch.from_numpy(np.array(tilt(rng, desk, _DESK / 2))).permute(2, 0, 1)[None].float()
    generator = torch.Generator().manual_seed(rng.getrandbits(31))
    for chance, step in ((0.8, relight), (0.6, blur), (0.6, add_noise), (0.7, compress)):
        if rng.random() < chance:
            levels = step(levels, generator).clamp(0, 255)
    return np.asarray(levels[0].permute(1, 2, 0).round().byte())


def write(folder: Path, count: int, seed: int) -> None:
    for part in ("img", "key"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    names = [f"{number:03}" for number in range(count)]
    for number, name in enumerate(names):
        picture, key = draw(number, seed)
        Image.fromarray(picture).save(folder / "img" / f"{name}.jpg", quality=92)
        text = json.dumps(key, ensure_ascii=False, indent=1)
        (folder / "key" / f"{name}.json").write_text(text, "utf-8")
    (folder / "split.tsv").write_text("".join(f"{name}\tmeasure\n" for name in names), "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Make the folder that the arguments ask for; 2 where the fonts are missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    try:
        write(options.folder, options.count, options.seed)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{options.count} invoices in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
