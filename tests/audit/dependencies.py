"""The packages that requirements pin, and dependencies.toml, which lists each with its date and licence.

python -m tests.audit.dependencies LOCK  # bring the list up to date; see `write`
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SERVICE, DEVELOPMENT = "requirements.txt", "requirements-dev.txt"
LIST = Path(__file__).with_name("dependencies.toml")
_PINNED = re.compile(r"^([\w.-]+)==([^;\s]+)", re.M)
_HEADER = """\
# Every pinned dependency with the day its release appeared and its licence, as its own metadata names it; see
# CONTRIBUTING.md. tests/audit/bundled.toml has what lies inside, and corrects what metadata leaves open.
"""


class Dependency(NamedTuple):
    """A release of a package."""

    version: str
    released: date
    licence: str


def pinned(*files: str) -> dict[str, str]:
    """Canonical names to exact versions, by default of all files of requirements."""
    texts = [(ROOT / file).read_text("utf-8") for file in files or (SERVICE, DEVELOPMENT)]
    return {canonicalize_name(name): version for text in texts for name, version in _PINNED.findall(text)}


def listed() -> dict[str, Dependency]:
    """What dependencies.toml says, by canonical names."""
    return {name: Dependency(**facts) for name, facts in tomllib.loads(LIST.read_text("utf-8")).items()}


def unlisted() -> Iterator[str]:
    """What the list lacks or has too much of, as sentences."""
    wanted, found = pinned(), {name: facts.version for name, facts in listed().items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"{name}: pinned {wanted.get(name, 'no longer')}, listed {found.get(name, 'not')}."


def write(lock: Path) -> None:
    """The list anew: dates from a pylock.toml (PEP 751), licences from the packages that are installed.

    Raises:
        KeyError: the lock lacks a pinned package, or its date.
    """
    packages = tomllib.loads(lock.read_text("utf-8"))["packages"]
    dates = {str(canonicalize_name(package["name"])): _released(package) for package in packages}
    lines = [_line(name, dates[name], version) for name, version in sorted(pinned().items())]
    LIST.write_text("\n".join([_HEADER, *lines, ""]), "utf-8")


def _line(name: str, released: date, version: str) -> str:
    facts = f'version = "{version}", released = {released}, licence = "{licence(metadata(name))}"'
    return f"{name} = {{ {facts} }}"


def _released(package: Mapping[str, Any]) -> date:
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    day: date = min(file["upload-time"] for file in files).date()
    return day


_NAMES = {
    "Apache Software License": "Apache-2.0",
    "Apache License Version 2.0": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "Python Software Foundation License": "PSF-2.0",
}
"""Words of classifiers and old metadata as SPDX identifiers."""
_WORDS = 40
"""Characters of a `License` that is a name and not the text itself."""


def licence(about: PackageMetadata) -> str:
    """An SPDX expression where the metadata allows one, else their words."""
    expression = about["License-Expression"]
    classifiers = [text for text in about.get_all("Classifier") or () if text.startswith("License ::")]
    words = [text.rpartition(" :: ")[2] for text in classifiers if not text.endswith("OSI Approved")]
    text = (about["License"] or "").strip()
    named = text if "\n" not in text and len(text) <= _WORDS else ""
    known = [_NAMES.get(word, word) for word in words]
    return expression or (_NAMES.get(named, named) if not words else " AND ".join(known)) or "unknown"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
