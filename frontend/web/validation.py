"""Pydantic's findings as the sentences of a problem."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from frontend.errors import InvalidRequestError
from frontend.files import page_ranges
from frontend.web.request_schemas import HASH_PATTERN, IDS_PATTERN

_LISTED = 100


def field_errors(error: ValidationError) -> InvalidRequestError:
    """Pydantic's findings as sentences: one per field, without the values sent; of very many, how many."""
    if error.error_count() > _LISTED:
        return InvalidRequestError([("body", f"{error.error_count()} values are wrong: too many to list.")])
    found = error.errors(include_url=False, include_input=False)
    return InvalidRequestError(
        (
            _field_name(e["loc"]),
            _message(_kind(e), e["msg"], {**e.get("ctx", {}), "example": _example(error.title, e["loc"])}),
        )
        for e in found
    )


def _field_name(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


_MESSAGES = {
    "extra_forbidden": "Unknown field; remove it.",
    "missing": "This field is required.",
    "too_short": "Give at least {min_length}.",
    "too_long": "Give at most {max_length}.",
    "string_too_long": "Use at most {max_length} characters.",
    "datetime": "Give a date, or date and time, such as 2026-11-22T13:24:00Z or 2026-11-22T13:24:00+08:00.",
    "json_invalid": "This is not valid JSON ({error}). Send an object{example}.",
    "json_field": "This is not valid JSON ({error}).",
    "model_type": "Send a JSON object{example}.",
    "list_type": "Give a list.",
    "string_type": "Give text.",
    **dict.fromkeys(
        ("int_parsing", "int_parsing_size", "int_type", "int_from_float"), "Give a whole number."
    ),
    "greater_than_equal": "Give a number of at least {ge}.",
    "less_than_equal": "Give a number of at most {le}.",
}
"""Advice by pydantic's name for an error."""
_EXAMPLES = {
    "RecognizeBody": '{"image": "<Base64>"}',
    "CorrectionsBody": '{"lines": [{"index": 0, "text": "TOTAL 48.60"}]}',
    "ReviewBody": '{"text": "TOTAL 48.60"}',
}
"""Of bodies by their schemas."""
_FORMS = {
    page_ranges.PATTERN: "Give a page or a range of pages, such as 3 or 2-5.",
    HASH_PATTERN: "Give the SHA-256 of the image file as 64 hex digits.",
    IDS_PATTERN: "Give up to 100 ids of records, each of 24 hex digits, separated by commas.",
}
"""Advice by the pattern that a text does not match."""


def _example(schema: str, location: tuple[int | str, ...]) -> str:
    return f" such as {_EXAMPLES[schema]}" if schema in _EXAMPLES and not location else ""


def _kind(finding: ErrorDetails) -> str:
    """JSON may be the body, or a field of a form."""
    is_field = finding["type"] == "json_invalid" and finding["loc"]
    return "json_field" if is_field else finding["type"]


def _message(kind: str, message: str, context: Mapping[str, object]) -> str:
    kind = "datetime" if kind.startswith("datetime_") else kind
    if kind == "string_pattern_mismatch":
        return _FORMS[str(context["pattern"])]
    if kind in _MESSAGES:
        return _MESSAGES[kind].format_map(context)
    return message[:1].upper() + message[1:].removesuffix(".") + "."
