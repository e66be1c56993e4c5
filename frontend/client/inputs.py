"""The inputs of `ocr`: files, folders, standard input and addresses on the web."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from .file_types import FILE_TYPES
from .session import UnreadImageError

STDIN = "-"
SUFFIXES = frozenset().union(*(kind.suffixes for kind in FILE_TYPES))
"""Of the files in a folder these are sent."""

_LOOK_SECONDS = 1.0


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


def watch(folder: str) -> Iterator[str]:
    """The images in and below a folder, and for ever each that comes, once its file no longer grows."""
    sizes: dict[str, int] = {}
    done: set[str] = set()
    while True:
        for name in find(folder):
            if name not in done and Path(name).is_file():
                size = Path(name).stat().st_size
                if size and sizes.get(name) == size:
                    done.add(name)
                    yield name
                sizes[name] = size
        time.sleep(_LOOK_SECONDS)


def named(source: str | os.PathLike[str], options: Mapping[str, str]) -> dict[str, str]:
    """The options, with the name by which the history knows a file, if they have none."""
    name = "" if source == STDIN else Path(source).name
    sendable = name.encode("utf-8", "replace").decode()  # a name on disk may be no text
    return ({"name": sendable} if name else {}) | dict(options)


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
