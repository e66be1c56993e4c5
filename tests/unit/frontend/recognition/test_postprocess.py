"""Predictions -> answers: rows joined, pages numbered, doubtful characters marked."""

from __future__ import annotations

from typing import Any

from frontend.recognition.postprocess import assemble, union
from frontend.recognition.predictions import Page, Prediction
from tests.unit.frontend.fake_torchserve import line, prediction


def page(*lines: dict[str, Any]) -> Page:
    return Page(**prediction(*lines))  # type: ignore[typeddict-item]


def test_lines_of_a_row_are_joined_by_a_space() -> None:
    lines = line("Tea", 10, row=0), line("3.50", 200, row=0), line("Total 3.50", 10, 50, row=1)
    found = assemble(Prediction(pages=[page(*lines)], is_document=False), 1, None)
    assert found.text == "Tea 3.50\nTotal 3.50"
    assert [part["text"] for part in found.lines] == ["Tea", "3.50", "Total 3.50"]
    assert found.bbox == [[10, 20], [240, 70]]
    assert (found.pages, found.reviewed_text) == (None, None)


def test_characters_below_the_threshold_are_marked_and_nothing_else() -> None:
    doubtful = line("0O", row=0)
    doubtful["chars"][1]["confidence"] = 0.4
    lines = doubtful, line("ok", row=0)
    found = assemble(Prediction(pages=[page(*lines)], is_document=False), 1, 0.5)
    assert (found.text, found.reviewed_text) == ("0O ok", "0\ufffd ok")
    assert [part["reviewed_text"] for part in found.lines] == ["0\ufffd", "ok"]


def test_a_document_has_its_pages_one_by_one_and_all_lines_together() -> None:
    pages = [page(line("first", confidence=0.9)), page(), page(line("third", confidence=0.8))]
    found = assemble(Prediction(pages=pages, is_document=True), 4, 0.5)
    assert found.text == "first\n\n\n\nthird"
    assert found.reviewed_text == found.text
    assert found.confidence == 0.8
    assert found.bbox is None
    assert [(part["page"], part["text"]) for part in found.lines] == [(4, "first"), (6, "third")]
    assert found.pages is not None
    assert [(part["page"], part["text"], len(part["lines"])) for part in found.pages] == [
        (4, "first", 1),
        (5, "", 0),
        (6, "third", 1),
    ]


def test_warnings_are_those_of_the_pages_which_a_document_names() -> None:
    told = {"warnings": ["Small print may be missing."]}
    coarse, close = page(line("a")) | told, page(line("b"))  # type: ignore[operator]
    assert assemble(Prediction(pages=[coarse], is_document=False), 1, None).warnings == told["warnings"]
    found = assemble(Prediction(pages=[close, coarse], is_document=True), 4, None)
    assert found.warnings == ["Page 5: Small print may be missing."]
    assert found.pages is not None
    assert not any("warnings" in part for part in found.pages)


def test_zones_are_those_of_the_pages_each_with_its_page() -> None:
    zone = {"format": "TD3", "lines": ["P<UTO", "L8"], "check_digits": {"number": True}}
    with_zone = page(line("a")) | {"mrz": [zone]}  # type: ignore[operator]
    assert assemble(Prediction(pages=[with_zone], is_document=False), 1, None).mrz == [zone]
    found = assemble(Prediction(pages=[page(line("b")), with_zone], is_document=True), 2, None)
    assert found.mrz == [zone | {"page": 3}]


def test_an_image_without_text_has_neither_confidence_nor_box() -> None:
    found = assemble(Prediction(pages=[page()], is_document=False), 1, 0.5)
    assert (found.text, found.confidence, found.bbox, found.lines) == ("", None, None, [])


def test_union() -> None:
    assert union([]) is None
    assert union([[[1, 5], [2, 9]], [[0, 7], [1, 8]]]) == [[0, 5], [2, 9]]
