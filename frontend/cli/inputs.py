"""The inputs of `ocr`: files, folders, standard input and addresses on the web."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from frontend.cli.client import UnreadImageError
from frontend.files.file_types import FILE_TYPES

STDIN = "-"
SUFFIXES = {".gif", ".heic"}.union(*(kind.suffixes for kind in FILE_TYPES))
"""Of the files in a folder these are sent; the service says what to do about those that it cannot read."""


def is_url(name: str) -> bool:
    """Whether this names an image on the web."""
    return name.lower().startswith(("http://", "https://"))


def find(name: str) -> Iterator[str]:
    """The images in and below a folder, in the order of their names; of a folder without any, and of anything
    else, the name itself.
    """
    found = False
    for folder, folders, files in os.walk(name):
        folders[:] = sorted(inner for inner in folders if not inner.startswith("."))
        for file in sorted(files):
            if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                found = True
                yield str(Path(folder, file))
    if not found:
        yield name


@cache
def _standard_input() -> bytes:
    """Kept, for it cannot be read twice."""
    with open(0, "rb", closefd=False) as file:
        return file.read()


def load(image: str) -> bytes:
    """The bytes of an image file, or of standard input. Raises UnreadImageError."""
    try:
        if image == STDIN:
            return _standard_input()
        with open(image, "rb") as file:  # noqa: PTH123 - for Path, no name at all is this folder
            return file.read()
    except IsADirectoryError:
        raise UnreadImageError("There are no images in this folder or below it.") from None
    except FileNotFoundError:
        raise UnreadImageError("There is no such file. Check the name.") from None
    except OSError as error:
        raise UnreadImageError(f"The file cannot be read: {error.strerror}.") from error
