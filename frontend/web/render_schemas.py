"""Schemas of requests to /render and /picture: answers as the service gave them, and files to be drawn."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Json
from pydantic_core import PydanticCustomError

from frontend.files.archives import MAX_TASK_PAGES
from frontend.recognition.text_formats import TextFormat
from frontend.settings import MAX_FILES
from frontend.web import examples

_FILE = {"type": "string", "format": "binary"}
_FARTHEST = 1_000_000
"""Pixels: no image is so wide or high."""

Coordinate = Annotated[float, Field(ge=-_FARTHEST, le=_FARTHEST)]
Confidence = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=1, le=_FARTHEST)]
Point = tuple[Coordinate, Coordinate]


MAX_LINE = 10_000
"""Characters of a line."""


def _in_order(box: tuple[Point, Point]) -> tuple[Point, Point]:
    (left, top), (right, bottom) = box
    if left > right or top > bottom:
        raise PydanticCustomError("box", "The top left corner comes first, then the bottom right one.")
    return box


Box = Annotated[tuple[Point, Point], AfterValidator(_in_order)]


class CharacterGiven(BaseModel):
    char: str = Field(min_length=1, max_length=16)
    confidence: Confidence
    bbox: Box


class LineGiven(BaseModel):
    text: str = Field(max_length=MAX_LINE)
    confidence: Confidence
    bbox: Box
    polygon: tuple[Point, Point, Point, Point] | None = None
    angle: int = 0
    row: int | None = None
    page: int | None = Field(None, ge=1)
    model: str | None = None
    chars: Annotated[list[CharacterGiven], Field(max_length=MAX_LINE)] | None = None


Lines = Annotated[list[LineGiven], Field(fail_fast=True)]
"""Of millions, the first one that is wrong is enough."""


class PageGiven(BaseModel):
    page: int = Field(ge=1)
    width: Side
    height: Side
    lines: Lines


class FieldGiven(BaseModel):
    value: str


class AnswerGiven(BaseModel):
    """An answer of POST /recognize, or a record of the history; what else it has does not matter."""

    model_config = ConfigDict(protected_namespaces=())

    text: str
    width: Side
    height: Side
    lines: Lines
    pages: Annotated[list[PageGiven], Field(max_length=MAX_TASK_PAGES)] | None = None
    fields: dict[str, str | FieldGiven | list[dict[str, FieldGiven | None]] | None] | None = None
    model: str = ""
    model_version: str = ""


class NamedAnswer(BaseModel):
    name: str = Field("", max_length=1000, description="The name of the file that was read.")
    answer: AnswerGiven


NamedAnswers = Annotated[list[NamedAnswer], Field(min_length=1, max_length=MAX_FILES, fail_fast=True)]


def _flag(given: Any) -> Any:
    """Of a form: `true` or `false`, as its document says, and no number."""
    return {"true": True, "false": False}.get(given) if isinstance(given, str) else given


class RenderForm(BaseModel):
    """Answers, and for a PDF the files that were read."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["txt", "md", "csv", "xlsx", "tsv", "hocr", "pdf", "fields.csv", "fields.xlsx"] = Field(
        description="`txt`: the text. `md`: Markdown. `csv`, `xlsx`: the cells of tables, and other text in "
        "rows of one cell; none is a formula. `tsv`: a row for each line, with its position. `hocr`: lines "
        "and words with their boxes. `pdf`: the images with invisible text over them, to be searched. "
        "`fields.csv`, `fields.xlsx`: a row for each answer, with the values of its `fields`."
    )
    text_format: TextFormat | None = Field(
        None, description="Of `txt`: made anew of the lines in this shape; if not given, `text` as it is."
    )
    separate: Annotated[bool, BeforeValidator(_flag)] = Field(
        False, description="`true`: a file for each answer, all in a ZIP."
    )
    answers: Json[NamedAnswers] = Field(
        description='JSON, as a field or as a file part: `[{"name": "a.png", "answer": {…}}, …]`, each '
        "answer as POST /recognize gave it. With `detail=chars` "
        "the positions of words are exact, otherwise approximate.",
        json_schema_extra={"example": examples.ANSWERS},
    )
    image: Annotated[list[Any], Field(max_length=MAX_FILES, json_schema_extra={"items": _FILE})] = Field(
        [], description="Only for `pdf`: the very files that were read, in the order of the answers."
    )


class PictureForm(BaseModel):
    """A file to be drawn."""

    model_config = ConfigDict(extra="forbid")

    image: Annotated[Any, Field(json_schema_extra=_FILE)] = Field(description="The file: an image or a PDF.")
    page: int = Field(1, ge=1, description="Of a PDF or a TIFF of several pages: which, from 1 on.")
    max_side: int | None = Field(
        None, ge=1, le=65_500, description="The picture is scaled down so that no side is longer; in pixels."
    )
