"""Room on the disk where batches lie while they are taken in: TMPDIR, which is /tmp in a container."""

from __future__ import annotations

import errno
import shutil
import tempfile

from frontend.errors import DiskFullError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MIN_FREE_BYTES = 16 * 1024 * 1024


def check_room() -> None:
    """Raises DiskFullError before nothing fits any more."""
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < _MIN_FREE_BYTES:
        raise DiskFullError(f"Less than {_MIN_FREE_BYTES // 1024**2} MiB are free in {folder}.")
