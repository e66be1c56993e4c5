"""Documents as users have them, read by the real model, come out as they were typed."""

from __future__ import annotations

from functools import cache

import pytest

from frontend.recognition.text_formats import TEXT_FORMATS
from handler.layout import Detector
from tests.contract.test_pages import encode
from tests.documents import CODE, DOCUMENTS, SHAPES, Document
from tests.plain import networks, recognize_requests


@cache
def detector() -> Detector:
    return Detector()


def shaped(document: Document, *shapes: str) -> list[str]:
    """What is read, in these shapes."""
    image = encode(document.draw())
    ((status, answer),) = recognize_requests(networks("crnn_v3"), detector(), [{"body": image}], ["{}"])
    assert status == 200, answer
    return [TEXT_FORMATS[shape](answer["lines"], "text") for shape in shapes]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_comes_out_as_it_was_typed(name: str) -> None:
    document = DOCUMENTS[name]
    assert shaped(document, *SHAPES) == [getattr(document, shape) for shape in SHAPES]


def test_code_keeps_its_indentation() -> None:
    assert shaped(CODE, "code") == [CODE.paragraphs]
