"""The whole service on one machine: `make run`, or python -m frontend.stack

Starts mongod, valkey, TorchServe, the worker of tasks, the instances of the front end and nginx before them
under supervisord, waits until the service is ready, prints its address, and on Ctrl-C or SIGTERM ends every
process it started. Ports other than OCR_PORT are picked from those that are free; what lies in OCR_DATA_DIR
outlives a run. OCR_MONGO_URL, OCR_REDIS_URL, and OCR_TORCHSERVE_URL with OCR_TORCHSERVE_MANAGEMENT_URL, where
given, are used instead of servers of our own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
import urllib3

from frontend.auth.access import ANY_HOST
from frontend.recognition.serving import write_record
from frontend.settings import Settings, SettingsError
from frontend.stack import nginx
from frontend.stack.errors import StackError
from frontend.stack.instances import answers
from frontend.stack.locking import locked
from frontend.stack.machine import (
    UNWRITABLE,
    cannot_write,
    refuse_full_disk,
    refuse_little_memory,
    refuse_taken_port,
)
from frontend.stack.plan import (
    NGINX,
    ROOT,
    SERVING,
    TORCHSERVE,
    Plan,
    make_plan,
    read_facts,
)
from frontend.stack.ports import LOOPBACK
from frontend.stack.supervision import Supervisor, end, leftovers

START_SECONDS = 120.0
POLL_SECONDS = 0.1
LOG_LINES, LOG_COLUMNS = 12, 400
INITIALISED = "initialised"
"""A file in a database's folder: it has served from there at least once."""
ADVICE = {
    "libcurl.so.4": "mongod needs libcurl: apt-get install libcurl4 (Debian, Ubuntu), or set OCR_MONGO_URL.",
    "ddress already in use": "Another program took the port in the meantime: start again.",
    "OutOfMemoryError": "There is too little memory for TorchServe: see vmargs in config.properties.",
}
"""Advice by a symptom in the log of a part that died."""


urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # is_ready asks our own machine


class Stopped(BaseException):
    """SIGINT or SIGTERM came: not an error, so nothing but main() catches it."""


def main() -> int:
    """Run until told to stop; the exit status says whether the service came up and went down in order."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stopped)
    try:
        settings = Settings.from_env(os.environ)
        data_dir = Path(settings.data_dir).resolve()
        with locked(data_dir / "lock", lambda: already_runs(data_dir)):
            run(settings, os.environ, data_dir)
    except (StackError, SettingsError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        print(f"\n{cannot_write(error)}", file=sys.stderr)
        return 1
    except Stopped:
        return 0
    return 0


def run(settings: Settings, given: Mapping[str, str], data_dir: Path) -> None:
    """Start everything, wait for the signal to stop, and leave nothing behind either way."""
    with runtime_folder(data_dir) as runtime_dir:
        refuse_taken_port(settings)
        nginx.refuse_bad_certificate(settings)
        refuse_full_disk(data_dir, Path(tempfile.gettempdir()))
        plan = make_plan(settings, given, data_dir, runtime_dir)
        refuse_little_memory(settings, plan.parts)
        environ = plan.environ(given)
        prepare(plan)
        started = time.monotonic()
        print(f"Data and logs are in {data_dir}")
        supervisor = Supervisor(ROOT / "supervisord.conf", environ, runtime_dir)
        try:
            bring_up(plan, supervisor)
            seconds = time.monotonic() - started
            print(f"Ready after {seconds:.1f} s: {plan.address}/   (Ctrl-C stops it)", flush=True)
            watch(supervisor)
        finally:
            hold_signals()
            stop(supervisor)


def bring_up(plan: Plan, supervisor: Supervisor) -> None:
    """Start the parts in their order: each answers before the next one asks it."""
    supervisor.wait_for_socket()
    databases = [part for part in plan.parts if part.startswith("databases:")]
    first = [*databases, *(part for part in plan.parts if part == TORCHSERVE)]
    start(supervisor, first)
    for part in databases:
        name = part.split(":")[-1]
        await_part(plan, supervisor, name, partial(accepts, plan.ports[name]))
        (plan.data_dir / name / INITIALISED).touch()
    start(supervisor, [part for part in plan.parts if part not in {*first, NGINX}])
    for path in plan.sockets:
        await_part(plan, supervisor, path.stem, partial(answers, path))
    start(supervisor, (part for part in plan.parts if part == NGINX))
    print("Waiting for TorchServe to load the model and read an image …", flush=True)
    await_part(plan, supervisor, TORCHSERVE, partial(is_ready, plan))


def start(supervisor: Supervisor, parts: Iterable[str]) -> None:
    for part in parts:
        print(f"Starting {part.split(':')[-1]} …", flush=True)
        supervisor.start(part)


def await_part(plan: Plan, supervisor: Supervisor, name: str, ready: Callable[[], bool]) -> None:
    """Return once `ready`; StackError when a part dies first or it takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        for dead in supervisor.ended():
            raise StackError(f"{dead} ended while starting. {last_words(plan.log(dead))}")
        if time.monotonic() > deadline:
            raise StackError(
                f"{name.split(':')[-1]} is not ready after {START_SECONDS:.0f} s. {why_not(plan, name)}"
            )
        time.sleep(POLL_SECONDS)


