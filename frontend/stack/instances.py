"""The instances of the front end: whether each answers, and a rolling restart of them: `make restart`."""

from __future__ import annotations

import os
import socket
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from frontend.settings import Settings, SettingsError
from frontend.stack.errors import StackError
from frontend.stack.nginx import CERTIFICATE, folder_in
from frontend.stack.plan import NGINX, instance, read_facts, socket_of
from frontend.stack.supervision import Control

ANSWER_SECONDS = 10.0
RESTART_SECONDS = 90.0
"""To finish what is being read (30 s, gunicorn.conf.py), and to start."""
POLL_SECONDS = 0.1


def main() -> int:
    """The exit status: 0, or 1 with a sentence on standard error that says what to do."""
    try:
        settings = Settings.from_env(os.environ)
        restart(Path(settings.data_dir))
    except (StackError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def restart(data_dir: Path) -> None:
    """Restart the instances of the service that runs on this data, each once the one before is back."""
    facts = read_facts(data_dir)
    if not facts.get("instances"):
        raise StackError(
            f"No service with nginx runs on {data_dir}: start it with `make run`, or name its OCR_DATA_DIR."
        )
    runtime_dir = Path(facts["runtime_dir"])
    control = Control(runtime_dir)
    for number in range(1, facts["instances"] + 1):
        print(f"Restarting instance {number} of {facts['instances']} …", flush=True)
        _renew(control, instance(number), socket_of(runtime_dir, number))
    if (folder_in(runtime_dir) / CERTIFICATE).exists():
        control.signal(NGINX, "HUP")  # it may have been renewed
    print("All instances are restarted.")


def _renew(control: Control, part: str, path: Path) -> None:
    """Return once another process answers in place of `part`'s; StackError if none does."""
    before = control.pid(part)
    if before:
        control.signal(part, "TERM")
    deadline = time.monotonic() + RESTART_SECONDS
    while control.pid(part) in {0, before} or not answers(path):
        if time.monotonic() > deadline:
            raise StackError(
                f"{part} is not back after {RESTART_SECONDS:.0f} s, and no other was restarted: see its log."
            )
        time.sleep(POLL_SECONDS)


def answers(path: Path) -> bool:
    """Whether an instance serves on this socket, whatever it makes of a host that may not be trusted."""
    connection = _Connection(path)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class _Connection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


if __name__ == "__main__":
    sys.exit(main())
