"""What was found as fields of an answer: below a threshold a field is null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from frontend.extraction.sheet import Span
from frontend.recognition.postprocess import enclosing

CONFIRMED = 0.99
"""How often amounts are right that are the sum of others."""


@dataclass(frozen=True)
class Found:
    """A value, the text it was made of, and how often the rule that found it is right."""

    value: str
    spans: Sequence[Span]
    reliability: float
    checks: Mapping[str, bool] = field(default_factory=dict)
    agreement: float = 0.0
    """Probability by other evidence, such as sums that hold, that it was read right."""

    @property
    def text(self) -> str:
        return " ".join(span.text for span in self.spans)

    @property
    def confidence(self) -> float:
        """Probability that the value is right."""
        read = prod(span.confidence for span in self.spans)
        return round(max(read, self.agreement) * self.reliability, 4)

    def confirmed(self) -> Found:
        """The same where a sum has shown that it is right."""
        return replace(self, reliability=CONFIRMED, agreement=CONFIRMED)

    def checked(self, **checks: bool) -> Found:
        return replace(self, checks={**self.checks, **checks})


@dataclass(frozen=True)
class Fields:
    """What was found in a document, by the names of its fields; items by those of their columns."""

    values: Mapping[str, Found | None]
    items: Sequence[Mapping[str, Found | None]] = ()


def as_field(found: Found | None, threshold: float) -> dict[str, Any] | None:
    """The field as JSON: boxes in pixels of the image as sent."""
    if found is None or found.confidence < threshold:
        return None
    return (
        {"value": found.value, "text": found.text, "confidence": found.confidence}
        | place(found.spans)
        | checks(found)
    )


def place(spans: Sequence[Span]) -> dict[str, Any]:
    """Where it stands: its box, which lines, and of a document its page."""
    page = spans[0].cell.page
    own = [span for span in spans if span.cell.page == page]
    found: dict[str, Any] = {
        "bbox": enclosing([span.bbox for span in own]),
        "lines": sorted({span.cell.number for span in spans}),
    }
    return found | ({"page": page} if "page" in spans[0].cell.line else {})


def checks(found: Found) -> dict[str, Any]:
    return {"checks": dict(found.checks)} if found.checks else {}
