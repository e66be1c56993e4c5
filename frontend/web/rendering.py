"""What /render does where time and memory are bounded: checks answers, and makes them into a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

from pydantic import ValidationError

from frontend.client.file_types import ZIP
from frontend.errors import InvalidRequestError
from frontend.formats.answer_files import MEDIA_TYPES, Wanted, stem, write
from frontend.web.render_schemas import RenderForm
from frontend.web.validation import field_errors


class Rendered(NamedTuple):
    """What a file is and how it is called: `stem`, a dot and `ending`."""

    media_type: str
    stem: str
    ending: str


def render(fields: Mapping[str, Any], file: BinaryIO, *images: BinaryIO) -> Rendered:
    """Write `file` as a form asks: its `fields`, `image` being as many values as there are files.

    For a PDF, `images` are these files. Raises OCRError.
    """
    form = _checked(fields)
    named = [given.model_dump(exclude_none=True) for given in form.answers]
    write(Wanted(form.format, form.text_format, form.separate), named, file, images)
    names = stem([given.name for given in form.answers])
    if form.separate:
        return Rendered(ZIP.media_type, names, "zip")
    return Rendered(MEDIA_TYPES[form.format], names, form.format)


def _checked(fields: Mapping[str, Any]) -> RenderForm:
    try:
        form = RenderForm.model_validate(fields)
    except ValidationError as error:
        raise field_errors(error) from error
    if form.format == "pdf" and len(form.image) != len(form.answers):
        needed = f"{len(form.answers)}, not {len(form.image)}"
        message = f"Send a file for each answer, in the same order: {needed}."
        raise InvalidRequestError([("image", message)])
    return form
