"""The models that a request can name: the networks in TorchServe's archives, also by names of former ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

ALIASES: Mapping[str, str] = MappingProxyType(
    {"crnn_v1": "crnn_v3", "crnn_v2": "crnn_v3", "crnn_v2_lite": "crnn_v3_lite"}
)
"""Names of former models, which requests may still use, and the models that took their place."""
LINES_QUEUE = "-lines"
"""An archive that is loaded once more under its name and this has a queue and a worker for lines alone."""


@dataclass(frozen=True)
class Archive:
    """A model archive, as TorchServe serves it. `version` holds a hash of all weights and of the code.

    `about` is what the handler says: `models` with the facts of each model, or the facts of the only one,
    which is named as the archive. None: it has not been heard yet.
    """

    name: str
    version: str
    ready: bool
    about: Mapping[str, Any] | None

    def models(self) -> dict[str, Mapping[str, Any]]:
        """The facts of its models by name; as long as it is not heard, of one named as the archive."""
        about = self.about or {}
        several = about.get("models")
        if not isinstance(several, Mapping):
            return {self.name: about}
        return {str(name): facts if isinstance(facts, Mapping) else {} for name, facts in several.items()}

    @property
    def takes_names(self) -> bool:
        """Whether its handler knows its models by their names."""
        return isinstance((self.about or {}).get("models"), Mapping)


@dataclass(frozen=True)
class ModelFacts:
    """A model: a network, or a cascade of several. `version` is that of the `archive` it is in."""

    name: str
    version: str
    ready: bool
    about: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    archive: str = ""
    is_named: bool = False
    """Whether its archive wants to be told the name."""


def list_models(archives: Iterable[Archive]) -> dict[str, ModelFacts]:
    """The models of all archives by name. An alias gives way to a model that really has this name."""
    found = {name: (archive, about) for archive in archives for name, about in archive.models().items()}
    return {
        name: ModelFacts(
            name,
            archive.version,
            archive.ready,
            about,
            tuple(old for old, new in ALIASES.items() if new == name and old not in found),
            archive.name,
            archive.takes_names,
        )
        for name, (archive, about) in found.items()
    }


def find_model(models: Mapping[str, ModelFacts], name: str) -> ModelFacts | None:
    """The model of this name, or of this alias."""
    return models.get(name) or models.get(ALIASES.get(name, name))


def is_for_canary(share: float, owner: str, image_hash: str) -> bool:
    """Whether this image of this owner is among the share that a canary reads: always the same answer."""
    digest = hashlib.sha256(f"{owner} {image_hash}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def sure_threshold(models: Mapping[str, ModelFacts]) -> float | None:
    """The confidence from which on calibration takes a line as sure: that of the cascade, if there is one."""
    cascades = (model.about.get("cascade") or {} for model in models.values())
    return next((float(facts["threshold"]) for facts in cascades if "threshold" in facts), None)
