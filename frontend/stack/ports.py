"""Ports of this machine's loopback for the parts of a run."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

from frontend.stack.errors import StackError

PORTS = range(20_000, 32_000)  # below the ephemeral ports, any of which may be taken at any time
LOOPBACK = "127.0.0.1"


def url(port: int) -> str:
    """Of a server of ours."""
    return f"http://{LOOPBACK}:{port}"


def free_ports(count: int, but: int = 0) -> list[int]:
    """Ports of loopback that nobody listens on, all different and none of them `but`."""
    found: list[int] = []
    with ExitStack() as held:  # each is held until all are found
        for port in (port for port in random.sample(PORTS, len(PORTS)) if port != but):
            candidate = held.enter_context(socket.socket())
            if bindable(candidate, LOOPBACK, port):
                found.append(port)
            if len(found) == count:
                return found
    raise StackError(f"No {count} free ports between {PORTS.start} and {PORTS.stop}.")


def bindable(listener: socket.socket, host: str, port: int) -> bool:
    """Bind `listener`; whether that worked."""
    # Connections of a finished run, still in TIME_WAIT, do not count.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        return False
    return True
