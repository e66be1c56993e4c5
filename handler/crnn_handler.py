"""TorchServe's side of the recognizer: requests in, answers out. The functions know no TorchServe."""

import base64
import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from handler.decode import Recognition
from handler.model import CRNN, load_weights
from handler.preprocess import Grey, InvalidImageError, Strip, check_line, decode_image, to_grey
from handler.recognize import optimize, recognize_lines, warm_up

log = logging.getLogger(__name__)
Answer = dict[str, Any]


class CRNNHandler:
    """The class that TorchServe loads. `initialize` once a worker, `handle` once a batch of requests."""

    def initialize(self, context: Any) -> None:
        """Load the .safetensors file of the archive; precision as the device has it, see optimize.

        Raises:
            FileNotFoundError: the archive holds no weights.
        """
        folder = Path(context.system_properties["model_dir"])
        weights = next(folder.glob("*.safetensors"), None)
        if weights is None:
            raise FileNotFoundError(f"no .safetensors file in {folder}: build the archive with `make models`")
        self.model, facts = load_weights(weights)
        self.facts = facts | {
            "alphabet_size": len(self.model.config.alphabet),
            "height": self.model.config.height,
        }
        optimize(self.model, _device(context))
        warm_up(self.model)

    def handle(self, data: Sequence[Mapping[str, Any]], context: Any) -> list[str | bytes]:
        """One JSON answer for each request of the batch, in order; a bad one harms no other."""
        if data and context.get_request_header(0, "describe") == "True":
            return [json.dumps(self.facts) for _ in data]
        started = time.perf_counter()
        answers = recognize_requests(self.model, data)
        for index, (status, answer) in enumerate(answers):
            context.set_response_content_type(index, "application/json")
            if status != 200:
                context.set_response_status(code=status, phrase=answer["code"], idx=index)
        _log_batch(context, answers, time.perf_counter() - started)
        return [json.dumps(answer, ensure_ascii=False).encode() for _, answer in answers]


def _device(context: Any) -> torch.device:
    """The GPU that TorchServe assigned to this worker, else the CPU."""
    gpu = context.system_properties.get("gpu_id")
    return (
        torch.device("cuda", int(gpu))
        if torch.cuda.is_available() and gpu is not None
        else torch.device("cpu")
    )


def recognize_requests(model: CRNN, requests: Sequence[Mapping[str, Any]]) -> list[tuple[int, Answer]]:
    """(HTTP status, answer) for each request; the lines of all of them are recognized together."""
    images = [_open(request) for request in requests]
    lines = [image for image in images if not isinstance(image, InvalidImageError)]
    readings = iter(recognize_lines(model, lines))
    return [
        (image.status, {"code": image.code, "detail": image.detail})
        if isinstance(image, InvalidImageError)
        else (200, to_answer(image, next(readings)))
        for image in images
    ]


def _open(request: Mapping[str, Any]) -> Grey | InvalidImageError:
    """The grey image of a request, or what is wrong with it."""
    try:
        return check_line(to_grey(decode_image(image_bytes(request))))
    except InvalidImageError as error:
        return error


def image_bytes(request: Mapping[str, Any]) -> bytes:
    """The encoded image of a request: a raw body, a multipart field, or JSON with Base64 under `image`.

    Raises:
        InvalidImageError: there is none, or its Base64 is broken (422).
    """
    payload = request.get("image", request.get("body", request.get("data")))
    if isinstance(payload, Mapping):
        payload = payload.get("image")
    if isinstance(payload, bytes | bytearray):
        return bytes(payload)
    if not isinstance(payload, str):
        raise InvalidImageError(
            "invalid-request", 'Send the image as the body, or as {"image": "<Base64>"}.', 422
        )
    encoded = payload.partition(",")[2] if payload.startswith("data:") else payload
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except ValueError:
        raise InvalidImageError("invalid-request", "`image` is not valid Base64.", 422) from None


def to_answer(image: Grey, reading: Recognition) -> Answer:
    """The answer for an image that is one line; without text it has no lines."""
    height, width = image.shape
    lines = [_line(image, reading.strip, reading)] if reading.strip and reading.text.strip() else []
    return {"width": width, "height": height, "lines": lines}


def _line(image: Grey, strip: Strip, reading: Recognition) -> Answer:
    height, width = image.shape

    def corners(start: float, end: float) -> list[list[float]]:
        """The four corners, clockwise from the top left, of the columns `start` to `end` of the line."""
        (top, bottom), (last_top, last_bottom) = strip.rows(start, width), strip.rows(end, width)
        points = [(start, top), (end, last_top), (end, last_bottom), (start, bottom)]
        return [[round(x, 1), round(min(max(0.0, y), height), 1)] for x, y in points]

    def box(start: float, end: float) -> list[list[float]]:
        xs, ys = zip(*corners(start, end), strict=True)
        return [[min(xs), min(ys)], [max(xs), max(ys)]]

    left, right = reading.characters[0].start, reading.characters[-1].end
    return {
        "text": reading.text,
        "confidence": round(reading.confidence, 4),
        "bbox": box(left, right),
        "polygon": corners(left, right),
        "chars": [
            {"char": c.char, "confidence": round(c.confidence, 4), "bbox": box(c.start, c.end)}
            for c in reading.characters
        ],
    }


def _log_batch(context: Any, answers: list[tuple[int, Answer]], seconds: float) -> None:
    """One JSON line a batch; never what an image shows."""
    ids = [context.get_request_header(index, "X-Request-Id") for index in range(len(answers))]
    entry = {
        "batch": len(answers),
        "ms": round(1000 * seconds, 1),
        "status": [s for s, _ in answers],
        "request_ids": ids,
    }
    log.info(json.dumps(entry))
