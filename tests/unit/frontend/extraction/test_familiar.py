"""Words that documents use everywhere: how sure they are, and what is corrected by them."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest

from frontend.extraction.extract import find_fields
from tests.unit.frontend.extraction.documents import lines


def receipt(*rows: str, unsure: float = 0.5) -> dict[str, Any]:
    """The fields of these rows; characters in square brackets were read with the confidence `unsure`."""
    found = []
    for line in lines("\n".join(rows)):
        marks = [0.999] * len(line["text"])
        while "[" in line["text"]:
            start, end = line["text"].index("["), line["text"].index("]")
            marks[start : end + 1] = [unsure] * (end - start - 1)
            line["text"] = line["text"].replace("[", "", 1).replace("]", "", 1)
        (left, top), (_, bottom) = line["bbox"]
        boxes = [[[left + 12 * at, top], [left + 12 * at + 12, bottom]] for at in range(len(marks))]
        chars = zip(line["text"], marks, boxes, strict=True)
        line["chars"] = [{"char": char, "confidence": mark, "bbox": box} for char, mark, box in chars]
        found.append(line | {"confidence": prod(marks)})
    return find_fields("receipt", found)


@pytest.mark.parametrize(
    ("text", "merchant"),
    [
        ("KELISA HARDWA[K]E SDN BHD", "KELISA HARDWARE SDN BHD"),
        ("Kelisa Ha[i]dware Sdn Bhd", "Kelisa Hardware Sdn Bhd"),
        ("KELISA HARDWARE S[O]N BHD", "KELISA HARDWARE SDN BHD"),
        ("KELISA HA[:]DWARE SDN BHD", "KELISA HARDWARE SDN BHD"),
    ],
)
def test_an_unsure_letter_is_corrected_where_another_makes_a_familiar_word(text: str, merchant: str) -> None:
    found = receipt(text)["merchant"]
    assert found["value"] == merchant
    assert found["confidence"] > 0.9


@pytest.mark.parametrize(
    "text",
    [
        "KELISA HARDWAKE SDN BHD",  # surely read
        "KELISA HANDWAKE SDN BHD",  # two letters away
        "KELISA [P]LAYA SDN BHD",  # a name; PLAZA differs elsewhere
    ],
)
def test_other_letters_stay(text: str) -> None:
    found = receipt(text, unsure=0.85)["merchant"]
    assert found["value"] == text.replace("[", "").replace("]", "")


@pytest.mark.parametrize(
    ("rows", "is_given"),
    [
        (["KE[L]ISA NILAM SDN BHD"], False),
        (["KELISA NILAM S[D]N BHD"], True),
        (["KE[L]ISA NILAM SDN BHD", "Thank you for visiting Kelisa"], True),
        (["KELISA NILAM[,] SDN BHD"], True),
        (["KELISA NIL[_]AM SDN BHD"], False),
    ],
)
def test_familiar_and_repeated_words_are_surer_than_their_letters(rows: list[str], is_given: bool) -> None:
    """Between them a comma or a point may be unsure, not a sign that a letter is read for."""
    assert (receipt(*rows)["merchant"] is not None) == is_given


def test_labels_are_found_where_a_letter_was_misread() -> None:
    found = receipt("KELISA SDN BHD", "Tea | 5.00", "To[f]al | 5.00", "Cash | 7.00", unsure=0.6)
    assert found["total"]["value"] == "5.00"


def test_an_unsure_sign_of_a_currency_makes_no_amount_unsure() -> None:
    assert receipt("KELISA SDN BHD", "Total: [$]5.00")["total"]["value"] == "5.00"
