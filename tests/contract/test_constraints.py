"""Lines that are to match a pattern, or to be in a lexicon: read by the real network."""

from __future__ import annotations

import json
import random
import string
import time
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFilter

from tests.contract.test_pages import ask, detector, networks
from tests.documents import SANS, font
from tests.e2e import lines as line_images
from tests.plain import recognize_requests

DATE = r"\d{2}/\d{2}/\d{4}"


def blurred(text: str, radius: float = 1.2) -> bytes:
    """The text as small, blurred print."""
    image = Image.new("L", (30 * len(text) + 40, 56), 235)
    ImageDraw.Draw(image).text((20, 10), text, 40, font(SANS, 28))
    return line_images.encode(image.filter(ImageFilter.GaussianBlur(radius)))


def matches(image: bytes, **options: Any) -> dict[str, Any] | None:
    answer = ask(image, mode="line", **options)
    assert all("match" in line for line in answer["lines"])
    return answer["match"]  # type: ignore[no-any-return]


def test_a_line_that_matches_as_it_is_read_is_its_own_match() -> None:
    answer = ask(line_images.png("12/03/2024"), mode="line", pattern=DATE)
    (line,) = answer["lines"]
    assert line["match"] == {"text": "12/03/2024", "confidence": line["confidence"]} == answer["match"]


@pytest.mark.parametrize(("text", "pattern"), [("l2/O3/2O24", DATE), ("A8-I0-S5", r"[A-Z]\d-\d\d-[A-Z]\d")])
def test_look_alikes_become_what_the_pattern_asks_for(text: str, pattern: str) -> None:
    found = matches(line_images.png(text), pattern=pattern)
    assert found is not None
    assert found["text"] == text.translate(str.maketrans("lOI", "101"))
    assert 0 < found["confidence"] <= 1


def test_what_does_not_match_has_no_match() -> None:
    for text in ("TOTAL RM 48.60", "RIVERSIDE MARKET", "12 March 2024"):
        assert matches(line_images.png(text), pattern=DATE) is None
    assert "match" not in ask(line_images.png("12/03/2024"), mode="line")


def test_the_surest_line_of_a_page_is_the_answers_match() -> None:
    page = Image.new("L", (620, 260), 255)
    pen = ImageDraw.Draw(page)
    for row, text in enumerate(("RIVERSIDE MARKET", "12/03/2024", "TOTAL 48.60")):
        pen.text((40, 30 + 70 * row), text, 20, font(SANS, 32))
    answer = ask(line_images.encode(page), mode="page", pattern=DATE)
    assert answer["match"]["text"] == "12/03/2024"
    assert [bool(line["match"]) for line in answer["lines"]] == [False, True, False]
    (rest,) = (ask(line_images.encode(page), mode="page", pattern=rf".*{DATE[:8]}.*")["match"],)
    assert rest["text"] == "12/03/2024"


def test_a_lexicon_of_thousands_of_words_decides() -> None:
    rng = random.Random(5)
    words = ["".join(rng.choices(string.ascii_uppercase, k=8)) for _ in range(4990)]
    wanted = ["SOLUTION", "ILLUSION", "GLOSSARY", "SESSIONS", "OBSOLETE"]
    for word in wanted:
        spoilt = word.translate(str.maketrans("OI", "01"))
        found = matches(line_images.png(spoilt), lexicon=words + wanted)
        assert found is not None
        assert found["text"] == word
    assert matches(line_images.png("RIVERSIDE"), lexicon=words + wanted) is None


def test_both_must_hold() -> None:
    image = line_images.png("12/03/2024")
    assert matches(image, pattern=DATE, lexicon=["12/03/2025", "13/03/2024"]) is None
    assert matches(image, pattern=DATE, lexicon=["12/03/2025", "12/03/2024"]) is not None


def test_it_reads_more_of_blurred_plates_and_invents_none() -> None:
    """Letters and figures in turn, which blur makes alike."""
    rng = random.Random(7)
    plain = better = 0
    for _ in range(10):
        text = "".join(rng.choice("BDGIOSZ") + rng.choice("0125689") for _ in range(4))
        answer = ask(blurred(text), mode="line", pattern=r"([A-Z]\d){4}")
        plain += answer["lines"][0]["text"] == text
        better += bool(answer["match"]) and answer["match"]["text"] == text
    assert better >= plain + 2
    assert better >= 6


def test_patterns_that_explode_end_and_say_so() -> None:
    started = time.monotonic()
    answer = ask(line_images.png("a" * 30 + "c"), mode="line", pattern=r"(a|aa|a?a)*(a|b){20,}(a*)*b")
    assert time.monotonic() - started < 60
    assert answer["match"] is None


def test_requests_of_one_batch_keep_their_own() -> None:
    image = line_images.png("12/O3/2024")
    options: list[dict[str, Any]] = [
        {"pattern": DATE},
        {},
        {"lexicon": ["12/03/2024"]},
        {"pattern": "[A-Z]+"},
    ]
    headers = [json.dumps(option | {"mode": "line"}) for option in options]
    answers = recognize_requests(networks(), detector(), [{"body": image}] * 4, headers)
    found = [answer.get("match", "not asked") for _, answer in answers]
    assert [match and match["text"] if match != "not asked" else match for match in found] == [
        "12/03/2024", "not asked", "12/03/2024", None,
    ]  # fmt: skip


def test_options_may_be_a_part_of_the_form() -> None:
    image, options = line_images.png("12/03/2024"), json.dumps({"mode": "line", "lexicon": ["12/03/2024"]})
    ((status, answer),) = recognize_requests(
        networks(), detector(), [{"image": image, "options": bytearray(options.encode())}], [None]
    )
    assert (status, answer["match"]["text"]) == (200, "12/03/2024")
