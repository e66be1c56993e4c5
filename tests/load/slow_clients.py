"""How long a line takes while two thousand clients send or take a byte a second, or nothing.

make load-slow                        # behind nginx
make load-slow ARGS="--without-nginx"
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import requests

from tests.e2e import lines
from tests.e2e.service import Service

UPLOAD = (
    b"POST /recognize HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
HALF = UPLOAD[:60]
DOWNLOAD = b"GET /static/examples/menu.png HTTP/1.1\r\nHost: localhost\r\n\r\n"
KINDS = (UPLOAD, DOWNLOAD, HALF, b"", b"", b"")
"""What clients begin with: of 2,000, 333 send chunks, 333 read, 333 stop in the head, 1,000 are silent."""


def small_socket(port: int) -> socket.socket:
    """A connection whose system does not take in for it what it does not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    return client


@contextmanager
def slow_clients(port: int, count: int) -> Iterator[None]:
    """Clients of KINDS: they send a byte a second, take one a second, or stay silent."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    ended, connected = threading.Event(), threading.Event()

    async def dawdle() -> None:
        streams = [await asyncio.open_connection(sock=small_socket(port), limit=1) for _ in range(count)]
        for number, (_, writer) in enumerate(streams):
            writer.write(KINDS[number % len(KINDS)])
        connected.set()
        while not ended.is_set():
            for _, writer in streams[0 :: len(KINDS)]:
                writer.write(b"1\r\nx\r\n")
            for reader, _ in streams[1 :: len(KINDS)]:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.001)
            await asyncio.sleep(1)
        for _, writer in streams:
            writer.transport.abort()

    with ThreadPoolExecutor(1) as pool:
        dawdling = pool.submit(asyncio.run, dawdle())
        try:
            assert connected.wait(30)
            yield
        finally:
            ended.set()
        dawdling.result()


def ask(service: Service, seconds: float) -> list[float]:
    """The seconds that each line took, or was waited for in vain, one posted after the other."""
    taken = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        started = time.monotonic()
        with suppress(requests.RequestException):
            service.post(lines.png(f"quick {started}"))
        taken.append(time.monotonic() - started)
    return taken


def report(what: str, taken: list[float]) -> None:
    print(
        f"{what:<24}{len(taken)} lines, median {median(taken):.2f} s, longest {max(taken):.2f} s", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--without-nginx", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        nginx = "false" if arguments.without_nginx else "true"
        with Service(Path(folder) / "data", OCR_NGINX=nginx) as service:
            report("alone", ask(service, arguments.seconds))
            with slow_clients(service.port, arguments.clients):
                report(f"beside {arguments.clients} slow ones", ask(service, arguments.seconds))


if __name__ == "__main__":
    main()
