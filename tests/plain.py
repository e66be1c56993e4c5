"""The handler under plain Python: what the served model must read, found out without TorchServe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from handler import engine
from handler.crnn_handler import read_requests, response_to
from handler.decode import Allowlist, Recognition, best_path
from handler.emissions import Emissions
from handler.layout import Detector
from handler.networks import Networks

WEIGHTS = Path(__file__).resolve().parent.parent / "model_store" / "weights"
MODEL = "crnn_v3"
BATCH = 16


def recognize_requests(*arguments: Any, **options: Any) -> list[tuple[int, dict[str, Any]]]:
    """(HTTP status, answer) for each of these requests: see the handler's read_requests."""
    return [response_to(job) for job in read_requests(*arguments, **options)]


def greedy(
    logits: torch.Tensor,
    alphabet: str,
    frames: int | None = None,
    temperature: float = 1.0,
    allowlist: Allowlist | None = None,
) -> Recognition:
    """Best path of one line's logits (T, C), divided by a temperature (Guo et al. 2017)."""
    return best_path(Emissions.everywhere(logits.float() / temperature), alphabet, frames, allowlist)


@cache
def networks(name: str) -> Networks:
    network, facts = engine.load(WEIGHTS / f"{name}.safetensors", torch.device("cpu"))
    return Networks({name: network}, {name: facts})


@cache
def _detector() -> Detector:
    return Detector()


def read_plainly(images: Sequence[bytes], model: str = MODEL) -> list[str]:
    """The text of each image, read in batches as TorchServe forms them."""
    answers = []
    for start in range(0, len(images), BATCH):
        batch = [{"body": image} for image in images[start : start + BATCH]]
        answers += recognize_requests(networks(model), _detector(), batch)
    return ["\n".join(line["text"] for line in answer["lines"]) for _status, answer in answers]
