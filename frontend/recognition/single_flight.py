"""Work that several ask for at once is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from frontend.recognition.predictions import Prediction


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
