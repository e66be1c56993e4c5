"""Names of files, as those who sent them gave them: labels, and never paths."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

MAX_NAME = 200
"""Characters."""
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


_NAMELESS = {"image", "file", "blob"}
"""What clients call bytes that have no name: requests after the part of the form, browsers a blob."""


def file_name(given: str | None) -> str | None:
    """The last part of a path, without what cannot be seen; None if nothing is left that names a file."""
    last = re.split(r"[/\\]", given or "")[-1]
    shown = "".join(char for char in last if unicodedata.category(char) not in _UNSEEN)
    name = " ".join(shown.split())[:MAX_NAME].strip()
    return name if name.strip(".") and name not in _NAMELESS else None


def url_name(url: str) -> str | None:
    """The name of the file at an address."""
    try:
        return file_name(unquote(urlsplit(url).path))
    except ValueError:
        return None
