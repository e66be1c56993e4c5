"""The use case: cache -> TorchServe -> history. Knows nothing of HTTP towards the client."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, cast

from frontend import metrics, tracing
from frontend.errors import OCRError
from frontend.files.page_ranges import parse_pages
from frontend.files.repair import repaired
from frontend.recognition.admission import Admission
from frontend.recognition.models import ModelFacts
from frontend.recognition.postprocess import Reading, assemble
from frontend.recognition.predictions import STAGES, Page, Prediction, Predictor
from frontend.recognition.text_formats import TextFormat

log = logging.getLogger(__name__)

_KEY_FORMAT = "ocr:2"  # raise the number when the meaning of cached values changes
_HISTORY_WARNING = "The history is not available right now, so this result was not stored."
_IMAGE_WARNING = "The history is not available right now, so the image itself was not stored."

_ASSEMBLY = ("threshold", "text_format")
"""Options that only say how an answer is made of what was read."""
_STORED = (
    "image_hash", "text", "confidence", "bbox", "angle", "lines", "width", "height", "model", "model_version",
)  # fmt: skip
_STORED_IF_ANY = ("warnings", "mrz")
_STORED_OF_PAGES = ("page", "text", "confidence", "bbox", "angle", "width", "height")
STORED_CHARACTERS = 20_000  # of a record's lines, each with its box: MongoDB's documents end at 16 MB


class Models(Predictor, Protocol):
    """The part of TorchServe that the recognizer needs."""

    def model(self, name: str) -> ModelFacts: ...


class ResultCache(Protocol):
    """The part of the cache that it needs."""

    def get(self, key: str) -> dict[str, Any] | None: ...

    def set(self, key: str, value: dict[str, Any]) -> None: ...


class RecordStore(Protocol):
    """The part of the history that it needs."""

    def add(self, owner: str, record: Mapping[str, Any], once: str | None = None) -> str: ...


class ImageStore(Protocol):
    """A place to keep images."""

    def add(self, record_id: str, image: bytes) -> None: ...


@dataclass(frozen=True)
class Options:
    """Options of an answer; those that a model is given are part of the cache key, see _ASSEMBLY."""

    mode: str = "auto"
    allowlist: str | None = None
    allowlist_mode: str = "drop"
    threshold: float | None = None
    pages: str | None = None
    pdf_text: bool = False
    text_format: TextFormat = "lines"

    def for_model(self) -> dict[str, Any]:
        """Those that change what a model reads."""
        return {name: value for name, value in asdict(self).items() if name not in _ASSEMBLY}


@dataclass(frozen=True)
class Recognition(Reading):
    """The answer: what was read, by which model, and what became of it."""

    model: str
    model_version: str
    image_hash: str
    cached: bool
    history_id: str | None = None
    elapsed_ms: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of waiting (`queue`) and of each of STAGES, for the logs; none if it was cached."""

    def facts(self, size_bytes: int) -> dict[str, Any]:
        """The log entry of a read of an image of so many bytes: never what is in it."""
        sizes = [(page["width"], page["height"]) for page in self.pages or []] or [(self.width, self.height)]
        return {
            "bytes": size_bytes,
            "pixels": sum(width * height for width, height in sizes),
            "pages": len(sizes),
            "lines": len(self.lines),
            "model": self.model,
            "cached": self.cached,
            "ms": {stage: round(self.stages.get(stage, 0.0), 1) for stage in ("queue", *STAGES)},
        }


