"""bundled.toml: what lies inside packages, images and the repository without being a package of its own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).with_name("bundled.toml")


class Part(NamedTuple):
    """A program, a library, weights. `inside`: the package or the folder that has it."""

    name: str
    inside: str
    licence: str
    note: str = ""
    version: str = ""


def parts() -> list[Part]:
    """All of them."""
    return [Part(**entry) for entry in tomllib.loads(LIST.read_text("utf-8"))["part"]]


def versions() -> dict[str, str]:
    """Those whose version is known, by name in lower case."""
    return {part.name.lower(): part.version for part in parts() if part.version}


def corrections() -> dict[str, str]:
    """Licences of packages whose metadata leaves them open, by canonical name."""
    found: dict[str, str] = tomllib.loads(LIST.read_text("utf-8"))["licences"]
    return found