def why_not(plan: Plan, name: str) -> str:
    """A hint at why a part is not ready."""
    if name == TORCHSERVE and TORCHSERVE not in plan.parts:
        return f"See whether one runs at OCR_TORCHSERVE_URL={plan.settings.torchserve_url}."
    return last_words(plan.log(name))


def last_words(log: Path) -> str:
    """The end of a log, and advice where it is a known story."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    tail = "\n".join(line[:LOG_COLUMNS] for line in lines[-LOG_LINES:])
    advice = [text for symptom, text in ADVICE.items() if symptom in tail]
    return "\n".join([f"The end of {log}:", tail, *advice])


def accepts(port: int) -> bool:
    """Whether something listens on this port of loopback."""
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0


def is_ready(plan: Plan) -> bool:
    """Whether /readyz says so, asked under a host name that is served."""
    host = next((name for name in plan.settings.trusted_hosts if name != ANY_HOST), LOOPBACK)
    with requests.Session() as session:
        session.trust_env = False  # no proxy between us and our own machine
        session.verify = False  # its certificate has the name by which others call it
        try:
            answer = session.get(f"{plan.address}/readyz", headers={"Host": host}, timeout=10)
        except requests.RequestException:
            return False
    return answer.status_code == HTTPStatus.OK


def watch(supervisor: Supervisor) -> None:
    """Sleep until a signal comes (as Stopped); supervisord, which restarts what dies, must not die itself."""
    while supervisor.alive:
        time.sleep(1)
        supervisor.reap()
    raise StackError("supervisord ended: stopping what it left behind.")


def stop(supervisor: Supervisor) -> None:
    print("\nStopping …", flush=True)
    started = time.monotonic()
    supervisor.stop()
    print(f"Stopped after {time.monotonic() - started:.1f} s.", flush=True)


def prepare(plan: Plan) -> None:
    """Make the folders, and write down where the parts are to be found."""
    if not (plan.data_dir / "mongod" / INITIALISED).exists():
        # mongod, stopped in its very first second, refuses what it left; it never served, so nothing is lost.
        shutil.rmtree(plan.data_dir / "mongod", ignore_errors=True)
    for name in ("mongod", "valkey", "logs"):
        (plan.data_dir / name).mkdir(exist_ok=True)
    facts: dict[str, Any] = {
        "pid": os.getpid(),
        "address": plan.address,
        "runtime_dir": str(plan.runtime_dir),
        "ports": dict(plan.ports),
        "instances": len(plan.sockets),
        "parts": plan.parts,
        "model_store": str(plan.store),
    }
    if plan.settings.nginx:
        nginx.configure(plan)
    if plan.serving:
        write_record(plan.data_dir / SERVING, plan.serving)
    (plan.data_dir / "stack.json").write_text(json.dumps(facts, indent=2))


def already_runs(data_dir: Path) -> str:
    """What is said to a second service: two on one set of data would spoil it."""
    facts = read_facts(data_dir)
    return (
        f"A service already runs on {data_dir}: {facts.get('address')}, process {facts.get('pid')}. "
        "Stop that one, or give this one an OCR_DATA_DIR and an OCR_PORT of its own."
    )


@contextmanager
def runtime_folder(data_dir: Path) -> Iterator[Path]:
    """A private folder for sockets; its path must be short. What a killed run left behind goes first."""
    end(leftovers(data_dir))
    with suppress(KeyError):
        shutil.rmtree(read_facts(data_dir)["runtime_dir"], ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="ocr-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        (data_dir / "stack.json").unlink(missing_ok=True)


def _raise_stopped(_number: int, _frame: object) -> None:
    raise Stopped


def hold_signals() -> None:
    """A second Ctrl-C must not interrupt the stopping, which ends within 10 seconds by itself."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
