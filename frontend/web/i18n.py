"""What the page says, in English and Chinese: translations/*.json, which templates and scripts share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")
"""In the order in which each word of translations/*.json has them."""
_FOLDER = Path(__file__).parents[1] / "translations"


@cache
def words() -> Mapping[str, list[str]]:
    """Every key with what it says in each of LANGUAGES."""
    return {
        key: said
        for path in sorted(_FOLDER.glob("*.json"))
        for key, said in json.loads(path.read_text("utf-8")).items()
    }


def say(key: str, language: str, **values: object) -> str:
    """What `key` says; `{name}` in it becomes the value of that name."""
    return words()[key][LANGUAGES.index(language)].format_map(values)
