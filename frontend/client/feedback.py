"""`ocr feedback export`: your corrected and confirmed lines, to train and evaluate models on."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from .options import add_service
from .session import Session

COMMAND = "feedback"
_LABELS = "labels.tsv"


class UnusableOutputError(Exception):
    """Where the lines cannot be put; the message says what to do."""


def parse(arguments: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    """The options of `ocr feedback`."""
    made = argparse.ArgumentParser(f"ocr {COMMAND}", description=__doc__, allow_abbrev=False)
    made.add_argument("action", choices=["export"], help="labels.tsv, crops/ and lines.jsonl")
    made.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="a new folder or one with a former export; or the name of a .zip",
    )
    add_service(made, environ)
    return made.parse_args(arguments)


def export(options: argparse.Namespace) -> str:
    """Fetch the lines; a sentence that says where they are.

    Raises:
        UnusableOutputError: the folder or file cannot be used.
        UnreadImageError, UnreachableError: as Session has them.
    """
    output: Path = options.output
    is_file = output.suffix.lower() == ".zip"
    if not is_file:
        _check_folder(output)
    with closing(Session(options.url, options.key)) as client, tempfile.TemporaryFile() as file:
        client.export_lines(file)
        try:
            with zipfile.ZipFile(file) as archive:
                count = len(archive.read(_LABELS).splitlines())
                if is_file:
                    file.seek(0)
                    with output.open("wb") as copy:
                        shutil.copyfileobj(file, copy)
                else:
                    archive.extractall(output)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise UnusableOutputError(f"{output} cannot be written: {error}.") from error
    return f"{count} lines are in {output}."


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UnusableOutputError(f"{folder} is not a folder. Give a new one, or the name of a .zip.")
    if folder.exists() and any(folder.iterdir()) and not (folder / _LABELS).exists():
        raise UnusableOutputError(f"{folder} holds other files. Give a new folder.")
