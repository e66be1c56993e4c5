"""Umi-OCR's `POST /api/ocr` in terms of ours, so that what was written for it works here.

https://github.com/hiroi-sora/Umi-OCR/blob/main/docs/http/api_ocr.md describes it; the codes below 800 are
those of its engine, PaddleOCR-json. Its options of engines and languages are ignored: here is one engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import groupby, pairwise
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from frontend.errors import (
    InvalidImageError,
    InvalidRequestError,
    OCRError,
    RecognizerFailedError,
    UnsupportedImageTypeError,
)
from frontend.recognition.answers import Recognition
from frontend.recognition.listings import spaced
from frontend.web.validation import field_errors

CODE_TEXT, CODE_NO_TEXT = 100, 101
CODE_PARSER = "single_code"
NO_JSON, EMPTY, NO_IMAGE, NO_OPTIONS, WRONG_OPTIONS = 800, 801, 802, 803, 804
_CODES: Mapping[type[OCRError], int] = {
    InvalidRequestError: 300,  # after its body was understood, only the Base64 can be wrong
    InvalidImageError: 301,
    UnsupportedImageTypeError: 301,
    RecognizerFailedError: 902,
}
"""Errors that Umi-OCR has, too. It answers them with 200; other errors have their status as their code."""

Point = tuple[float, float]


class UmiOptions(BaseModel):
    """Those that mean something here."""

    format: str = Field(
        "dict", alias="data.format", description="`text`: the text alone. Else lines with positions."
    )
    parser: str = Field(
        "multi_para",
        alias="tbpu.parser",
        description="One that ends in `_none` joins all lines; with the others each row ends. `single_code` "
        "keeps indentation and gaps.",
    )
    ignored: list[tuple[Point, Point]] = Field(
        [],
        alias="tbpu.ignoreArea",
        description="Lines wholly inside one of these areas are left out: [[left, top], [right, bottom]].",
    )


class UmiBody(BaseModel):
    """An image for Umi-OCR."""

    base64: str = Field(description="The image file in Base64.")
    options: Annotated[
        UmiOptions,
        BeforeValidator(lambda options: {} if options is None else options),
        WithJsonSchema({"anyOf": [UmiOptions.model_json_schema(), {"type": "null"}]}),
    ] = Field(default_factory=lambda: UmiOptions.model_validate({}))


class UmiLine(BaseModel):
    text: str
    score: float
    box: list[tuple[int, int]] = Field(description="Four corners, clockwise from the top left of the text.")
    end: str = Field(description="The text between this line and the next: nothing, a space, a line feed.")


class UmiAnswer(BaseModel):
    """Umi-OCR's answer."""

    model_config = ConfigDict(extra="forbid")

    code: int = Field(description="100: read. 101: there is no text. Any other: `data` says what is wrong.")
    data: list[UmiLine] | str
    time: float | None = Field(None, description="Seconds that reading took; not with an error.")
    timestamp: float | None = Field(None, description="When reading began, in seconds since 1970.")


class Refusal(Exception):  # noqa: N818 - an answer of Umi-OCR, not an error of ours
    """A request that Umi-OCR itself refuses; `body` is its answer."""

    def __init__(self, code: int, message: str) -> None:
        self.body = {"code": code, "data": message}
        super().__init__(message)


def parse(body: bytes) -> UmiBody:
    """A request. Raises Refusal."""
    try:
        return UmiBody.model_validate_json(body)
    except ValidationError as error:
        (_, message), *_ = field_errors(error).errors
        raise Refusal(_code(error.errors()[0]), message) from error


def _code(finding: Mapping[str, Any]) -> int:
    if finding["type"] == "json_invalid":
        return NO_JSON
    where = finding["loc"]
    if not where or not finding["input"]:
        return EMPTY
    if where == ("base64",):
        return NO_IMAGE
    return NO_OPTIONS if where == ("options",) else WRONG_OPTIONS


def answer(recognition: Recognition, options: UmiOptions, started: float) -> dict[str, Any]:
    """The answer of Umi-OCR; `started` is in seconds since 1970."""
    lines = [line for line in recognition.lines if not _is_ignored(line, options.ignored)]
    times = {"time": recognition.elapsed_ms / 1000, "timestamp": started}
    if not lines:
        return {"code": CODE_NO_TEXT, "data": "No text found in image.", **times}
    ends = list(_ends(lines, are_joined=options.parser.endswith("_none")))
    if options.parser == CODE_PARSER:
        lines, ends = _as_code(lines, ends)
    if options.format == "text":
        text = "".join(line["text"] + end for line, end in zip(lines, [*ends[:-1], ""], strict=True))
        return {"code": CODE_TEXT, "data": text, **times}
    data = [
        {
            "text": line["text"],
            "score": line["confidence"],
            "box": [[round(x), round(y)] for x, y in line["polygon"]],
            "end": end,
        }
        for line, end in zip(lines, ends, strict=True)
    ]
    return {"code": CODE_TEXT, "data": data, **times}


def _is_ignored(line: Mapping[str, Any], areas: list[tuple[Point, Point]]) -> bool:
    (left, top), (right, bottom) = line["bbox"]
    return any(x0 <= left and y0 <= top and right <= x1 and bottom <= y1 for (x0, y0), (x1, y1) in areas)


def _as_code(lines: list[dict[str, Any]], ends: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Lines with their indentation and gaps, and what follows each: within a row as many spaces."""
    pages = [list(page) for _, page in groupby(lines, key=lambda line: line.get("page"))]
    parts = [part for page in pages for part in spaced(page)]
    begins = [True, *(end == "\n" for end in ends[:-1])]
    shown = [
        {**line, "text": part.before + part.text if first else part.text}
        for line, part, first in zip(lines, parts, begins, strict=True)
    ]
    following = [part.before for part in parts[1:]]
    gaps = [end if end == "\n" else gap for end, gap in zip(ends, [*following, ""], strict=True)]
    return shown, gaps


def _ends(lines: list[dict[str, Any]], *, are_joined: bool) -> Iterator[str]:
    """The text that follows each line. Chinese and Japanese are joined without a space."""
    for line, following in pairwise(lines):
        if (line.get("page"), line["row"]) == (following.get("page"), following["row"]):
            yield " "
        elif are_joined:
            yield " " if (line["text"][-1:] + following["text"][:1]).isascii() else ""
        else:
            yield "\n"
    yield "\n"


class Failure(NamedTuple):
    """An error as Umi-OCR answers it."""

    status: int
    body: dict[str, Any]


def failure(error: OCRError) -> Failure:
    """An error of ours as one of Umi-OCR's, if it has that; otherwise under its own status."""
    code = _CODES.get(type(error))
    status = error.status if code is None else HTTPStatus.OK
    return Failure(status, {"code": code or error.status, "data": error.detail})
