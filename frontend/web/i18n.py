"""The page's words in each language: translations/*.json, which templates and scripts share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGE_NAMES: Mapping[str, str] = {"en": "English", "zh": "中文"}
"""By their codes, in the order in which each entry of translations/*.json has them."""
LANGUAGES = tuple(LANGUAGE_NAMES)
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


def language_after(language: str) -> str:
    """The language that the page's switch goes on to."""
    return LANGUAGES[(LANGUAGES.index(language) + 1) % len(LANGUAGES)]
