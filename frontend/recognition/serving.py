"""Which TorchServe is asked, and by which model images are read for which none is named.

On one machine both stand in a small file that `make rollout` and `make rollback` replace. Each process looks
whether there is another one before it uses what it knows, and so follows without a restart.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from frontend.errors import OCRError, RecognizerDownError
from frontend.recognition.models import ModelFacts
from frontend.recognition.predictions import Prediction
from frontend.recognition.torchserve import TorchServe

log = logging.getLogger(__name__)

Connect = Callable[[str, str], TorchServe]
"""Makes the client of a TorchServe from its address and that of its management API."""
_Stamp = tuple[int, int] | None


@dataclass(frozen=True)
class ServingRecord:
    """What serves: the default model, and a TorchServe's addresses."""

    model: str
    url: str
    management_url: str
    metrics_url: str = ""
    part: str = ""
    """The name of the TorchServe in supervisord.conf."""
    previous: str = ""
    """The default model before the last rollout, which is still loaded; empty: none to go back to."""
    configured: str = ""
    """OCR_DEFAULT_MODEL at the time: once it is changed, rollouts before that no longer count."""


def read_record(file: Path) -> ServingRecord | None:
    """The record in a file; None if there is none, or none that can be read."""
    try:
        return ServingRecord(**json.loads(file.read_text()))
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s cannot be read: %s", file.name, type(error).__name__)
    return None


def write_record(file: Path, record: ServingRecord) -> None:
    """Replace the file as a whole: whoever reads it sees the one before or this one."""
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.write_text(json.dumps(asdict(record), indent=2))
    unfinished.replace(file)


@dataclass(frozen=True)
class _Current:
    record: ServingRecord
    torchserve: TorchServe
    stamp: _Stamp


class Serving:
    """What serves now. Thread-safe."""

    def __init__(self, configured: ServingRecord, file: Path | None, connect: Connect) -> None:
        """`configured` holds as long as there is no `file`."""
        self._configured = configured
        self._file = file
        self._connect = connect
        self._lock = threading.Lock()
        stamp = self._stamp()
        record = self._record()
        self._current = _Current(record, connect(record.url, record.management_url), stamp)

    @property
    def torchserve(self) -> TorchServe:
        return self._now().torchserve

    @property
    def default_model(self) -> str:
        """The model of images for which none is named; the TorchServe that is asked then has it."""
        return self._now().record.model

    def model(self, name: str) -> ModelFacts:
        """See TorchServe.model."""
        return self.torchserve.model(name)

    def predict(
        self,
        model: str,
        image: bytes,
        request_id: str,
        options: Mapping[str, Any] | None = None,
        timeout_seconds: float | None = None,
        is_short: bool = False,
    ) -> Prediction:
        """See TorchServe.predict. What one did not finish that is no longer asked, its successor reads."""
        asked = self.torchserve
        try:
            return asked.predict(model, image, request_id, options, timeout_seconds, is_short)
        except RecognizerDownError:
            successor = self.torchserve
            if successor is asked:
                raise
        return successor.predict(model, image, request_id, options, timeout_seconds, is_short)

    def close(self) -> None:
        self._current.torchserve.close()

    def _now(self) -> _Current:
        """One thread turns to a new record; the others do not wait for it."""
        stamp = self._stamp()
        if stamp != self._current.stamp and self._lock.acquire(blocking=False):
            try:
                self._follow(stamp)
            finally:
                self._lock.release()
        return self._current

    def _follow(self, stamp: _Stamp) -> None:
        """Turn to what the file says as soon as that TorchServe has the model: until then all stays."""
        before, record = self._current, self._record()
        torchserve = before.torchserve
        if (record.url, record.management_url) != (before.record.url, before.record.management_url):
            torchserve = self._connect(record.url, record.management_url)
        try:
            torchserve.model(record.model)
        except OCRError as error:
            log.warning("%s does not serve yet: %s", record.model, error.code)
            if torchserve is not before.torchserve:
                torchserve.close()
            return
        self._current = _Current(record, torchserve, stamp)
        log.info("%s serves", record.model)
        if torchserve is not before.torchserve:
            before.torchserve.close()  # what is under way in it goes on

    def _record(self) -> ServingRecord:
        return (read_record(self._file) if self._file else None) or self._configured

    def _stamp(self) -> _Stamp:
        """Other than before as soon as the file is another one."""
        if self._file is None:
            return None
        try:
            facts = self._file.stat()
        except OSError:
            return None
        return facts.st_ino, facts.st_mtime_ns
