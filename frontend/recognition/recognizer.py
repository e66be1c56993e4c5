"""The use case: cache -> TorchServe -> history. Knows nothing of HTTP towards the client."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from frontend import metrics, tracing
from frontend.errors import OCRError
from frontend.files.image_headers import megapixels
from frontend.files.page_ranges import parse_pages
from frontend.files.repair import repaired
from frontend.files.thumbnails import thumbnail
from frontend.recognition.admission import Admission
from frontend.recognition.answers import Options, Recognition, chosen
from frontend.recognition.entry import Entry, ImageStore, LineStore, RecordStore, as_record
from frontend.recognition.models import ModelFacts, is_for_canary
from frontend.recognition.postprocess import assemble
from frontend.recognition.predictions import Page, Prediction, Predictor
from frontend.recognition.single_flight import SingleFlight
from frontend.settings import Canary

log = logging.getLogger(__name__)

_KEY_FORMAT = "ocr:2"  # raise the number when the meaning of cached values changes
_HISTORY_WARNING = "The history is not available right now, so this result was not stored."
_LATE_WARNING = "The history is not available right now: this result is kept, and added when it is back."
_IMAGE_WARNING = "The history is not available right now, so the image itself was not stored."

SHORT_MEGAPIXELS = {"line": 2.0, "auto": 0.25}
"""Images of at most this size are read in no time in these modes, and wait for no page."""

DRAWERS = 8
"""Thumbnails that are drawn at once, while TorchServe reads."""


class Models(Predictor, Protocol):
    """The part of Serving that the recognizer needs."""

    @property
    def default_model(self) -> str: ...

    def model(self, name: str) -> ModelFacts: ...


class ResultCache(Protocol):
    """The part of the cache that it needs."""

    def get(self, key: str) -> dict[str, Any] | None: ...

    def set(self, key: str, value: dict[str, Any]) -> None: ...


_PLAIN = Entry()


@dataclass(frozen=True)
class _Asked:
    """What is to be read, and by which model; for the cache under `key`, with a thumbnail if `is_drawn`."""

    key: str
    model: ModelFacts
    image: bytes
    request_id: str
    options: Options
    is_drawn: bool


class Recognizer:
    """Identical requests in flight in this process share one inference; what is cached needs no admission."""

    def __init__(
        self,
        models: Models,
        cache: ResultCache,
        history: RecordStore,
        admission: Admission,
        images: ImageStore | None = None,
        lines: LineStore | None = None,
        canary: Canary | None = None,
    ) -> None:
        """`images`, `lines`: where images and crops of unsure lines are kept, if they are."""
        self._models = models
        self._cache = cache
        self._history = history
        self._admission = admission
        self._images = images
        self._lines = lines
        self._canary = canary
        self._single_flight = SingleFlight()
        self._drawers = ThreadPoolExecutor(DRAWERS, "thumbnail")

    def recognize(
        self,
        image: bytes,
        owner: str,
        request_id: str,
        model: str | None = None,
        options: Options | None = None,
        account: str | None = None,
        entry: Entry | None = _PLAIN,
    ) -> Recognition:
        """Read `image` for `owner`. Raises OCRError; a history that fails is only a warning.

        `account` is whose share of the limits it takes, where that is not the owner's. Without an `entry` the
        history is to have nothing of it.
        """
        started = time.perf_counter()
        image_hash = f"sha256:{hashlib.sha256(image).hexdigest()}"
        facts = self._models.model(model) if model else self._unnamed(owner, image_hash)
        options = options or Options()
        key = cache_key(image_hash, facts, options)
        prediction = known = self._known(key)
        stages: Mapping[str, float] = {}
        if prediction is None:
            asked = _Asked(key, facts, image, request_id, options, bool(entry and entry.has_thumbnail))
            prediction, stages = self._read(asked, account or owner)
        recognition = Recognition(
            **vars(assemble(prediction, _first_page(options), options.threshold, options.text_format)),
            model=facts.name,
            model_version=facts.version,
            image_hash=image_hash,
            cached=known is not None,
            fields_option=options.fields,
            is_constrained=options.is_constrained,
            stages=stages,
        )
        if entry:
            about = _about(entry, key, options, model) | _drawn(entry, prediction, image, options)
            recognition = self._remember(owner, recognition, entry, about, image)
        return replace(recognition, elapsed_ms=round((time.perf_counter() - started) * 1000, 1))

    def read_frame(
        self, model: str, request_id: str, jpeg: bytes, areas: Sequence[Sequence[int]] | None
    ) -> Page:
        """Read a frame of a video, in these areas of it, or all of it: neither cached nor remembered.

        It needs no admission: a stream reads one frame at a time, and streams are counted. Raises OCRError.
        """
        metrics.FRAMES.labels(model).inc()
        with metrics.TORCHSERVE_SECONDS.labels(model).time():
            frame = {"mode": "frame", "areas": areas}
            (page,) = self._models.predict(model, jpeg, request_id, frame, is_short=True)["pages"]
        return page

    def _unnamed(self, owner: str, image_hash: str) -> ModelFacts:
        """The model of an image for which none is named. A canary that is not there costs no answer."""
        if self._canary and is_for_canary(self._canary.share, owner, image_hash):
            with suppress(OCRError):
                facts = self._models.model(self._canary.model)
                if facts.ready:
                    return facts
        return self._models.model(self._models.default_model)

    def _known(self, key: str) -> Prediction | None:
        return cast(Prediction | None, self._cache.get(key))

    def _read(self, asked: _Asked, account: str) -> tuple[Prediction, Mapping[str, float]]:
        """A new reading of the image, and the milliseconds of its stages."""
        with tracing.span("recognize"):
            began_ns = time.time_ns()
            is_page = asked.options.mode != "line"
            with self._admission.admit(len(asked.image), account=account, is_page=is_page):
                prediction = self._single_flight.do(asked.key, lambda: self._predict(asked))
            return prediction, _stages(prediction, began_ns)

    def _predict(self, asked: _Asked) -> Prediction:
        image, model, options = asked.image, asked.model, asked.options
        short = _is_short(image, options)
        drawing = self._drawers.submit(thumbnail, image, _first_page(options)) if asked.is_drawn else None
        with metrics.TORCHSERVE_SECONDS.labels(model.name).time():
            prediction = self._models.predict(
                model.name, repaired(image), asked.request_id, options.for_model(), is_short=short
            )
        _count(model, prediction["pages"])
        if drawing and (drawn := drawing.result()):
            prediction["thumbnail"] = b64encode(drawn).decode()
        self._cache.set(asked.key, {name: value for name, value in prediction.items() if name != "stages"})
        return prediction

    def _remember(
        self, owner: str, recognition: Recognition, entry: Entry, about: Mapping[str, Any], image: bytes
    ) -> Recognition:
        named = {"name": entry.name} if entry.name else {}
        record = {**as_record(recognition), **named, **about}
        try:
            history_id, is_late = self._history.remember(owner, record, entry)
        except OCRError:
            return replace(recognition, warnings=[*recognition.warnings, _HISTORY_WARNING])
        warnings = [*recognition.warnings, *([_LATE_WARNING] if is_late else [])]
        recognition = replace(recognition, history_id=history_id, warnings=warnings)
        try:
            if self._images:
                self._images.add(history_id, image)
        except OCRError:
            recognition = replace(recognition, warnings=[*recognition.warnings, _IMAGE_WARNING])
        try:
            if self._lines:
                self._lines.keep(owner, history_id, recognition, image)
        except OCRError as error:
            log.warning("lines were not kept for review: %s", error.code)
        if not is_late:
            self._drop_orphans(owner, history_id)
        return recognition

    def _drop_orphans(self, owner: str, history_id: str) -> None:
        """Forget the parts of a record that was deleted while they were stored."""
        parts = [part for part in (self._images, self._lines) if part]
        with suppress(OCRError):
            if parts and not self._history.has(owner, history_id):
                for part in parts:
                    part.delete([history_id])


def _count(model: ModelFacts, pages: Sequence[Page]) -> None:
    metrics.count_read(model.name, (len(page["lines"]) for page in pages))
    confidences = [line["confidence"] for page in pages for line in page["lines"]]
    metrics.observe_confidence(model.name, model.version, confidences)


def _first_page(options: Options) -> int:
    return parse_pages(options.pages or "1").start


def _about(entry: Entry, key: str, options: Options, model: str | None) -> dict[str, Any]:
    """How an image was read: of a page of a document, with the pages that the whole was asked for."""
    whole = replace(options, pages=entry.pages) if entry.document else options
    return {"cache_key": key, "options": chosen(whole, model)}


def _drawn(entry: Entry, prediction: Prediction, image: bytes, options: Options) -> dict[str, bytes]:
    """The thumbnail; where the cached answer is of somebody who wanted none, it is made now."""
    if not entry.has_thumbnail:
        return {}
    known = prediction.get("thumbnail")
    drawn = b64decode(known) if known else thumbnail(image, _first_page(options))
    return {"thumbnail": drawn} if drawn else {}


def _stages(prediction: Prediction, began_ns: int) -> Mapping[str, float]:
    """Milliseconds by stage: what the handler does not tell of was spent waiting."""
    told = prediction.get("stages", {})
    elapsed_ms = (time.time_ns() - began_ns) / 1_000_000
    stages = {"queue": max(0.0, elapsed_ms - sum(told.values())), **told}
    for stage, ms in stages.items():
        metrics.STAGE_SECONDS.labels(stage).observe(ms / 1000)
    tracing.record(stages, began_ns)
    return stages


def _is_short(image: bytes, options: Options) -> bool:
    return 0 < megapixels(image) <= SHORT_MEGAPIXELS.get(options.mode, 0.0)


def cache_key(image_hash: str, model: ModelFacts, options: Options) -> str:
    """The version holds a hash of the weights, so new weights never answer with old text."""
    chosen = json.dumps(options.for_model(), sort_keys=True).encode()
    return (
        f"{_KEY_FORMAT}:{image_hash}:{model.name}:{model.version}:{hashlib.sha256(chosen).hexdigest()[:32]}"
    )
