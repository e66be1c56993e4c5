"""`POST /ocr` of PaddleX's basic serving in terms of ours, so that what was written for it works here.

https://paddlepaddle.github.io/PaddleX/latest/en/pipeline_usage/tutorials/ocr_pipelines/OCR.html describes it.
Its options for detection and for turning are ignored: pages and lines are turned as they need it, and
positions are always those of the image as sent. No images are drawn, so `ocrImage` and its like never come.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from frontend.errors import OCRError
from frontend.recognition.answers import Recognition
from frontend.web.validation import field_errors

MAX_PAGES = 10
"""Of a longer document PaddleX reads so many, where /recognize wants to be told which."""
_UPSIDE_DOWN = 180


def _refuse_images(wanted: bool | None) -> bool | None:
    if wanted:
        raise PydanticCustomError("not_supported", "is not supported: no images are drawn. Leave it out.")
    return wanted


class PaddleXBody(BaseModel):
    """An image or document for PaddleX."""

    file: str = Field(description="The file in Base64, or its URL.")
    file_type: int | None = Field(
        None, strict=True, ge=0, le=1, alias="fileType", description="0: PDF, 1: image; not needed here."
    )
    threshold: float | None = Field(
        None,
        strict=True,
        alias="textRecScoreThresh",
        description="Lines with a lower score are left out of `rec_…`.",
    )
    visualize: Annotated[bool | None, AfterValidator(_refuse_images)] = Field(
        None, strict=True, description="`true` is not supported."
    )

    @property
    def is_url(self) -> bool:
        return self.file.startswith(("http://", "https://"))


class PaddleXFailure(BaseModel):
    """PaddleX's answer to what went wrong; the status is the code."""

    model_config = ConfigDict(extra="forbid")

    logId: str  # noqa: N815 - PaddleX's names
    errorCode: int  # noqa: N815
    errorMsg: str  # noqa: N815


class PaddleXAnswer(PaddleXFailure):
    """PaddleX's answer."""

    result: dict[str, Any] = Field(
        description="`ocrResults`: for each page `prunedResult` with `rec_texts`, `rec_scores`, `rec_polys`, "
        "`rec_boxes`, `dt_polys`, …; `dataInfo`: `type` (`image` or `pdf`) and sizes."
    )


def parse(body: bytes) -> PaddleXBody:
    """A request. Raises InvalidRequestError."""
    try:
        return PaddleXBody.model_validate_json(body)
    except ValidationError as error:
        raise field_errors(error) from error


def answer(recognition: Recognition, threshold: float | None) -> dict[str, Any]:
    """The answer of PaddleX."""
    pages = recognition.pages or [vars(recognition)]
    sizes = [{"width": page["width"], "height": page["height"]} for page in pages]
    document = {"numPages": len(pages), "pages": sizes, "type": "pdf"}
    info = document if recognition.pages else sizes[0] | {"type": "image"}
    results = [{"prunedResult": _pruned(page["lines"], threshold or 0.0)} for page in pages]
    return _envelope(0, "Success") | {"result": {"ocrResults": results, "dataInfo": info}}


def failure(error: OCRError) -> dict[str, Any]:
    """An error; it goes out under its own status."""
    return _envelope(error.status, error.detail)


def _envelope(code: int, message: str) -> dict[str, Any]:
    return {"logId": str(uuid.uuid4()), "errorCode": code, "errorMsg": message}


def _pruned(lines: list[dict[str, Any]], threshold: float) -> dict[str, Any]:
    """Of PaddleX's fields those that say something of the page; `text_det_params` are another detector's."""
    read = [line for line in lines if line["confidence"] >= threshold]
    return {
        "model_settings": {"use_doc_preprocessor": False, "use_textline_orientation": True},
        "dt_polys": [_polygon(line) for line in lines],
        "text_type": "general",
        "textline_orientation_angles": [int(line["angle"] == _UPSIDE_DOWN) for line in lines],
        "text_rec_score_thresh": threshold,
        "rec_texts": [line["text"] for line in read],
        "rec_scores": [line["confidence"] for line in read],
        "rec_polys": [_polygon(line) for line in read],
        "rec_boxes": [[round(value) for point in line["bbox"] for value in point] for line in read],
    }


def _polygon(line: Mapping[str, Any]) -> list[list[int]]:
    return [[round(x), round(y)] for x, y in line["polygon"]]
