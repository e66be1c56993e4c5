"""The handler under plain Python: what the served model must read, found out without TorchServe."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from handler.crnn_handler import recognize_requests
from handler.model import CRNN, load_weights
from handler.recognize import optimize

ARCHIVE = Path(__file__).resolve().parent.parent / "model_store" / "crnn_v1.mar"
BATCH = 16


@cache
def _model() -> CRNN:
    with TemporaryDirectory() as folder, zipfile.ZipFile(ARCHIVE) as archive:
        model, _facts = load_weights(Path(archive.extract("crnn_v1.safetensors", folder)))
    optimize(model, torch.device("cpu"))
    return model


def read_plainly(images: Sequence[bytes]) -> list[str]:
    """The text of each image, read in batches as TorchServe forms them."""
    answers = []
    for start in range(0, len(images), BATCH):
        answers += recognize_requests(_model(), [{"body": image} for image in images[start : start + BATCH]])
    return ["\n".join(line["text"] for line in answer["lines"]) for _status, answer in answers]
