"""Known weaknesses: advisories.toml, and the database that pip-audit asks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.audit.dependencies import DEVELOPMENT, ROOT, SERVICE, pinned

LIST = Path(__file__).with_name("advisories.toml")
_PROBE = "pip==23.0"
"""A release with known weaknesses: a database that names none of them was not reached."""


class UnreachedError(Exception):
    """The database gave no answer; the message says what came instead."""


@dataclass(frozen=True)
class Finding:
    """A version with a weakness. `ids` are all the names it has."""

    package: str
    version: str
    ids: frozenset[str]
    about: str


@dataclass(frozen=True)
class Acceptance:
    """Why a weakness of just this version does no harm here."""

    package: str
    version: str
    ids: frozenset[str]
    reason: str
    checked: date

    def covers(self, finding: Finding) -> bool:
        """Whether this is about that."""
        same = (self.package, self.version) == (finding.package, finding.version)
        return same and bool(self.ids & finding.ids)


def gathered() -> date:
    """Until when advisories are in the list."""
    day: date = _read()["gathered"]
    return day


def accepted() -> list[Acceptance]:
    """The weaknesses that were looked at."""
    return [Acceptance(**{**entry, "ids": frozenset(entry["ids"])}) for entry in _read()["accepted"]]


def in_list(versions: Mapping[str, str]) -> Iterator[Finding]:
    """What the list knows of these versions."""
    for entry in _read()["advisory"]:
        version = versions.get(entry["package"])
        if version and SpecifierSet(entry["affected"]).contains(version, prereleases=True):
            about = entry.get("about", f"affected: {entry['affected']}")
            yield Finding(entry["package"], version, frozenset(entry["ids"]), about)


def in_database(options: Sequence[str] = ()) -> tuple[list[Finding], set[str]]:
    """What pip-audit's database knows of all pinned versions, and those it knows nothing of.

    `options` are for pip-audit.

    Raises:
        UnreachedError: it cannot be asked, or does not know what everybody knows.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as probe:
        print(_PROBE, file=probe, flush=True)
        if not _findings(_ask([Path(probe.name)], options)):
            raise UnreachedError("the advisory database does not answer")
    answer = _ask([ROOT / SERVICE, ROOT / DEVELOPMENT], options)  # it follows no -r inside a file
    known = {canonicalize_name(each["name"]) for each in answer if "vulns" in each}
    return _findings(answer), pinned().keys() - known


def _ask(requirements: Iterable[Path], options: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--format", "json"]
    command += ["--progress-spinner", "off", *options]
    for file in requirements:
        command += ["-r", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        answer: list[Mapping[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        raise UnreachedError((done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]) from None
    return answer


def _findings(dependencies: Iterable[Mapping[str, Any]]) -> list[Finding]:
    return [
        Finding(
            dependency["name"],
            dependency["version"],
            frozenset([weakness["id"], *weakness["aliases"]]),
            f"fixed in {', '.join(weakness['fix_versions']) or 'no release yet'}",
        )
        for dependency in dependencies
        for weakness in dependency.get("vulns", ())
    ]


def _read() -> dict[str, Any]:
    return tomllib.loads(LIST.read_text("utf-8"))
