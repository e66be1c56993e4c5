"""Which release this is, of the service and of its client."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

_PACKAGE = Path(__file__).with_name("pyproject.toml")


@cache
def version() -> str:
    """As pyproject.toml has it, which lies here in a checkout and in the image."""
    if _PACKAGE.exists():
        return str(tomllib.loads(_PACKAGE.read_text())["project"]["version"])
    return metadata.version("crnn-ocr-client")
