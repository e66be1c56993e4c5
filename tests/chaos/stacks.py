"""The stack under test: two real ones, so that a proxy stands between the front end and each of its servers.

One brings MongoDB, Valkey and TorchServe, which supervisord starts again when they die; the other nginx, the
front end and the worker of tasks, which reach them through proxies.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.chaos.proxy import Proxy
from tests.e2e.service import Service

DISK_MB = 1200
"""Of the databases' folder: what `make run` asks for, and some room."""
_FAKETIME = "libfaketime/vendor/libfaketime/src/libfaketime.so.1"
_SERVERS = ("mongod", "valkey", "inference")


@dataclass(frozen=True)
class Stacks:
    servers: Service
    front: Service
    proxies: dict[str, Proxy]
    clock: Path
    """By what the front end's clock is off: a file with seconds, such as +3600."""
    disk: Path | None
    """The databases' folder where it has a small disk of its own."""

    def part(self, name: str) -> psutil.Process:
        """The process of a part, whichever stack has it."""
        stack = self.front if name == "worker" or name.startswith("web:") else self.servers
        return stack.part(name)


@contextmanager
def started(folder: Path) -> Iterator[Stacks]:
    """Both stacks, ready; `folder` has a short path."""
    with ExitStack() as stack:
        data, clock = folder / "servers", folder / "clock"
        data.mkdir()
        clock.write_text("+0\n")
        disk = data if stack.enter_context(_small_disk(data)) else None
        servers = stack.enter_context(Service(data))
        for part in ("worker", "web:*"):
            _stop(servers, part)
        ports = servers.facts["ports"]
        proxies = {name: Proxy(ports[name]) for name in (*_SERVERS, "management")}
        for proxy in proxies.values():
            stack.callback(proxy.close)
        addresses = {
            "OCR_MONGO_URL": f"mongodb://127.0.0.1:{proxies['mongod'].port}/ocr",
            "OCR_REDIS_URL": f"redis://127.0.0.1:{proxies['valkey'].port}/0",
            "OCR_TORCHSERVE_URL": f"http://127.0.0.1:{proxies['inference'].port}",
            "OCR_TORCHSERVE_MANAGEMENT_URL": f"http://127.0.0.1:{proxies['management'].port}",
        }
        front = stack.enter_context(Service(folder / "front", **addresses, **_movable_clock(clock)))
        yield Stacks(servers, front, proxies, clock, disk)


def _stop(service: Service, part: str) -> None:
    if part.endswith(":*"):
        service.supervisor("stopProcessGroup", part.removesuffix(":*"))
    else:
        service.supervisor("stopProcess", part)


def _movable_clock(file: Path) -> dict[str, str]:
    """The environment in which a program's clock is off by what the file says; timers run on as they are."""
    return {
        "LD_PRELOAD": str(Path(sysconfig.get_path("purelib"), _FAKETIME)),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """A small file system at `folder`, where this user may mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
