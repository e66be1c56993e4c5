"""Real servers for tests: mongod and valkey from their wheels, on free ports, each in a folder of its own."""

from __future__ import annotations

import socket
import subprocess
import sysconfig
import time
from pathlib import Path

from frontend.stack import executables, ports

SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
START_SECONDS = 30.0


def free_port() -> int:
    return ports.free_ports(1)[0]


def mongod(folder: Path, *more: str) -> Server:
    port = free_port()
    options = f"--bind_ip {ports.LOOPBACK} --port {port} --wiredTigerCacheSizeGB 0.25 --nounixsocket --quiet"
    command = [str(executables.mongod(SITE_PACKAGES)), "--dbpath", str(folder), *options.split(), *more]
    return Server(port, command, folder)


def valkey(folder: Path, *more: str) -> Server:
    port = free_port()
    options = ["--bind", ports.LOOPBACK, "--port", str(port), "--save", "", "--appendonly", "no"]
    return Server(
        port, [str(executables.valkey(SITE_PACKAGES)), *options, "--dir", str(folder), *more], folder
    )


class Server:
    """A process that listens on a port; it can be stopped and started again."""

    def __init__(self, port: int, command: list[str], folder: Path) -> None:
        self.port = port
        self._command = command
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self._folder.with_suffix(".log")
        with log.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output)
        deadline = time.monotonic() + START_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._command[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
