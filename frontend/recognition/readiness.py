"""Whether the service can do its job: a tiny image must come through, the servers beside it must answer."""

from __future__ import annotations

import struct
import threading
import time
import zlib
from collections.abc import Callable

from frontend.errors import NotReadyError, OCRError
from frontend.recognition.torchserve import Predictor

_FRESH_SECONDS = 1.5
_CANARY_TIMEOUT_SECONDS = 5.0
Parts = dict[str, dict[str, str]]


class Readiness:
    """Checked at most every 1.5 seconds, by one thread at a time."""

    def __init__(self, predictor: Predictor, model: str, pings: dict[str, Callable[[], None]]) -> None:
        self._predictor = predictor
        self._model = model
        self._pings = pings
        self._lock = threading.Lock()
        self._checked_at = float("-inf")
        self._parts: Parts = {}

    def check(self) -> Parts:
        """The state of each part. Raises NotReadyError when images cannot be read.

        Without the servers in `pings` images are read all the same: they are reported, no more.
        """
        with self._lock:
            if time.monotonic() - self._checked_at >= _FRESH_SECONDS:
                self._parts = {"torchserve": self._state(self._canary)}
                self._parts |= {name: self._state(ping) for name, ping in self._pings.items()}
                self._checked_at = time.monotonic()
            parts = self._parts
        if parts["torchserve"]["state"] != "ok":
            raise NotReadyError(f"Images cannot be read: {parts['torchserve']['detail']}", parts=parts)
        return parts

    def _canary(self) -> None:
        self._predictor.predict(
            self._model, CANARY, "canary", {"mode": "line"}, timeout_seconds=_CANARY_TIMEOUT_SECONDS
        )

    @staticmethod
    def _state(check: Callable[[], None]) -> dict[str, str]:
        try:
            check()
        except OCRError as error:
            return {"state": "down", "detail": error.detail}
        return {"state": "ok"}


def _grey_png(rows: list[bytes]) -> bytes:
    """An 8-bit grey PNG (RFC 2083) of rows of equal length."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _canary_rows(width: int = 48, height: int = 32) -> list[bytes]:
    """A dark upright stroke on white, like the letter l."""
    empty, stroke = b"\xff" * width, b"\xff" * 22 + b"\x10" * 4 + b"\xff" * (width - 26)
    return [stroke if 4 <= y < height - 4 else empty for y in range(height)]


CANARY = _grey_png(_canary_rows())
