"""The handler under plain Python: what the served model must read, found out without TorchServe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch

from handler.crnn_handler import recognize_requests
from handler.engine import optimize
from handler.layout import Detector
from handler.model import CRNN, load_weights

WEIGHTS = Path(__file__).resolve().parent.parent / "model_store" / "weights"
MODEL = "crnn_v3"
BATCH = 16


@cache
def _model(name: str) -> CRNN:
    model, _facts = load_weights(WEIGHTS / f"{name}.safetensors")
    optimize(model, torch.device("cpu"))
    return model


@cache
def _detector() -> Detector:
    return Detector()


def read_plainly(images: Sequence[bytes], model: str = MODEL) -> list[str]:
    """The text of each image, read in batches as TorchServe forms them."""
    answers = []
    for start in range(0, len(images), BATCH):
        batch = [{"body": image} for image in images[start : start + BATCH]]
        answers += recognize_requests(_model(model), _detector(), batch)
    return ["\n".join(line["text"] for line in answer["lines"]) for _status, answer in answers]
