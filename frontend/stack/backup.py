"""Copies MongoDB into a file and back: `make backup`, `make restore`.

A backup is a ZIP with the files that mongodump writes, <database>/<collection>.bson; unpacked, mongorestore
reads it, too. The service may run on meanwhile; whether what comes in then is in the backup is open, as with
mongodump. Redis is left out: its queue is made anew from MongoDB, its cache by reading.
"""

from __future__ import annotations

import argparse
import os
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from frontend.history.stored import ONLY_ID
from frontend.mongo import insert_missing
from frontend.settings import Settings, SettingsError
from frontend.stack.plan import mongo_url

BATCH = 200
_TIMEOUT_MS = 3000
_LATER = ("tasks",)
"""Collections that name documents of others: restored after those."""

Raw = Database[RawBSONDocument]


class BackupError(Exception):
    """It cannot be done; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, or 1 with a sentence on standard error that says what to do."""
    parser = argparse.ArgumentParser(prog="python -m frontend.stack.backup", description=__doc__)
    parser.add_argument("command", choices=("backup", "restore"))
    parser.add_argument("file", nargs="?", type=Path, help="a ZIP; by default ocr-<date>-<time>.zip")
    options = parser.parse_args(arguments)
    client: MongoClient[RawBSONDocument] | None = None
    try:
        url = mongo_url(Settings.from_env(os.environ), os.environ)
        client = MongoClient(url, document_class=RawBSONDocument, serverSelectionTimeoutMS=_TIMEOUT_MS)
        print(_run(options.command, client.get_default_database("ocr"), options.file))
    except (BackupError, SettingsError) as error:
        print(error, file=sys.stderr)
    except PyMongoError as error:
        advice = "Start the service first (make run), or set OCR_MONGO_URL."
        print(f"MongoDB does not answer as it should ({type(error).__name__}). {advice}", file=sys.stderr)
    else:
        return 0
    finally:
        if client:
            client.close()
    return 1


def _run(command: str, database: Raw, file: Path | None) -> str:
    """Run the command; its standard output."""
    if command == "backup":
        file = file or Path(f"ocr-{datetime.now():%Y%m%d-%H%M%S}.zip")
        return f"{_summary(backup(database, file))} are in {file}."
    if not file:
        raise BackupError("Say which file to restore: make restore FILE=ocr-….zip")
    return f"{_summary(restore(database, file))} were restored; those that were there stayed as they were."


def backup(database: Raw, file: Path) -> dict[str, int]:
    """Write all collections into a new file; returns how many documents each has.

    Raises:
        BackupError: the file cannot be written or is there already. Nothing is left of it.
        PyMongoError: MongoDB does not answer.
    """
    if file.exists():
        raise BackupError(f"{file} exists already. Choose another name.")
    unfinished = file.with_name(f"{file.name}.part")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            names = sorted(database.list_collection_names(filter={"type": "collection"}))
            counts = {name: _write(database, name, archive) for name in names}
        unfinished.rename(file)
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return counts


def _write(database: Raw, name: str, archive: zipfile.ZipFile) -> int:
    count = 0
    with archive.open(f"{database.name}/{name}.bson", "w", force_zip64=True) as file:
        for document in database[name].find():
            file.write(document.raw)
            count += 1
    return count


def restore(database: Raw, file: Path) -> dict[str, int]:
    """Put back what is missing; returns how many documents were added to each collection.

    The whole file is checked first.

    Raises:
        BackupError: it is not a backup, or damaged.
        PyMongoError: MongoDB does not answer.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            broken = archive.testzip()
            names = [name for name in archive.namelist() if name.endswith(".bson") and name.count("/") == 1]
            if broken or not names:
                raise BackupError(f"{file} is damaged or not a backup. Choose another one.")
            database["history"].delete_many(ONLY_ID)  # or what was deleted lately could not be put back
            collections = sorted(names, key=lambda name: (Path(name).stem in _LATER, name))
            return {Path(name).stem: _read(database, archive, name) for name in collections}
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, bson.errors.InvalidBSON) as error:
        raise BackupError(f"{file} is damaged or not a backup. Choose another one.") from error


def _read(database: Raw, archive: zipfile.ZipFile, name: str) -> int:
    collection = database[Path(name).stem]
    with archive.open(name) as file:
        return sum(insert_missing(collection, batch) for batch in _batches(file))


def _batches(file: IO[bytes]) -> Iterator[list[RawBSONDocument]]:
    options = bson.CodecOptions(document_class=RawBSONDocument)
    documents: Iterable[RawBSONDocument] = bson.decode_file_iter(file, options)
    batch: list[RawBSONDocument] = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _summary(counts: dict[str, int]) -> str:
    """Such as "history 12, tasks 3"."""
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "No documents"


if __name__ == "__main__":
    sys.exit(main())
