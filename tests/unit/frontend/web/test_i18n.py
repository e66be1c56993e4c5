"""The page's words: both languages, all of them there."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from frontend.recognition import recognizer
from frontend.tasks import processing
from frontend.web.i18n import LANGUAGES, translations
from handler import answer, document, faded, page, reading, seals

FRONTEND = Path("frontend")
SOURCES = [*FRONTEND.glob("templates/*.html"), *FRONTEND.glob("static/js/**/*.js")]
USED = re.compile(r"""\b(?:t|say)\(\s*["']([\w.-]+)["']\s*[,)]""")


def test_every_word_is_there_in_every_language() -> None:
    for key, said in translations().items():
        assert len(said) == len(LANGUAGES), key
        assert said[1], key
        assert said[0] or key.startswith("problem."), key  # the service's own sentences are English
        placeholders = [set(re.findall(r"\{(\w+)\}", text)) for text in said if text]
        assert all(found == placeholders[0] for found in placeholders), key


def test_no_key_is_in_two_files() -> None:
    found = Counter(
        key for path in FRONTEND.glob("translations/*.json") for key in json.loads(path.read_text("utf-8"))
    )
    assert [key for key, count in found.items() if count > 1] == []


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_every_word_that_is_used_is_there(source: Path) -> None:
    assert set(USED.findall(source.read_text("utf-8"))) <= set(translations())


WARNINGS = [
    answer._FOREIGN.format("1 line"),
    answer._FOREIGN.format("12 lines"),
    answer._GIVEN_UP,
    *document._about_size(0.5),
    document.SMALL_PICTURES,
    faded.STRENGTHENED,
    page._TOO_MANY,
    *page._warnings(np.zeros((9000, 9000, 3), np.uint8)),
    processing._CHARS_WARNING,
    reading._FAINT_LINES.format("1 line", "was"),
    reading._FAINT_LINES.format("2 lines", "were"),
    reading._WATERMARK.format("DRAFT"),
    recognizer._HISTORY_WARNING,
    recognizer._IMAGE_WARNING,
    recognizer._LATE_WARNING,
    seals.SEEN_THROUGH,
]


@pytest.mark.parametrize("warning", [*WARNINGS, f"Page 3: {seals.SEEN_THROUGH}"])
def test_every_warning_is_known_to_the_page(warning: str) -> None:
    sentences = [said[0] for key, said in translations().items() if key.startswith("warning.")]
    assert [sentence for sentence in sentences if re.fullmatch(_pattern(sentence), warning)]


def _pattern(sentence: str) -> str:
    """As static/js/read/warnings.js has it."""
    return re.sub(r"\\\{\w+\\\}", ".+", re.escape(sentence))


def test_the_page_speaks_the_readers_language(client: FlaskClient) -> None:
    assert '<html lang="en"' in client.get("/").text
    page = client.get("/", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}).text
    assert '<html lang="zh"' in page
    assert translations()["read.title"][1] in page
    client.set_cookie("language", "en")
    assert '<html lang="en"' in client.get("/", headers={"Accept-Language": "zh-CN"}).text
    client.set_cookie("theme", "dark")
    assert 'data-theme="dark"' in client.get("/").text
    client.set_cookie("theme", '"><script>')
    assert 'data-theme="auto"' in client.get("/").text
