"""Questions that the images answer about themselves: python probes.py frontend | torchserve | worker

    frontend      does gunicorn answer
    torchserve    has every model a worker that is ready; TorchServe's own /ping says yes before that
    worker        does Celery's worker answer through the broker
    worker-alive  the same, but a broker that is away is no fault of the worker's

The exit status is 0 for yes and 1 for no, with the reason on standard error.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

SECONDS = 4.0


class NoError(Exception):
    """The answer is no; the message says why."""


def frontend() -> None:
    """Any answer of the application will do: under this name of the host it may well be a refusal."""
    status, _ = get("127.0.0.1", int(os.environ.get("OCR_PORT") or 8000), "/healthz")
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        raise NoError(f"/healthz answers {status}")


def torchserve() -> None:
    """Each model that is loaded has at least one worker that is READY."""
    port = urlsplit(os.environ["TS_MANAGEMENT_ADDRESS"]).port or 80
    names = [model["modelName"] for model in ask(port, "/models?limit=1000")["models"]]
    if not names:
        raise NoError("no model is loaded")
    for name in names:
        workers = ask(port, f"/models/{name}")[0]["workers"]
        if not any(worker["status"] == "READY" for worker in workers):
            raise NoError(f"no worker of {name} is ready")


def worker() -> None:
    """The worker of this container answers a ping that comes by the broker."""
    _ping(when_broker_is_away=NoError("the broker does not answer"))


def worker_alive() -> None:
    """As worker(), but only where there is a broker to ask through."""
    _ping(when_broker_is_away=None)


def _ping(when_broker_is_away: NoError | None) -> None:
    from celery import Celery
    from kombu.exceptions import OperationalError

    options = {"socket_connect_timeout": 1.0, "socket_timeout": SECONDS}
    app = Celery(broker=os.environ["OCR_REDIS_URL"], set_as_current=False)
    app.conf.update(broker_transport_options=options, broker_connection_timeout=1.0)
    name = f"celery@{socket.gethostname()}"
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, timeout=1)
            answers = app.control.inspect([name], timeout=SECONDS, connection=connection).ping()
    except (OperationalError, OSError):
        if when_broker_is_away:
            raise when_broker_is_away from None
        return
    if not answers:
        raise NoError(f"{name} does not answer")


def ask(port: int, path: str) -> Any:
    """JSON from this machine. Raises NoError unless it comes with 200."""
    status, body = get("127.0.0.1", port, path)
    if status != http.HTTPStatus.OK:
        raise NoError(f"{path} answers {status}")
    return json.loads(body)


def get(host: str, port: int, path: str) -> tuple[int, bytes]:
    """Status and body. Raises NoError when nothing answers."""
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoError(f"port {port} does not answer: {error}") from error
    finally:
        connection.close()


PROBES: Mapping[str, Callable[[], None]] = {
    "frontend": frontend,
    "torchserve": torchserve,
    "worker": worker,
    "worker-alive": worker_alive,
}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in PROBES:
        sys.stderr.write(f"usage: python probes.py {' | '.join(PROBES)}\n")
        return 2
    try:
        PROBES[arguments[0]]()
    except NoError as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
