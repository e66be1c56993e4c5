"""The networks of an archive by name, and who reads: one of them, or two in a cascade.

In a cascade the student reads every line, and the accurate network again those that it is not sure of
(Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", 2001, had the idea).
training/calibration/cascade.py chooses from which confidence on a line is sure, and writes it into the facts
of the accurate network: {"cascade": {"student": name, "threshold": x}}.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from handler import engine
from handler.constraint import Constraint
from handler.decode import Allowlist, Recognition
from handler.engine import Engine
from handler.image import InvalidImageError, Pixels
from handler.recognize import recognize_lines, warm_up

AUTO = "auto"
"""The name of the cascade."""
Facts = dict[str, Any]


class Reader(Protocol):
    """Reads lines together, and says of each which network read it."""

    def read(
        self, lines: list[Pixels], allowlist: Allowlist | None = None, constraint: Constraint | None = None
    ) -> list[Recognition]: ...


@dataclass(frozen=True)
class Network:
    """One network that reads."""

    name: str
    engine: Engine

    def read(
        self, lines: list[Pixels], allowlist: Allowlist | None = None, constraint: Constraint | None = None
    ) -> list[Recognition]:
        readings = recognize_lines(self.engine, lines, allowlist, constraint)
        return [replace(reading, model=self.name) for reading in readings]


@dataclass(frozen=True)
class Cascade:
    """Two networks, the second of which reads again what the first reads with less confidence than this.

    Where lines are to match a constraint, the second one reads them all.
    """

    student: Reader
    accurate: Reader
    threshold: float

    def read(
        self, lines: list[Pixels], allowlist: Allowlist | None = None, constraint: Constraint | None = None
    ) -> list[Recognition]:
        if constraint:
            return self.accurate.read(lines, allowlist, constraint)
        readings = self.student.read(lines, allowlist)
        unsure = [place for place, reading in enumerate(readings) if reading.confidence < self.threshold]
        again = self.accurate.read([lines[place] for place in unsure], allowlist)
        for place, reading in zip(unsure, again, strict=True):
            readings[place] = reading
        return readings


class Networks:
    """The content of an archive: `readers` and `facts` by name, AUTO among them where there is a cascade."""

    def __init__(self, engines: Mapping[str, Engine], facts: Mapping[str, Facts]) -> None:
        self.readers: dict[str, Reader] = {name: Network(name, engines[name]) for name in sorted(engines)}
        self.facts = {name: facts[name] | _described(engines[name]) for name in sorted(engines)}
        for name, about in list(self.facts.items()):
            chosen = about.get("cascade")
            if chosen and chosen["student"] in engines:
                student, accurate = self.readers[chosen["student"]], self.readers[name]
                self.readers[AUTO] = Cascade(student, accurate, chosen["threshold"])
                self.facts[AUTO] = about

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> "Networks":
        """The weights files of a folder, and get them ready on a device.

        Raises:
            FileNotFoundError: there are none.
        """
        loaded = {path.stem: engine.load(path, device) for path in folder.glob("*.safetensors")}
        if not loaded:
            raise FileNotFoundError(f"no .safetensors file in {folder}: build the archive with `make models`")
        engines = {name: network for name, (network, _) in loaded.items()}
        for network in engines.values():
            warm_up(network)
        return cls(engines, {name: facts for name, (_, facts) in loaded.items()})

    def name(self, asked: str | None) -> str:
        """The name of who reads: what was asked for; else AUTO; else the first.

        Raises:
            InvalidImageError: the archive has no network of that name (404).
        """
        if asked is None:
            return AUTO if AUTO in self.readers else next(iter(self.readers))
        if asked in self.readers:
            return asked
        known = ", ".join(self.readers)
        raise InvalidImageError(
            "unknown-model", f"There is no model {asked}. Choose one of: {known}.", 404, "model"
        )


def _described(network: Engine) -> Facts:
    return {"alphabet_size": len(network.config.alphabet), "height": network.config.height}
