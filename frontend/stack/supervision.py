"""supervisord as a child process: start its parts, see how they are, and leave none of them behind."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from frontend.stack.errors import StackError

SOCKET = "supervisor.sock"
STOP_SECONDS = 9.5
_NGINX_WORKER = "nginx: worker process"
_WITHOUT_ENVIRONMENT = {"nginx", "valkey-server"}
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Control:
    """Calls to a running supervisord."""

    def __init__(self, runtime_dir: Path) -> None:
        self.socket = runtime_dir / SOCKET
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        self._rpc: Any = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def start(self, part: str) -> None:
        """Ask for `part` to be started, without waiting for it."""
        self._call("startProcess", part, False)

    def stop_part(self, part: str) -> None:
        """Return once `part` has ended, if it ran."""
        if self.pid(part):
            self._call("stopProcess", part)

    def signal(self, part: str, name: str) -> None:
        """Send a signal such as TERM to `part`, which is started again should it end."""
        self._call("signalProcess", part, name)

    def pid(self, part: str) -> int:
        """The process of `part`; 0 while there is none."""
        return int(self._call("getProcessInfo", part)["pid"])

    def ended(self) -> list[str]:
        """Names of the parts that died instead of starting."""
        return [info["name"] for info in self._call("getAllProcessInfo") if _failed(info)]

    def _call(self, method: str, *arguments: object) -> Any:
        try:
            return getattr(self._rpc, method)(*arguments)
        except (xmlrpc.client.Error, OSError) as error:
            raise StackError(f"supervisord cannot do {method}{arguments}: {error}") from error


class Supervisor(Control):
    """supervisord, in a session of its own so that Ctrl-C in the terminal reaches only us."""

    def __init__(self, config: Path, environ: Mapping[str, str], runtime_dir: Path) -> None:
        super().__init__(runtime_dir)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what a dying part leaves behind becomes our child
        self._process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(config)],
            cwd=config.parent,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=stop_with_parent,
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_for_socket(self, seconds: float = 60.0) -> None:
        """Return once supervisord takes calls, which a busy machine may delay; StackError if it does not."""
        deadline = time.monotonic() + seconds
        while not takes_calls(self.socket):
            if not self.alive or time.monotonic() > deadline:
                raise StackError("supervisord did not start.")
            time.sleep(0.02)

    def stop(self) -> None:
        """End supervisord, which ends its parts in order; after STOP_SECONDS, end what is left by force."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        kill(psutil.Process().children(recursive=True))

    def reap(self) -> None:
        """Collect the exit status of orphans that became our children, and end those of nginx."""
        dismiss_nginx()
        reap(but=self._process.pid)


def takes_calls(path: Path) -> bool:
    """Whether something listens on this socket; supervisord's is there a moment before it does."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def reap(but: int) -> None:
    """Collect the exit status of those of our children that have ended, but for the one with this pid."""
    for child in psutil.Process().children():
        if child.pid != but and child.status() == psutil.STATUS_ZOMBIE:
            with contextlib.suppress(psutil.TimeoutExpired):  # some of its threads have not ended: next time
                child.wait(0)


def dismiss_nginx() -> None:
    """Tell processes of an nginx whose first one was killed to finish: they hold the port that it needs."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if " ".join(child.cmdline()).startswith(_NGINX_WORKER):
                child.send_signal(signal.SIGQUIT)


def _failed(info: Mapping[str, Any]) -> bool:
    return info["statename"] in {"BACKOFF", "FATAL", "EXITED"}


def leftovers(data_dir: Path) -> list[psutil.Process]:
    """Processes that outlived an earlier run on this data, killed together with its supervisord."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if _belongs_to(process, data_dir):
                found.append(process)
    return found


def _belongs_to(process: psutil.Process, data_dir: Path) -> bool:
    """Told by its environment, or, for those that write over it, by its folder (supervisord.conf)."""
    if process.name() in _WITHOUT_ENVIRONMENT:
        return Path(process.cwd()).is_relative_to(data_dir)
    return bool(process.environ().get("STACK_DATA_DIR") == str(data_dir))


def end(processes: Iterable[psutil.Process], seconds: float = 5.0) -> None:
    """Ask processes to end, then make them."""
    asked = list(processes)
    for process in asked:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    kill(psutil.wait_procs(asked, timeout=seconds)[1])


def kill(processes: Iterable[psutil.Process]) -> None:
    """End processes at once and wait until they are gone."""
    doomed = list(processes)
    for process in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(doomed, timeout=2)


def stop_with_parent() -> None:
    """Runs in the child: the kernel tells it to stop should we be killed without a word."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
