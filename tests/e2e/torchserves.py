"""TorchServes beside the stack, each started, and killed, as the stack's own by supervisord.conf."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from configparser import RawConfigParser
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import requests

from frontend.settings import Settings
from frontend.stack.plan import ROOT, make_plan
from frontend.stack.ports import url
from frontend.stack.supervision import stop_with_parent
from tests.e2e.service import count_inferences, get, wait_for

START_SECONDS = 180
"""On two cores that are busy."""


class TorchServe:
    """One with the archives of the store, and ports and a folder that stay its own when it starts again."""

    def __init__(self, folder: Path) -> None:
        """`folder` has a short path: sockets lie in it."""
        plan = make_plan(Settings(recognizers=1), {}, folder, folder)
        self._environ = plan.environ(os.environ) | dict.fromkeys(("TMPDIR", "TEMP"), str(folder / "ts"))
        self._log = folder / "torchserve.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url, self.management_url, self._metrics_url = map(
            url, (plan.ports[name] for name in ("inference", "management", "metrics"))
        )

    def start(self) -> None:
        """Without waiting for it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                shlex.split(_command()),
                cwd=ROOT,
                env=self._environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=stop_with_parent,
            )

    def wait_until_ready(self) -> None:
        wait_for(self._is_ready, START_SECONDS)

    def kill(self) -> None:
        """It and its workers, at once."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def processes(self) -> list[psutil.Process]:
        """It and its workers."""
        assert self._process
        java = psutil.Process(self._process.pid)
        return [java, *java.children(recursive=True)]

    def inferences(self) -> int:
        """Its own count, since its start, of the requests it was sent."""
        return count_inferences(f"{self._metrics_url}/metrics")

    def _is_ready(self) -> bool:
        with suppress(requests.ConnectionError):
            (model,) = get(f"{self.management_url}/models/auto").json()
            return any(worker["status"] == "READY" for worker in model["workers"])
        return False


@contextmanager
def torchserves(count: int) -> Iterator[list[TorchServe]]:
    """So many, ready."""
    with ExitStack() as stack:
        folders = [
            stack.enter_context(tempfile.TemporaryDirectory(prefix="ts-", dir="/tmp")) for _ in range(count)
        ]
        started = [TorchServe(Path(folder)) for folder in folders]
        for each in started:
            stack.callback(each.kill)
            each.start()
        for each in started:
            each.wait_until_ready()
        yield started


def addresses(of: Sequence[TorchServe]) -> dict[str, str]:
    """The settings of a stack that uses these."""
    return {
        "OCR_TORCHSERVE_URL": ",".join(each.url for each in of),
        "OCR_TORCHSERVE_MANAGEMENT_URL": ",".join(each.management_url for each in of),
    }


def _command() -> str:
    """The programs that supervisord runs."""
    config = RawConfigParser(inline_comment_prefixes=(" ;",))
    config.read(ROOT / "supervisord.conf")
    return config["program:torchserve"]["command"]
