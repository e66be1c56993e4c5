"""The page's words in each language: translations/*.json, which templates and scripts share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGE_NAMES: Mapping[str, str] = {"en": "English", "zh": "中文"}
"""By their codes, in the order in which each entry of translations/*.json has them."""
LANGUAGES = tuple(LANGUAGE_NAMES)
_PROBLEM = re.compile(r"((?<=; )\S[^(;]*|^[^(;]+)(?= \(`)")
"""The title before the code, as openapi.py writes them: one (`code`); another (`code`)."""
_FOLDER = Path(__file__).parents[1] / "translations"


@cache
def translations() -> Mapping[str, list[str]]:
    """Every key with its text in each of LANGUAGES."""
    return {
        key: texts
        for path in sorted(_FOLDER.glob("*.json"))
        for key, texts in json.loads(path.read_text("utf-8")).items()
    }


def translate(key: str, language: str, **values: object) -> str:
    """The text of `key`; `{name}` in it becomes the value of that name."""
    return translations()[key][LANGUAGES.index(language)].format_map(values)


@cache
def _api_texts(language: str) -> Mapping[str, str]:
    """By the English text, as gettext has it, for that stands in the schemas."""
    texts: Mapping[str, str] = json.loads((_FOLDER / "api" / f"{language}.json").read_text("utf-8"))
    return texts


def translate_api(text: str, language: str) -> str:
    """A summary or description of the API. Of several kinds of problems each is translated by itself."""
    if language == LANGUAGES[0]:
        return text
    texts = _api_texts(language)
    return texts.get(text) or _PROBLEM.sub(lambda found: texts.get(found[1], found[1]), text)


def language_after(language: str) -> str:
    """The language that the page's switch goes on to."""
    return LANGUAGES[(LANGUAGES.index(language) + 1) % len(LANGUAGES)]
