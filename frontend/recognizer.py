"""The use case: cache -> TorchServe -> history. Knows nothing of HTTP towards the client."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, cast

from frontend.errors import OCRError
from frontend.torchserve import Line, ModelFacts, Point, Prediction

log = logging.getLogger(__name__)

_KEY_FORMAT = "ocr:1"  # raise the number when the meaning of cached values changes
_HISTORY_WARNING = "The history is not available right now, so this result was not stored."

_STORED = ("image_hash", "text", "confidence", "lines", "width", "height", "model", "model_version")


class Models(Protocol):
    """What the recognizer needs of TorchServe."""

    def model(self, name: str) -> ModelFacts: ...

    def predict(
        self, model: str, image: bytes, request_id: str, timeout_seconds: float | None = None
    ) -> Prediction: ...


class Answers(Protocol):
    """What it needs of the cache."""

    def get(self, key: str) -> dict[str, Any] | None: ...

    def set(self, key: str, value: dict[str, Any]) -> None: ...


class Records(Protocol):
    """What it needs of the history."""

    def add(self, owner: str, record: Mapping[str, Any]) -> str: ...


class Door(Protocol):
    """What it needs of the gate."""

    def admit(self, size_bytes: int) -> AbstractContextManager[None]: ...


@dataclass(frozen=True)
class Options:
    """What changes the answer of a model for the same image; part of the cache key."""

    mode: str = "auto"


@dataclass(frozen=True)
class Recognition:
    """The answer. Boxes are [[left, top], [right, bottom]] in pixels of the image as sent."""

    text: str
    confidence: float | None
    bbox: list[Point] | None
    lines: list[Line]
    model: str
    model_version: str
    image_hash: str
    width: int
    height: int
    cached: bool
    history_id: str | None = None
    elapsed_ms: float = 0.0
    warnings: list[str] = field(default_factory=list)


class Recognizer:
    """Identical requests in flight in this process share one inference; what is known passes no gate."""

    def __init__(
        self, models: Models, cache: Answers, history: Records, gate: Door, default_model: str
    ) -> None:
        self._models = models
        self._cache = cache
        self._history = history
        self._gate = gate
        self._default_model = default_model
        self._flights = Flights()

    def recognize(
        self,
        image: bytes,
        owner: str,
        request_id: str,
        model: str | None = None,
        options: Options | None = None,
    ) -> Recognition:
        """Read `image` for `owner`. Raises OCRError; a history that fails is only a warning."""
        started = time.perf_counter()
        facts = self._models.model(model or self._default_model)
        image_hash = f"sha256:{hashlib.sha256(image).hexdigest()}"
        key = cache_key(image_hash, facts, options or Options())
        prediction = known = self._known(key)
        if prediction is None:
            with self._gate.admit(len(image)):
                prediction = self._flights.share(
                    key, lambda: self._predict(key, facts.name, image, request_id)
                )
        lines = prediction["lines"]
        recognition = Recognition(
            text="\n".join(line["text"] for line in lines),
            confidence=min((line["confidence"] for line in lines), default=None),
            bbox=union([line["bbox"] for line in lines]),
            lines=lines,
            model=facts.name,
            model_version=facts.version,
            image_hash=image_hash,
            width=prediction["width"],
            height=prediction["height"],
            cached=known is not None,
        )
        recognition = self._remember(owner, recognition, key)
        return replace(recognition, elapsed_ms=round((time.perf_counter() - started) * 1000, 1))

    def _known(self, key: str) -> Prediction | None:
        return cast(Prediction | None, self._cache.get(key))

    def _predict(self, key: str, model: str, image: bytes, request_id: str) -> Prediction:
        answer = self._models.predict(model, image, request_id)
        prediction = Prediction(width=answer["width"], height=answer["height"], lines=answer["lines"])
        self._cache.set(key, dict(prediction))
        return prediction

    def _remember(self, owner: str, recognition: Recognition, key: str) -> Recognition:
        record = {name: getattr(recognition, name) for name in _STORED}
        try:
            history_id = self._history.add(owner, {**record, "cache_key": key})
        except OCRError:
            return replace(recognition, warnings=[_HISTORY_WARNING])
        return replace(recognition, history_id=history_id)


class Flights:
    """Work under way, by key: who asks for the same waits for the one who asked first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, Future[Prediction]] = {}

    def share(self, key: str, work: Callable[[], Prediction]) -> Prediction:
        """The result of `work`, or its exception; `work` bounds its own time."""
        with self._lock:
            flight = self._flights.get(key)
            mine = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if mine:
            try:
                flight.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits, and raised below
                flight.set_exception(error)
            finally:
                with self._lock:
                    del self._flights[key]
        try:
            return flight.result()
        finally:
            del flight  # with its error, whose traceback leads here, it would be a cycle that holds the image


def cache_key(image_hash: str, model: ModelFacts, options: Options) -> str:
    """The version holds a hash of the weights, so new weights never answer with old text."""
    if options.mode == "auto":  # the same as `line` until there is `page`
        options = replace(options, mode="line")
    chosen = ",".join(f"{name}={value}" for name, value in sorted(asdict(options).items()))
    return f"{_KEY_FORMAT}:{image_hash}:{model.name}:{model.version}:{chosen}"


def union(boxes: list[list[Point]]) -> list[Point] | None:
    """The smallest box around all; None of none."""
    if not boxes:
        return None
    corners = [point for box in boxes for point in box]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return [[min(xs), min(ys)], [max(xs), max(ys)]]
