"""The handler under plain Python: what the served model must read, found out without TorchServe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch

from handler.crnn_handler import recognize_requests
from handler.model import CRNN, load_weights
from handler.recognize import optimize

WEIGHTS = Path(__file__).resolve().parent.parent / "model_store" / "weights" / "crnn_v1.safetensors"
BATCH = 16


@cache
def _model() -> CRNN:
    model, _facts = load_weights(WEIGHTS)
    optimize(model, torch.device("cpu"))
    return model


def read_plainly(images: Sequence[bytes]) -> list[str]:
    """The text of each image, read in batches as TorchServe forms them."""
    answers = []
    for start in range(0, len(images), BATCH):
        answers += recognize_requests(_model(), [{"body": image} for image in images[start : start + BATCH]])
    return ["\n".join(line["text"] for line in answer["lines"]) for _status, answer in answers]
