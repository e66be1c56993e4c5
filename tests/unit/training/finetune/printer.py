"""Lines of a receipt printer that no font of training is like: tall, narrow letters of 5 by 7 dots, worn."""

import random
from pathlib import Path

import numpy as np
from PIL import Image

from handler.image import Pixels
from training.labelled import Sample

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.:/-#"
COLUMNS = bytes.fromhex(
    "3e5149453e 00427f4000 7249494946 2141494d33 1814127f10 2745454539 3c4a494931 4121110907 3649494936"
    "464949291e 7c1211127c 7f49494936 3e41414122 7f4141413e 7f49494941 7f09090901 3e41415173 7f0808087f"
    "00417f4100 2040413f01 7f08142241 7f40404040 7f021c027f 7f0408107f 3e4141413e 7f09090906 3e4151215e"
    "7f09192946 2649494932 03017f0103 3f4040403f 1f2040201f 3f4038403f 6314081463 0304780403 6159494d43"
    "2054547840 7f28444438 3844444428 384444287f 3854545418 00087e0902 18a4a49c78 7f08040478 00447d4000"
    "2040403d00 7f10284400 00417f4000 7c04780478 7c08040478 3844444438 fc18242418 18242418fc 7c08040408"
    "4854545424 04043f4424 3c4040207c 1c2040201c 3c4030403c 4428102844 4c9090907c 4464544c44 0000606000"
    "0000140000 2010080402 0808080808 147f147f14"
)
"""Five columns a character; the lowest bit is the topmost dot."""
PITCH, PINS = 6, 8
"""Columns of dots a character, and dots a column."""
ITEMS = "Milk Bread Butter Espresso Tea Soap Rice Eggs Coffee Juice Water Apples Cheese Ham Tuna Pasta Sugar"
WORDS = "TOTAL SUBTOTAL CASH CHANGE VAT CARD VISA TABLE RECEIPT THANK YOU OPEN DAILY SHOP STREET TEL No"


def text(rng: random.Random) -> str:
    """What stands on a line of a receipt."""
    item, other = rng.choices(ITEMS.split(), k=2)
    word, more = rng.choices(WORDS.split(), k=2)
    price, number = f"{rng.randint(0, 99)}.{rng.randint(0, 99):02}", rng.randint(1000, 99999)
    date = f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/20{rng.randint(10, 29)}"
    return rng.choice(
        [
            f"{item} {rng.randint(1, 9)} x {price}",
            f"{item} {other} {price}",
            f"{word} {more}: {price}",
            f"{word} {number}",
            f"{date} {rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
            f"{word} #{number}-{rng.choice('ABCDEFGHJKLMNPQRSTUVWXYZ')}",
        ]
    )


def printed(rng: random.Random, line: str) -> Pixels:
    """The image (H, W) of a line: dots that are pale, missing, or run into one another, on grey paper."""
    noise = np.random.default_rng(rng.getrandbits(32))
    dots = np.zeros((PINS + 3, PITCH * len(line) + 3), bool)
    for place, char in enumerate(line):
        at = CHARACTERS.find(char)
        if at >= 0:
            columns = np.frombuffer(COLUMNS[5 * at : 5 * at + 5], np.uint8)
            shown = np.unpackbits(columns[None], axis=0, bitorder="little")
            dots[2 : 2 + PINS, 2 + PITCH * place : 7 + PITCH * place] = shown
    ink = dots * noise.uniform(0.3, 1, dots.shape) * (noise.random(dots.shape) > rng.uniform(0.05, 0.2))
    ink += 0.35 * np.roll(ink, 1, axis=0)
    dot = np.array([[0.5, 0.8], [0.9, 1], [0.5, 0.8], [0.1, 0.1]])
    levels = 226 - rng.uniform(90, 150) * np.kron(np.clip(ink, 0, 1), dot)
    return np.clip(levels + noise.normal(0, 10, levels.shape), 0, 255).astype(np.uint8)


def samples(count: int, seed: int) -> list[Sample]:
    """So many lines, all of them different."""
    rng, lines = random.Random(f"printer-{seed}"), dict[str, Pixels]()
    while len(lines) < count:
        line = text(rng)
        lines[line] = printed(rng, line)
    return [Sample(image, line, real=True) for line, image in lines.items()]


def export(folder: Path, lines: list[Sample]) -> Path:
    """The folder as `GET /feedback/export` has it: labels.tsv and crops."""
    (folder / "crops").mkdir(parents=True)
    rows = []
    for number, sample in enumerate(lines):
        Image.fromarray(sample.image).save(folder / "crops" / f"{number:04}.png")
        rows.append(f"crops/{number:04}.png\t{sample.text}\n")
    (folder / "labels.tsv").write_text("".join(rows), "utf-8")
    return folder
