"""Accept: an answer is JSON, unless its text alone is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request

from frontend.recognition.text_formats import TextFormat

_JSON = "application/json"
TEXT_TYPES: Mapping[str, TextFormat | None] = {
    "text/plain": None,
    "text/markdown": "markdown",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
}
"""The shapes of text by media type; that of plain text is a matter of `text_format`."""


def text_type() -> str | None:
    """The media type of the text that the client prefers to JSON, if it does."""
    best = request.accept_mimetypes.best_match([_JSON, *TEXT_TYPES], _JSON)
    return None if best == _JSON else best


def text_response(text: str, media_type: str) -> Response:
    """The text alone; it ends with a line feed if there is any."""
    response = Response(text if not text or text.endswith("\n") else f"{text}\n", mimetype=media_type)
    response.vary.add("Accept")
    return response
