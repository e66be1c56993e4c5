"""Which interpolation, and which cutting, suits a recognizer whose lines are 48 pixels high.

    python -m training.evaluation.interpolation FOLDER…

PP-OCRv6 small, which comes in the rapidocr wheel, reads every fourth line of the folders, scaled to its
height in each way, as it is and after preprocess.cut_line. Its network learned from lines that OpenCV scaled;
the ones here that start from its weights take over what it is used to.
"""

import argparse
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from handler.image import Pixels, decode_image, to_pixels
from handler.preprocess import cut_line, normalize, text_rows
from training.evaluation.metrics import letters
from training.labelled import read_labels

PACKAGE, MODEL_FILE = "rapidocr", "models/PP-OCRv6_rec_small.onnx"
HEIGHT, EVERY = 48, 4
WIDTH_STEP = 8
"""Lines are padded to a multiple of so many pixels."""

Scale = Callable[[Pixels, tuple[int, int]], Pixels]
"""A line scaled to a width and a height."""


def pillow(way: Image.Resampling) -> Scale:
    """Pillow's resampling: with antialiasing where the line shrinks."""
    return lambda line, size: np.asarray(Image.fromarray(line).resize(size, way))


def opencv(way: int) -> Scale:
    return lambda line, size: np.asarray(cv2.resize(line, size, interpolation=way), np.uint8)


SCALES: dict[str, Scale] = {
    "Pillow BILINEAR": pillow(Image.Resampling.BILINEAR),
    "Pillow BICUBIC": pillow(Image.Resampling.BICUBIC),
    "OpenCV INTER_LINEAR": opencv(cv2.INTER_LINEAR),
    "OpenCV INTER_AREA": opencv(cv2.INTER_AREA),
    "OpenCV INTER_CUBIC": opencv(cv2.INTER_CUBIC),
}


def rows_only(image: Pixels) -> Pixels:
    top, bottom = text_rows(image)
    return image[top:bottom]


CUTS: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda image: image,
    "rows cut": rows_only,
    "straight, rows cut": lambda image: cut_line(image)[0],
}


class PublicRecognizer:
    """PP-OCRv6's small recognizer, without the resizing around it."""

    def __init__(self) -> None:
        found = find_spec(PACKAGE)
        if found is None or found.origin is None:
            raise FileNotFoundError(f"the package {PACKAGE} is missing: run `make install`")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = str(Path(found.origin).parent / MODEL_FILE)
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        listed = self._session.get_modelmeta().custom_metadata_map["character"].split("\n")
        self._characters = ["", *listed, " "]

    def __call__(self, line: Pixels) -> str:
        """The text of a line (HEIGHT, w) or (HEIGHT, w, 3), by the best path."""
        width = -(-line.shape[1] // WIDTH_STEP) * WIDTH_STEP
        given: NDArray[np.float32] = np.zeros((1, 3, HEIGHT, width), np.float32)
        given[0, :, :, : line.shape[1]] = normalize(line, 3)[::-1]
        (found,) = self._session.run(None, {self._session.get_inputs()[0].name: given})
        classes = np.asarray(found)[0].argmax(axis=1)
        kept = np.append(True, classes[1:] != classes[:-1])
        return "".join(self._characters[index] for index in classes[kept])


def words(folder: Path) -> Iterator[tuple[Pixels, str]]:
    for path, text in read_labels(folder)[::EVERY]:
        yield to_pixels(decode_image(path.read_bytes())), text


def is_right(label: str, read: str) -> bool:
    """Whether the letters and digits of any script are the same, whatever their case."""
    return letters(label).casefold() == letters(read).casefold()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    folders = parser.parse_args().folders
    lines = {folder.name: list(words(folder)) for folder in folders}
    recognizer = PublicRecognizer()
    print(f"| cut | scaled | {' | '.join(lines)} | all |")
    print("|---" * (len(lines) + 3) + "|")
    for cut_name, cut in CUTS.items():
        parts = {name: [(cut(image), text) for image, text in some] for name, some in lines.items()}
        for scale_name, scale in SCALES.items():
            shares, right = [], 0
            for some in parts.values():
                count = 0
                for image, text in some:
                    size = (max(1, round(image.shape[1] * HEIGHT / image.shape[0])), HEIGHT)
                    count += is_right(text, recognizer(scale(image, size)))
                shares.append(f"{count / len(some):.3f}")
                right += count
            total = sum(map(len, parts.values()))
            print(f"| {cut_name} | {scale_name} | {' | '.join(shares)} | {right / total:.4f} |", flush=True)


if __name__ == "__main__":
    main()
