"""Live video: frames a second of one connection, then of several at once, with /recognize asked meanwhile.

python -m tests.load.streams                          # one connection, then 20 for 20 s
python -m tests.load.streams --connections 40 --moving --model crnn_v3_lite
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from tests import clip
from tests.e2e import lines, pages
from tests.e2e.service import Service
from tests.stream_client import open_stream

SUBTITLES = [
    "The train leaves at half past nine",
    "We should hurry, it is late.",
    "Chapter 7: Home at last",
    "No, wait! The keys are here.",
]
EACH = 10
"""Frames of each subtitle."""


def frames(number: int, *, moving: bool) -> list[bytes]:
    return [frame.jpeg for frame in clip.frames(SUBTITLES, EACH, seed=number, moving=moving)]


def play(url: str, jpegs: Sequence[bytes], seconds: float, number: int) -> int:
    """Frames answered in this time, each sent after the answer to the one before; clips start apart."""
    with open_stream(url) as client:
        deadline, answered = time.monotonic() + seconds, 0
        while time.monotonic() < deadline:
            answered += client.ask(jpegs[(answered + 7 * number) % len(jpegs)])["type"] == "frame"
        return answered


def ask_meanwhile(service: Service, stop: threading.Event) -> list[tuple[int, float]]:
    """A new page each time, one after the other: status and seconds of each."""
    asked: list[tuple[int, float]] = []
    while not stop.is_set():
        image = lines.encode(pages.draw(time.monotonic_ns() % 5000))
        started = time.perf_counter()
        asked.append((service.post(image).status_code, time.perf_counter() - started))
    return asked


def report(service: Service, url: str, connections: int, seconds: float, clips: list[list[bytes]]) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(connections + 1) as pool:
        asked = pool.submit(ask_meanwhile, service, stop)
        playing = [pool.submit(play, url, clips[n % len(clips)], seconds, n) for n in range(connections)]
        rates = sorted(future.result() / seconds for future in playing)
        stop.set()
        posts = asked.result()
    times = sorted(took for _, took in posts)
    print(
        f"{connections} connections: {sum(rates):.1f} frames/s, {rates[0]:.2f} to {rates[-1]:.2f} each; "
        f"/recognize: {len(posts)} pages, {sum(status != 200 for status, _ in posts)} failed, "
        f"median {median(times):.2f} s, longest {times[-1]:.2f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--moving", action="store_true", help="the picture behind the text moves, too")
    parser.add_argument("--model", default="auto")
    arguments = parser.parse_args()
    clips = [frames(number, moving=arguments.moving) for number in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder) / "data").wait_until_ready()
        try:
            url = f"{service.address.replace('http', 'ws')}/stream?model={arguments.model}"
            answered = play(url, clips[0], arguments.seconds, 0)
            print(f"1 connection alone: {answered / arguments.seconds:.1f} frames/s", flush=True)
            report(service, url, arguments.connections, arguments.seconds, clips)
        finally:
            print(f"stopped after {service.stop():.1f} s")


if __name__ == "__main__":
    main()
