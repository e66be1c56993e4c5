"""What can be asked of a recognition, and the answer to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from frontend.recognition.postprocess import Reading
from frontend.recognition.predictions import STAGES
from frontend.recognition.text_formats import TextFormat
from frontend.recognition.words import words

Detail = Literal["lines", "words", "chars"]
"""What an answer holds of each line."""
FieldsOption = Literal["receipt", "invoice", "auto"]
"""What the image is taken for when its fields are asked for; `auto`: what it looks like."""
_ASSEMBLY = ("threshold", "text_format", "fields")
"""Options that only say how an answer is made of what was read."""


@dataclass(frozen=True)
class Options:
    """Options of an answer; those that a model is given are part of the cache key, see _ASSEMBLY."""

    mode: str = "auto"
    allowlist: str | None = None
    allowlist_mode: str = "drop"
    pattern: str | None = None
    lexicon: Sequence[str] | None = None
    threshold: float | None = None
    pages: str | None = None
    pdf_text: bool = False
    text_format: TextFormat = "lines"
    fields: FieldsOption | None = None

    def for_model(self) -> dict[str, Any]:
        """Those that change what a model reads."""
        return {name: value for name, value in asdict(self).items() if name not in _ASSEMBLY}

    @property
    def is_constrained(self) -> bool:
        return self.pattern is not None or self.lexicon is not None


_DEFAULTS = Options()


def chosen(options: Options, model: str | None) -> dict[str, Any]:
    """The options that are not the defaults, and the model if one was named."""
    values = {f.name: getattr(options, f.name) for f in fields(options)}
    others = {name: value for name, value in values.items() if value != getattr(_DEFAULTS, name)}
    return ({"model": model} if model else {}) | others


@dataclass(frozen=True)
class Recognition(Reading):
    """The answer: what was read, by which model, and what became of it."""

    model: str
    model_version: str
    image_hash: str
    cached: bool
    fields_option: FieldsOption | None = None
    is_constrained: bool = False
    history_id: str | None = None
    elapsed_ms: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of waiting (`queue`) and of each of STAGES, for the logs; none if it was cached."""

    def facts(self, size_bytes: int) -> dict[str, Any]:
        """The log entry of a read of an image of so many bytes: never what is in it."""
        sizes = [(page["width"], page["height"]) for page in self.pages or []] or [(self.width, self.height)]
        return {
            "bytes": size_bytes,
            "pixels": sum(width * height for width, height in sizes),
            "pages": len(sizes),
            "lines": len(self.lines),
            "model": self.model,
            "cached": self.cached,
            "ms": {stage: round(self.stages.get(stage, 0.0), 1) for stage in ("queue", *STAGES)},
        }


def as_answer(recognition: Recognition, detail: Detail) -> dict[str, Any]:
    """The recognition as JSON; what was not asked for, or is not there, is left out."""
    answer = asdict(recognition)
    del answer["stages"], answer["fields_option"], answer["is_constrained"]
    for part in [answer, *(answer["pages"] or [])]:
        if part["reviewed_text"] is None:
            del part["reviewed_text"]
        if not recognition.is_constrained:
            del part["match"]
        for line in part["lines"]:
            _detail(line, detail)
    for name in ("pages", "warnings", "mrz"):
        if not answer[name]:
            del answer[name]
    return answer


def _detail(line: dict[str, Any], detail: Detail) -> None:
    if detail == "words":
        line["words"] = [word._asdict() for word in words(line)]
    if detail != "chars":
        line.pop("chars", None)
