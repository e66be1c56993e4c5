"""A small client of /stream: sends frames at the rate the service asks for. docs/stream.md explains it.

python -m tests.stream_client ws://127.0.0.1:8000/stream frames/*.jpg
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

ANSWER_SECONDS = 30


class StreamClient:
    """One connection, see open_stream. Frames are numbered from 1 on, in the order in which they are sent."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.hello = self.receive()

    def send(self, jpeg: bytes) -> None:
        self.connection.send(jpeg)

    def receive(self) -> dict[str, Any]:
        """The next answer, whichever frame it is for: those dropped get none."""
        answer: dict[str, Any] = json.loads(self.connection.recv(ANSWER_SECONDS))
        self.frames_per_second: float = answer["frames_per_second"]
        return answer

    def ask(self, jpeg: bytes) -> dict[str, Any]:
        """Send a frame and wait for its answer: none is dropped then."""
        self.send(jpeg)
        return self.receive()

    def play(self, frames: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """Send frames no faster than the service asks, each after the answer to the one before."""
        for jpeg in frames:
            started = time.monotonic()
            yield self.ask(jpeg)
            time.sleep(max(0.0, started + 1 / self.frames_per_second - time.monotonic()))


@contextmanager
def open_stream(url: str, **options: Any) -> Iterator[StreamClient]:
    """Connect, and close at the end. The frames are compressed already, so messages are not."""
    with connect(url, proxy=None, compression=None, **options) as connection:
        yield StreamClient(connection)


def main() -> None:
    url, *paths = sys.argv[1:]
    with open_stream(url) as client:
        for answer in client.play(Path(path).read_bytes() for path in paths):
            for line in answer.get("ended", []):
                sys.stdout.write(f"{line['first_frame']}-{line['last_frame']}\t{line['text']}\n")


if __name__ == "__main__":
    main()
