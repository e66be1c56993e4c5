"""Live video over a WebSocket (docs/stream.md): the newest frame is read, older ones are dropped."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from frontend import logs, metrics
from frontend.errors import OCRError
from frontend.live.video import Video
from frontend.live.websocket import CLOSE, ClosedError, WebSocket
from frontend.recognition.recognizer import Recognizer
from frontend.settings import Settings

log = logging.getLogger(__name__)

PROTOCOL = "ocr"
VERSION = 1
TICK_SECONDS = 0.5
FRAMES_PER_SECOND = 10.0
"""Nobody needs to send faster; the first advice, too."""
LEAST_FRAMES_PER_SECOND = 0.1
RECENT = 0.2
"""Part of the newest frame in the mean time that frames take."""


class Newest:
    """Room for one frame: the newest. Thread-safe."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._frame: tuple[int, bytes] | None = None
        self._dropped = 0
        self._closed = False
        self.received = 0

    def put(self, jpeg: bytes) -> None:
        """Let a frame wait; the one that waited until now is dropped."""
        with self._condition:
            self.received += 1
            self._dropped += self._frame is not None
            self._frame = self.received, jpeg
            self._condition.notify()

    def take(self) -> tuple[int, bytes, int] | None:
        """The newest frame's number, from 1 on, itself, and how many were dropped for it; None at the end."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._frame is not None)
            if self._closed or self._frame is None:
                return None
            (number, jpeg), dropped = self._frame, self._dropped
            self._frame, self._dropped = None, 0
            return number, jpeg, dropped

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify()


class Pace:
    """The frames a second that a client may send so that none is dropped."""

    def __init__(self) -> None:
        self._mean_seconds = 1 / FRAMES_PER_SECOND

    @property
    def frames_per_second(self) -> float:
        return round(max(LEAST_FRAMES_PER_SECOND, min(FRAMES_PER_SECOND, 1 / self._mean_seconds)), 1)

    def took(self, seconds: float) -> None:
        self._mean_seconds += RECENT * (seconds - self._mean_seconds)


@dataclass(frozen=True)
class ConnectionLimits:
    """The limits of one connection."""

    message_bytes: int
    idle_seconds: float
    seconds: float


class Streams:
    """The connections of this process: each holds a thread, so they are counted."""

    def __init__(self, settings: Settings, recognizer: Recognizer) -> None:
        self._limits = ConnectionLimits(
            settings.stream_frame_bytes, settings.stream_idle_seconds, settings.stream_max_seconds
        )
        self._places = threading.BoundedSemaphore(settings.streams)
        self._recognizer = recognizer
        self._ending = threading.Event()

    def end(self) -> None:
        """Close all connections within a second: the process ends."""
        self._ending.set()

    def serve(self, connection: WebSocket, model: str) -> dict[str, Any]:
        """Read the frames of a connection that was accepted until it closes; the facts for the log."""
        if not self._places.acquire(blocking=False):
            with suppress(ClosedError):
                connection.close(
                    CLOSE.TRY_AGAIN_LATER, "All live video connections are in use. Connect again later."
                )
            return {"close": connection.outcome}
        try:
            with metrics.STREAMS.track_inprogress():
                return Stream(connection, model, self._recognizer, self._limits).run(self._ending)
        finally:
            self._places.release()


class Stream:
    """One connection. This thread receives; a second one reads the newest frame and answers."""

    def __init__(
        self, connection: WebSocket, model: str, recognizer: Recognizer, limits: ConnectionLimits
    ) -> None:
        self._connection = connection
        self._model = model
        self._limits = limits
        self._newest = Newest()
        self._pace = Pace()
        self._answered = 0
        self._failed = threading.Event()
        request_id = logs.request_id.get()
        self._video = Video(partial(recognizer.read_frame, model, request_id))
        self._reader = threading.Thread(target=self._read_frames, name=f"stream-{request_id}", daemon=True)

    def run(self, ending: threading.Event) -> dict[str, Any]:
        """Serve until one end closes; the facts for the log."""
        self._reader.start()
        try:
            self._connection.send(self._hello())
            code, reason = self._receive(ending)
        except ClosedError:
            code, reason = CLOSE.NORMAL_CLOSURE, ""
        finally:
            self._newest.close()
        with suppress(ClosedError):
            self._connection.close(code, reason)
        self._reader.join()
        return {
            "model": self._model,
            "frames": self._newest.received,
            "answered": self._answered,
            "close": self._connection.outcome,
        }

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "protocol": VERSION,
            "model": self._model,
            "frames_per_second": self._pace.frames_per_second,
            "limits": {
                "message_bytes": self._limits.message_bytes,
                "idle_seconds": self._limits.idle_seconds,
                "seconds": self._limits.seconds,
            },
        }

    def _receive(self, ending: threading.Event) -> tuple[CLOSE, str]:
        """Hand the frames on; why the connection is to be closed. Raises ClosedError."""
        started = heard = time.monotonic()
        while True:
            messages = self._connection.receive(TICK_SECONDS)
            now = time.monotonic()
            for message in messages:
                heard = now
                if isinstance(message, str):
                    return CLOSE.UNSUPPORTED_DATA, "Send each frame as one binary message, a JPEG file."
                self._newest.put(message)
            if self._failed.is_set():
                return CLOSE.INTERNAL_ERROR, "Something went wrong on the server. Connect again."
            if ending.is_set():
                return CLOSE.GOING_AWAY, "The service is stopping. Connect again later."
            if now - started > self._limits.seconds:
                return CLOSE.GOING_AWAY, f"Open for {self._limits.seconds:g} s, the limit. Connect again."
            if now - heard > self._limits.idle_seconds:
                return CLOSE.NORMAL_CLOSURE, f"No frame came for {self._limits.idle_seconds:g} s."

    def _read_frames(self) -> None:
        try:
            while frame := self._newest.take():
                self._connection.send(self._answer(*frame))
                self._answered += 1
        except ClosedError:
            pass
        except Exception:  # the outermost boundary of this thread
            log.exception("unforeseen error")
            self._failed.set()

    def _answer(self, number: int, jpeg: bytes, dropped: int) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            shown = {"type": "frame", "frame": number, **self._video.show(number, jpeg)}
        except OCRError as error:
            shown = {"type": "error", "frame": number, **_facts(error)}
        seconds = time.perf_counter() - started
        self._pace.took(seconds)
        return {
            **shown,
            "dropped": dropped,
            "frames_per_second": self._pace.frames_per_second,
            "elapsed_ms": round(seconds * 1000, 1),
        }


def _facts(error: OCRError) -> dict[str, Any]:
    return {"status": error.status, "code": error.code, "title": error.title, "detail": error.detail}
