"""The handler under plain Python: what the served model must read, found out without TorchServe."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

from handler.crnn_handler import CRNNHandler

WEIGHTS = Path(__file__).resolve().parent.parent / "model_store" / "weights" / "crnn_v1.safetensors"
BATCH = 16


class Context(SimpleNamespace):
    """As much of TorchServe's context as the handler uses."""

    def set_response_status(self, **_status: object) -> None: ...
    def set_response_content_type(self, *_arguments: object) -> None: ...
    def get_request_header(self, *_arguments: object) -> None: ...


@cache
def _handler() -> CRNNHandler:
    handler = CRNNHandler()
    with TemporaryDirectory() as model_dir:
        shutil.copy(WEIGHTS, model_dir)
        handler.initialize(_context(model_dir))
    return handler


def _context(model_dir: str = "") -> Context:
    return Context(
        system_properties={"model_dir": model_dir, "gpu_id": None}, model_yaml_config={}, manifest={}
    )


def read_plainly(images: Sequence[bytes]) -> list[str]:
    """The text of each image, read in batches as TorchServe forms them."""
    texts = []
    for start in range(0, len(images), BATCH):
        data = [{"body": bytearray(image)} for image in images[start : start + BATCH]]
        for answer in _handler().handle(data, _context()):
            texts.append("\n".join(line["text"] for line in json.loads(answer)["lines"]))
    return texts
