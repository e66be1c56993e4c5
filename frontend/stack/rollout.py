"""Another default model for the running service, without an answer lost: `make rollout`, `make rollback`.

A second TorchServe is started beside the one that serves, with all that this one has loaded and the new
model, and must read some lines with it before anybody is sent there. Then one file says that it serves; front
end and worker follow it (frontend/recognition/serving.py), and the first TorchServe is stopped once it is
idle. The model before stays loaded, so that going back is no more than a change in that file.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import signal
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from frontend.errors import OCRError
from frontend.recognition.serving import ServingRecord, read_record, write_record
from frontend.settings import Settings, SettingsError
from frontend.stack import trial
from frontend.stack.archives import find_archive, lines_queue
from frontend.stack.errors import StackError
from frontend.stack.launcher import last_words
from frontend.stack.locking import locked
from frontend.stack.plan import (
    SERVING,
    TORCHSERVE,
    TORCHSERVE_2,
    TORCHSERVE_PORTS,
    read_facts,
    serving_record,
    torchserve_variables,
)
from frontend.stack.ports import free_ports
from frontend.stack.supervision import Control
from frontend.stack.weights import check_weights

START_SECONDS = 120.0
DRAIN_SECONDS, IDLE_SECONDS = 60.0, 5.0
"""How long the TorchServe before may go on, and how long it must have had nothing to do."""
POLL_SECONDS = 0.25


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, or 1 with a sentence on standard error that says what to do."""
    parser = argparse.ArgumentParser(prog="python -m frontend.stack.rollout", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("rollout", help="make it the default").add_argument("model", nargs="?", default="")
    commands.add_parser("rollback", help="go back to the default before")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who ends it leaves nothing behind, either
    try:
        data_dir = Path(Settings.from_env(os.environ).data_dir).resolve()
        with _alone(data_dir):
            if options.command == "rollout":
                roll_out(data_dir, options.model)
            else:
                roll_back(data_dir)
    except (StackError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 1
    return 0


def roll_out(data_dir: Path, model: str) -> None:
    """Let a model be the default of the service that runs on this data. StackError: all is as before."""
    facts, before = _running(data_dir)
    archive = _find(model, before, Path(facts["model_store"]))
    check_weights(archive)
    control = Control(Path(facts["runtime_dir"]))
    after, variables = _successor(before, model, archive)
    control.stop_part(after.part)  # left by a rollout that was killed
    _configure(Path(facts["runtime_dir"]), after.part, variables)
    try:
        print(f"Starting a second TorchServe with {model} …", flush=True)
        control.start(after.part)
        _await_ready(control, before, after, data_dir)
        print("Reading a few lines with it …", flush=True)
        trial.read(after)
        write_record(data_dir / SERVING, after)
    except BaseException:
        control.stop_part(after.part)
        raise
    print(f"{model} serves. Waiting until the first TorchServe is idle …", flush=True)
    try:
        _await_idle(before)
    finally:
        control.stop_part(before.part)
    print(f"Done. `make rollback` goes back to {before.model}.")


def roll_back(data_dir: Path) -> None:
    """Let the default model before the last rollout be it again. StackError: all is as before."""
    record = read_record(data_dir / SERVING)
    if not record or not record.previous:
        raise StackError("There is nothing to go back to: no model was rolled out since.")
    if read_facts(data_dir):
        with trial.client(record) as torchserve:
            try:
                is_ready = torchserve.model(record.previous).ready
            except OCRError as error:
                raise StackError(f"{record.previous} cannot be used: {error.detail}") from error
        if not is_ready:
            raise StackError(f"{record.previous} is not ready. Try again in a few seconds.")
    write_record(data_dir / SERVING, replace(record, model=record.previous, previous=""))
    print(f"{record.previous} serves again.")


def _running(data_dir: Path) -> tuple[dict[str, Any], ServingRecord]:
    """The facts of the service that runs on this data, and what serves."""
    facts = read_facts(data_dir)
    if not facts:
        raise StackError(
            f"No service runs on {data_dir}: start it with `make run`, or name its OCR_DATA_DIR."
        )
    record = read_record(data_dir / SERVING)
    if TORCHSERVE not in facts["parts"] or not record:
        raise StackError(
            "The service uses a TorchServe of your own (OCR_TORCHSERVE_URL): load the model there."
        )
    return facts, record


def _find(model: str, before: ServingRecord, store: Path) -> Path:
    """The archive of a model that can be rolled out."""
    if not model:
        raise StackError("Say which model: make rollout MODEL=NAME")
    if model == before.model:
        raise StackError(
            f"{model} is the default already. Newer weights need a name of their own, so that there is "
            "something to go back to."
        )
    return find_archive(store, model, "see which names are in OCR_MODEL_STORE")


def _successor(before: ServingRecord, model: str, archive: Path) -> tuple[ServingRecord, dict[str, str]]:
    """What will serve, and with which variables it starts."""
    loads = [*trial.loaded(before), f"{archive.stem}={archive.name}", lines_queue(archive)]
    part = TORCHSERVE_2 if before.part == TORCHSERVE else TORCHSERVE
    ports = dict(zip(TORCHSERVE_PORTS, free_ports(len(TORCHSERVE_PORTS)), strict=True))
    after = serving_record(ports, part, model, before.configured, previous=before.model)
    return after, torchserve_variables(ports, dict.fromkeys(loads))


def _configure(runtime_dir: Path, part: str, variables: dict[str, str]) -> None:
    """Write down with what a TorchServe is to start, also after it has died (supervisord.conf)."""
    number = part.rsplit("-", 1)[1]
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    (runtime_dir / f"ts-{number}.env").write_text(text)


def _await_ready(control: Control, before: ServingRecord, after: ServingRecord, data_dir: Path) -> None:
    """Return once the new TorchServe has all models of the one before, and the new one."""
    wanted = {*trial.models(before), after.model}
    log = data_dir / "logs" / f"{after.part.split(':')[-1]}.log"
    deadline = time.monotonic() + START_SECONDS
    while missing := wanted - trial.models(after):
        has_ended = after.part.split(":")[-1] in control.ended()
        if has_ended or trial.has_failed(after) or time.monotonic() > deadline:
            raise StackError(
                f"TorchServe cannot load {', '.join(sorted(missing))}; nothing has changed. {last_words(log)}"
            )
        time.sleep(POLL_SECONDS)


def _await_idle(before: ServingRecord) -> None:
    """Return once a TorchServe is asked nothing more. What it reads too long, its successor reads again."""
    started = changed = time.monotonic()
    count = trial.requests_served(before)
    while time.monotonic() - changed < IDLE_SECONDS and time.monotonic() - started < DRAIN_SECONDS:
        time.sleep(POLL_SECONDS)
        count, last = trial.requests_served(before), count
        changed = changed if count == last else time.monotonic()


def _alone(data_dir: Path) -> AbstractContextManager[None]:
    """One rollout at a time."""
    refusal = "Another rollout is under way: wait until it has ended."
    return locked(data_dir / "rollout.lock", lambda: refusal)


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # that a TorchServe does not answer while it starts is no news
    sys.exit(main())
