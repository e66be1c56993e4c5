"""A small client of /stream: sends the newest frame at the rate the service asks for. docs/stream.md explains it.

    python -m tests.stream_client ws://127.0.0.1:8000/stream frames/*.jpg
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

ANSWER_SECONDS = 30


class StreamClient:
    """One connection. Frames are numbered from 1 on, in the order in which they are sent."""

    def __init__(self, url: str, **options: Any) -> None:
        self.connection: ClientConnection = connect(url, proxy=None, compression=None, **options)
        self.hello = self.receive()
        self.frames_per_second: float = self.hello["frames_per_second"]

    def __enter__(self) -> StreamClient:
        return self

    def __exit__(self, *_error: object) -> None:
        self.connection.close()

    def send(self, jpeg: bytes) -> None:
        self.connection.send(jpeg)

    def receive(self) -> dict[str, Any]:
        """The next answer, whichever frame it is for: those dropped get none."""
        answer: dict[str, Any] = json.loads(self.connection.recv(ANSWER_SECONDS))
        self.frames_per_second = answer["frames_per_second"]
        return answer

    def ask(self, jpeg: bytes) -> dict[str, Any]:
        """Send a frame and wait for its answer: none is dropped then."""
        self.send(jpeg)
        return self.receive()

    def play(self, frames: Iterable[bytes]) -> Iterable[dict[str, Any]]:
        """Send frames no faster than the service asks, each after the answer to the one before."""
        for jpeg in frames:
            started = time.monotonic()
            yield self.ask(jpeg)
            time.sleep(max(0.0, started + 1 / self.frames_per_second - time.monotonic()))


def main() -> None:
    url, *paths = sys.argv[1:]
    with StreamClient(url) as client:
        for answer in client.play(Path(path).read_bytes() for path in paths):
            for line in answer.get("ended", []):
                print(f"{line['first_frame']}-{line['last_frame']}\t{line['text']}")


if __name__ == "__main__":
    main()
