"""podman, or docker for the part of Compose, as a test uses it: run, look into, kill, start again."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PROGRAM = os.environ.get("CONTAINERS", "podman")
COMMAND_SECONDS = 120
VERSION = "0.1.0"
FRONTEND = f"localhost/crnn-ocr-frontend:{VERSION}"
TORCHSERVE = f"localhost/crnn-ocr-torchserve:{VERSION}"


def run(*arguments: str | Path, check: bool = True, seconds: float = COMMAND_SECONDS) -> str:
    """The output of a command of the engine. Raises AssertionError with its errors."""
    return call([PROGRAM, *arguments], check=check, seconds=seconds)


def call(
    command: Sequence[str | Path], *, check: bool = True, seconds: float = COMMAND_SECONDS, **options: Any
) -> str:
    """The output of a program. Raises AssertionError with its errors."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )
    assert not check or done.returncode == 0, (
        f"{shlex.join(map(str, command))}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done.stdout


def compose_program() -> list[str]:
    """Compose for this engine: podman-compose is installed with the tests."""
    if PROGRAM == "docker":
        return ["docker", "compose"]
    return [str(Path(sys.executable).parent / "podman-compose")]


def image_bytes(name: str) -> int:
    (image,) = json.loads(run("image", "inspect", name))
    return int(image["Size"])


def log_of(container: str) -> str:
    """Both streams."""
    done = subprocess.run(
        [PROGRAM, "logs", container],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


class Container:
    """One that runs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    @property
    def facts(self) -> dict[str, Any]:
        (facts,) = json.loads(run("container", "inspect", self.name))
        return facts

    @property
    def pid(self) -> int:
        """Of its first process, as the machine sees it; 0 while there is none."""
        return int(self.facts["State"]["Pid"])

    def run(self, *command: str, check: bool = True) -> str:
        """The output of a command in the container."""
        return run("exec", self.name, *command, check=check)

    def succeeds(self, *command: str) -> bool:
        done = subprocess.run(
            [PROGRAM, "exec", self.name, *command], capture_output=True, timeout=60, check=False
        )
        return done.returncode == 0

    def is_healthy(self) -> bool:
        """Its own health check, asked now: podman asks by itself only where there is systemd."""
        kind, *command = self.facts["Config"]["Healthcheck"]["Test"]
        return self.succeeds(*(["sh", "-c", *command] if kind == "CMD-SHELL" else command))

    def kill(self) -> None:
        """As a crash does: the engine does not know that it was us."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def stop(self, seconds: int) -> float:
        """SIGTERM, or the signal that it asks for, and SIGKILL later; how many seconds it took to end."""
        started = time.monotonic()
        run("stop", "--time", str(seconds), self.name)
        return time.monotonic() - started

    def start(self) -> None:
        run("start", self.name)
