"""Real line images with their texts: folders with labels.tsv, and receipt pages with split.tsv."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handler.image import Pixels, decode_image, to_pixels

MAX_REAL_ASPECT = 24
"""Real lines this many times as wide as high, or more, are left out."""


@dataclass(frozen=True)
class Sample:
    """A line image and its text; `folded` where the label's case says nothing about the image."""

    image: Pixels
    text: str
    folded: bool = False
    real: bool = False


def read_labels(folder: Path) -> list[tuple[Path, str]]:
    """Pairs of image path and text from folder/labels.tsv (path TAB text)."""
    rows = (line.split("\t", 1) for line in (folder / "labels.tsv").read_text("utf-8").splitlines() if line)
    return [(folder / path, text) for path, text in rows]


def receipts(folder: Path, part: str | None = None) -> list[str]:
    """Names of the receipt pages that split.tsv assigns to `part`, or of all of them."""
    split = [row.split("\t") for row in (folder / "split.tsv").read_text("utf-8").splitlines() if row]
    return [name for name, of in split if part in (None, of)]


def receipt_image(folder: Path, name: str) -> Path:
    """The image file of a receipt page, of whatever type.

    Raises:
        FileNotFoundError: there is none.
    """
    for path in (folder / "img").glob(f"{name}.*"):
        return path
    raise FileNotFoundError(f"{folder / 'img'} holds no image {name}")


def receipt_lines(folder: Path, name: str) -> Iterator[tuple[list[float], list[float], str]]:
    """The xs and the ys of the four corners, in pixels, and the text of each labelled line that has one."""
    for line in (folder / "box" / f"{name}.csv").read_text("utf-8", errors="replace").splitlines():
        *corners, text = line.split(",", 8)
        if len(corners) == 8 and text:
            yield [float(x) for x in corners[::2]], [float(y) for y in corners[1::2]], text


def read_receipts(folder: Path, part: str) -> Iterator[Sample]:
    """Line crops of the receipt pages that split.tsv assigns to `part`; all labels are upper case."""
    for name in receipts(folder, part):
        page = to_pixels(decode_image(receipt_image(folder, name).read_bytes()))
        for columns, rows, text in receipt_lines(folder, name):
            xs, ys = [round(x) for x in columns], [round(y) for y in rows]
            image = page[max(0, min(ys)) : max(ys), max(0, min(xs)) : max(xs)]
            if image.size:
                yield Sample(image, text, folded=True, real=True)


def read_folder(folder: Path, part: str) -> list[Sample]:
    """All lines of a folder with labels.tsv, or those of `part` of receipt pages with split.tsv."""
    if (folder / "split.tsv").exists():
        return list(read_receipts(folder, part))
    return [
        Sample(to_pixels(decode_image(path.read_bytes())), text, real=True)
        for path, text in read_labels(folder)
    ]


def load_real(folders: list[str], alphabet: str) -> list[Sample]:
    """Real lines to train on: those that the alphabet can spell and that are not far too long."""
    samples = [sample for folder in folders for sample in read_folder(Path(folder), "train")]
    return [s for s in samples if s.text and set(s.text) <= set(alphabet) and _aspect(s) < MAX_REAL_ASPECT]


def _aspect(sample: Sample) -> float:
    return sample.image.shape[1] / sample.image.shape[0]
