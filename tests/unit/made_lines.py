"""Line images, one by one and as folders, for tests of what reads them."""

from pathlib import Path

import numpy as np
from PIL import Image

from training.labelled import Sample


def line(text: str, width: int = 120, height: int = 32) -> Sample:
    """A white image with a black bar where the text would be."""
    image = np.full((height, width), 255, np.uint8)
    image[height // 4 : -height // 4, 10:-10] = 0
    return Sample(image, text)


def folder_of_lines(path: Path, texts: list[str]) -> Path:
    """A new folder with labels.tsv and a grey image for each text."""
    path.mkdir()
    rows = []
    for i, label in enumerate(texts):
        Image.new("L", (20 * len(label), 30), 200).save(path / f"{i}.png")
        rows.append(f"{i}.png\t{label}")
    (path / "labels.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    return path
