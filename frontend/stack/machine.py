"""What this machine must have before anything is started: a port, room on its disks, memory."""

from __future__ import annotations

import errno
import shutil
import socket
from collections.abc import Collection
from pathlib import Path

import psutil

from frontend.files import disk
from frontend.settings import Settings
from frontend.stack.errors import StackError
from frontend.stack.plan import TORCHSERVE
from frontend.stack.ports import bindable

MB = 1024 * 1024
LEAST_DISK = 1024 * MB
"""Bytes: MongoDB's journal takes 300 MB from the beginning, and stops when less than 500 are left."""
_JAVA_MEMORY, _RECOGNIZERS_MEMORY = 200 * MB, 1000 * MB
"""Bytes of TorchServe itself, and of each worker for pages with one for lines (docs/operations.md)."""
_INSTANCE_MEMORY, _OTHER_MEMORY = 270 * MB, 400 * MB
UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, *disk.FULL}
"""Errors of who cannot write where he should."""
_CGROUP = Path("/sys/fs/cgroup")


def refuse_taken_port(settings: Settings) -> None:
    """StackError if OCR_PORT of OCR_HOST cannot be had: better now than after ten seconds."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.getaddrinfo(settings.host, settings.port, family)
    except (socket.gaierror, UnicodeError) as error:
        raise StackError(
            f"OCR_HOST={settings.host} is neither an address nor a name that can be resolved: "
            "set it to an address of this machine, such as 127.0.0.1."
        ) from error
    with socket.socket(family) as listener:
        if not bindable(listener, settings.host, settings.port):
            raise StackError(
                f"Port {settings.port} of {settings.host} is in use or not permitted: set OCR_PORT."
            )


def refuse_full_disk(*folders: Path) -> None:
    """StackError if there is too little room in one of these folders."""
    for folder in folders:
        free = shutil.disk_usage(folder).free
        if free < LEAST_DISK:
            raise StackError(
                f"The disk of {folder} has {free // MB} MB left, and {LEAST_DISK // MB} are needed: make "
                "room, or set OCR_DATA_DIR (data) or TMPDIR (what is being sent) to one on another disk."
            )


def refuse_little_memory(settings: Settings, parts: Collection[str]) -> None:
    """StackError if `parts` would not fit into what memory is left."""
    needed = _OTHER_MEMORY + settings.instances * _INSTANCE_MEMORY
    if TORCHSERVE in parts:
        needed += _JAVA_MEMORY + settings.workers_per_queue * _RECOGNIZERS_MEMORY
    left = min(_left_on_machine(), _left_in_cgroup())
    if left < needed:
        raise StackError(
            f"There are {left // MB:.0f} MB of memory left, and {needed // MB} are needed: end other "
            "programs, lower OCR_INSTANCES or OCR_RECOGNIZERS, or use a TorchServe elsewhere "
            "(OCR_TORCHSERVE_URL)."
        )


def _left_on_machine() -> float:
    return float(psutil.virtual_memory().available + psutil.swap_memory().free)


def _left_in_cgroup() -> float:
    """Of a container's limit; its cache of files gives way."""
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        facts = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # none, or "max"
        return float("inf")
    return limit - used + int(facts.get("inactive_file", 0))


def cannot_write(error: OSError) -> str:
    """What to do about a folder that cannot be written."""
    return (
        f"{error.filename or 'A folder'} cannot be written ({error.strerror}): "
        "set OCR_DATA_DIR to a folder that is yours, with room on its disk."
    )
