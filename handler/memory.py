"""Memory that a worker keeps after a page, and when it goes back to the system.

A page takes and frees large pieces of memory. By its own rules glibc maps many of them anew each time, and
the system clears them each time. Here they stay with the process between pages, and go back once they are too
many.
"""

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

MB = 1024 * 1024
KEPT_MB = 512
"""Megabytes beyond those of the loaded models that stay with the worker."""
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of mallopt(3)."""
NO_LIMIT = 2**31 - 1
STATM = Path("/proc/self/statm")


@dataclass(frozen=True)
class Memory:
    """How much the worker held when it was ready; elsewhere than on Linux with glibc nothing is done."""

    glibc: ctypes.CDLL | None
    at_rest: float

    def give_back(self) -> bool:
        """Return what is free to the system if more than KEPT_MB is held; whether that was so.

        To be called when no page is under way. Takes microseconds otherwise, else some 20 ms.
        """
        if self.glibc is None or resident() <= self.at_rest + KEPT_MB:
            return False
        self.glibc.malloc_trim(0)
        return True


def keep() -> Memory:
    """From now on memory that is freed stays with the process until `give_back`."""
    glibc = _glibc()
    if glibc is not None:
        glibc.mallopt(M_MMAP_MAX, 0)
        glibc.mallopt(M_TRIM_THRESHOLD, NO_LIMIT)
        glibc.malloc_trim(0)
    return Memory(glibc, resident() if glibc else 0.0)


def resident() -> float:
    """Megabytes of memory that this process holds (Linux)."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MB


def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    return library if STATM.exists() and hasattr(library, "gnu_get_libc_version") else None