class Recognizer:
    """Identical requests in flight in this process share one inference; what is cached needs no admission."""

    def __init__(
        self,
        models: Models,
        cache: ResultCache,
        history: RecordStore,
        admission: Admission,
        default_model: str,
        images: ImageStore | None = None,
    ) -> None:
        """`images`: where images are kept, if they are."""
        self._models = models
        self._cache = cache
        self._history = history
        self._admission = admission
        self._default_model = default_model
        self._images = images
        self._single_flight = SingleFlight()

    def recognize(
        self,
        image: bytes,
        owner: str,
        request_id: str,
        model: str | None = None,
        options: Options | None = None,
        account: str | None = None,
        once: str | None = None,
    ) -> Recognition:
        """Read `image` for `owner`. Raises OCRError; a history that fails is only a warning.

        `account` is whose share of the limits it takes, where that is not the owner's. However often it is
        called with the same `once`, the history has one record of it.
        """
        started = time.perf_counter()
        facts = self._models.model(model or self._default_model)
        image_hash = f"sha256:{hashlib.sha256(image).hexdigest()}"
        options = options or Options()
        key = cache_key(image_hash, facts, options)
        prediction = known = self._known(key)
        stages: Mapping[str, float] = {}
        if prediction is None:
            prediction, stages = self._read(key, facts.name, image, request_id, options, account or owner)
        first = parse_pages(options.pages or "1").start
        recognition = Recognition(
            **vars(assemble(prediction, first, options.threshold, options.text_format)),
            model=facts.name,
            model_version=facts.version,
            image_hash=image_hash,
            cached=known is not None,
            stages=stages,
        )
        recognition = self._remember(owner, recognition, key, image, once)
        return replace(recognition, elapsed_ms=round((time.perf_counter() - started) * 1000, 1))

    def read_frame(
        self, model: str, request_id: str, jpeg: bytes, areas: Sequence[Sequence[int]] | None
    ) -> Page:
        """Read a frame of a video, in these areas of it, or all of it: neither cached nor remembered.

        It needs no admission: a stream reads one frame at a time, and streams are counted. Raises OCRError.
        """
        metrics.FRAMES.labels(model).inc()
        with metrics.TORCHSERVE_SECONDS.labels(model).time():
            (page,) = self._models.predict(model, jpeg, request_id, {"mode": "frame", "areas": areas})[
                "pages"
            ]
        return page

    def _known(self, key: str) -> Prediction | None:
        return cast(Prediction | None, self._cache.get(key))

    def _read(
        self, key: str, model: str, image: bytes, request_id: str, options: Options, account: str
    ) -> tuple[Prediction, Mapping[str, float]]:
        """A new reading of the image, and the milliseconds of its stages."""
        with tracing.span("recognize"):
            began_ns = time.time_ns()
            with self._admission.admit(len(image), account=account, is_page=options.mode != "line"):
                prediction = self._single_flight.do(
                    key, lambda: self._predict(key, model, image, request_id, options)
                )
            return prediction, _stages(prediction, began_ns)

    def _predict(self, key: str, model: str, image: bytes, request_id: str, options: Options) -> Prediction:
        with metrics.TORCHSERVE_SECONDS.labels(model).time():
            prediction = self._models.predict(model, repaired(image), request_id, options.for_model())
        metrics.count_read(model, (len(page["lines"]) for page in prediction["pages"]))
        self._cache.set(key, {name: value for name, value in prediction.items() if name != "stages"})
        return prediction

    def _remember(
        self, owner: str, recognition: Recognition, key: str, image: bytes, once: str | None
    ) -> Recognition:
        record = {name: getattr(recognition, name) for name in _STORED}
        record |= {name: told for name in _STORED_IF_ANY if (told := getattr(recognition, name))}
        if len(recognition.text) > STORED_CHARACTERS:
            record["lines"] = [{k: v for k, v in line.items() if k != "chars"} for line in record["lines"]]
        if recognition.pages:
            record["pages"] = [{name: page[name] for name in _STORED_OF_PAGES} for page in recognition.pages]
        try:
            history_id = self._history.add(owner, {**record, "cache_key": key}, once)
        except OCRError:
            return replace(recognition, warnings=[*recognition.warnings, _HISTORY_WARNING])
        recognition = replace(recognition, history_id=history_id)
        try:
            if self._images:
                self._images.add(history_id, image)
        except OCRError:
            return replace(recognition, warnings=[*recognition.warnings, _IMAGE_WARNING])
        return recognition


def _stages(prediction: Prediction, began_ns: int) -> Mapping[str, float]:
    """Milliseconds by stage: what the handler does not tell of was spent waiting."""
    told = prediction.get("stages", {})
    elapsed_ms = (time.time_ns() - began_ns) / 1_000_000
    stages = {"queue": max(0.0, elapsed_ms - sum(told.values())), **told}
    for stage, ms in stages.items():
        metrics.STAGE_SECONDS.labels(stage).observe(ms / 1000)
    tracing.record(stages, began_ns)
    return stages


def as_answer(recognition: Recognition, *, with_chars: bool) -> dict[str, Any]:
    """The recognition as JSON; what was not asked for, or is not there, is left out."""
    answer = asdict(recognition)
    del answer["stages"]
    for part in [answer, *(answer["pages"] or [])]:
        if part["reviewed_text"] is None:
            del part["reviewed_text"]
        if not with_chars:
            for line in part["lines"]:
                line.pop("chars", None)
    for name in ("pages", "warnings", "mrz"):
        if not answer[name]:
            del answer[name]
    return answer


class SingleFlight:
    """Duplicate suppression, as Go's singleflight: calls with one key, made at once, share one result."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, Future[Prediction]] = {}

    def do(self, key: str, work: Callable[[], Prediction]) -> Prediction:
        """The result of `work`, or its exception; `work` bounds its own time."""
        with self._lock:
            call = self._calls.get(key)
            mine = call is None
            if call is None:
                call = self._calls[key] = Future()
        if mine:
            try:
                call.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits, and raised below
                call.set_exception(error)
            finally:
                with self._lock:
                    del self._calls[key]
        try:
            return call.result()
        finally:
            del call  # with its error, whose traceback leads here, it would be a cycle that holds the image


def cache_key(image_hash: str, model: ModelFacts, options: Options) -> str:
    """The version holds a hash of the weights, so new weights never answer with old text."""
    chosen = json.dumps(options.for_model(), sort_keys=True).encode()
    return (
        f"{_KEY_FORMAT}:{image_hash}:{model.name}:{model.version}:{hashlib.sha256(chosen).hexdigest()[:32]}"
    )
