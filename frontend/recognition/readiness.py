"""Whether the service can do its job: a tiny image must come through, the servers beside it must answer."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from frontend.errors import NotReadyError, OCRError
from frontend.recognition.serving import Serving
from frontend.revalidation import Revalidated

_FRESH_SECONDS = 1.5
_CANARY_TIMEOUT_SECONDS = 5.0
Parts = dict[str, dict[str, str]]


class Readiness:
    """Checked at most every 1.5 seconds, by one thread at a time."""

    def __init__(self, serving: Serving, pings: dict[str, Callable[[], None]]) -> None:
        self._serving = serving
        self._pings = pings
        self._parts = Revalidated(self._check_parts, must_wait=True)

    def check(self) -> Parts:
        """The state of each part. Raises NotReadyError when images cannot be read.

        Without the servers in `pings` images are read all the same: they are reported, no more.
        """
        parts = self.parts()
        if parts["torchserve"]["state"] != "ok":
            raise NotReadyError(f"Images cannot be read: {parts['torchserve']['detail']}", parts=parts)
        return parts

    def parts(self) -> Parts:
        """The state of each part."""
        return self._parts.get(_FRESH_SECONDS) or {}

    def _check_parts(self) -> Parts:
        parts = {"torchserve": self._state(self._canary)}
        return parts | {name: self._state(ping) for name, ping in self._pings.items()}

    def _canary(self) -> None:
        model, options = self._serving.default_model, {"mode": "line"}
        self._serving.predict(model, CANARY, "canary", options, _CANARY_TIMEOUT_SECONDS, is_short=True)

    @staticmethod
    def _state(check: Callable[[], None]) -> dict[str, str]:
        try:
            check()
        except OCRError as error:
            return {"state": "down", "detail": error.detail}
        return {"state": "ok"}


def _draw_canary() -> bytes:
    """A PNG of a dark upright stroke on white, like the letter l."""
    image = Image.new("L", (48, 32), 0xFF)
    image.paste(0x10, (22, 4, 26, 28))
    png = io.BytesIO()
    image.save(png, "PNG")
    return png.getvalue()


CANARY = _draw_canary()
