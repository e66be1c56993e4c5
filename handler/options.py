"""How to read one request's image, as a header of the request says it in JSON."""

import json
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from handler.constraint import Constraint
from handler.decode import Allowlist
from handler.image import InvalidImageError

MODES = ("auto", "line", "page", "frame")
ALLOWLIST_MODES = ("drop", "force")


@dataclass(frozen=True)
class Options:
    """How to read one request's image."""

    mode: str = "auto"
    """`line`, `page`, or `auto`: see page.find_lines; `frame`: see video_frame.find_frame_lines."""
    model: str | None = None
    """The network that reads it: see Networks.name."""
    allowlist: str | None = None
    """Only these characters come out."""
    allowlist_mode: str = "drop"
    """What becomes of the others: `drop` or `force`, see decode.Allowlist."""
    pattern: str | None = None
    """A regular expression: each line also has its best reading that matches, see constraint.py."""
    lexicon: list[str] | None = None
    """Words: each line also has its best reading that is one of them."""
    pages: str | None = None
    """Of a document: "3" or "2-5", from 1 on."""
    pdf_text: bool = False
    """Take the text that a page of a PDF has, if it has some."""
    areas: list[list[int]] | None = None
    """Of a frame: where to search, each [left, top, right, bottom]."""

    @property
    def allowed(self) -> Allowlist | None:
        """The allowlist with its mode."""
        return None if self.allowlist is None else Allowlist(self.allowlist, self.allowlist_mode == "force")

    @cached_property
    def constraint(self) -> Constraint | None:
        """The pattern and the lexicon. Raises InvalidImageError."""
        return Constraint.of(self.pattern, self.lexicon)

    @classmethod
    def parse(cls, header: str | None) -> "Options":
        """From a JSON object; what is absent is as above.

        Raises:
            InvalidImageError: it is none, holds an option or a value that there is not, or a pattern that
                is not a valid regular expression (422).
        """
        try:
            given = json.loads(header or "{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise _invalid("options", "The options are not a JSON object.")
        known = [field.name for field in fields(cls)]
        for name, value in given.items():
            if name not in known:
                raise _invalid(name, f"There is no option {name}. Choose one of: {', '.join(known)}.")
            if not _fits(name, value):
                raise _invalid(name, f"The option {name} cannot be {json.dumps(value)[:100]}.")
        options = cls(**given)
        _ = options.constraint
        return options


def _fits(name: str, value: Any) -> bool:
    """Whether an option may have this value."""
    match name:
        case "mode":
            return value in MODES
        case "allowlist_mode":
            return value in ALLOWLIST_MODES
        case "pdf_text":
            return isinstance(value, bool)
        case "lexicon":
            return value is None or (isinstance(value, list) and all(isinstance(word, str) for word in value))
        case "areas":
            return value is None or (isinstance(value, list) and all(map(_is_area, value)))
    return value is None or isinstance(value, str)


def _is_area(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(isinstance(edge, int) for edge in value)


def _invalid(field: str, detail: str) -> InvalidImageError:
    return InvalidImageError("invalid-request", detail, 422, field)
