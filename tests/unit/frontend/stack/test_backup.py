"""Backups of a real MongoDB: whole, restorable, and refused where they are damaged."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import gridfs
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database

from frontend.history.records import History
from frontend.mongo import Mongo
from frontend.stack.backup import BackupError, backup, main, restore
from tests.unit.frontend.history.test_documents import page

Raw = Database[RawBSONDocument]


@pytest.fixture
def database(mongo_url: str) -> Iterator[Raw]:
    with MongoClient[RawBSONDocument](mongo_url, document_class=RawBSONDocument) as client:
        database = client.get_default_database()
        client.drop_database(database.name)
        yield database
        client.drop_database(database.name)


def fill(database: Raw) -> None:
    database["history"].insert_many([{"_id": number, "text": "发票 €" * 50} for number in range(1000)])
    gridfs.GridFSBucket(database, "images").upload_from_stream("a.png", bytes(range(256)) * 2000)


def contents(database: Raw) -> dict[str, list[bytes]]:
    return {
        name: [document.raw for document in database[name].find().sort("_id")]
        for name in sorted(database.list_collection_names())
    }


def test_what_was_lost_comes_back(database: Raw, tmp_path: Path) -> None:
    fill(database)
    before = contents(database)
    counts = backup(database, tmp_path / "a.zip")
    assert (counts["history"], counts["images.files"]) == (1000, 1)
    for name in before:
        database.drop_collection(name)
    assert restore(database, tmp_path / "a.zip") == counts
    assert contents(database) == before


def test_what_is_there_stays(database: Raw, tmp_path: Path) -> None:
    fill(database)
    backup(database, tmp_path / "a.zip")
    database["history"].delete_many({"_id": {"$lt": 10}})
    database["history"].update_one({"_id": 500}, {"$set": {"text": "newer"}})
    added = restore(database, tmp_path / "a.zip")
    assert added["history"] == 10
    assert database["history"].count_documents({}) == 1000
    assert (database["history"].find_one({"_id": 500}) or {})["text"] == "newer"


def test_a_document_that_was_deleted_lately_comes_back(database: Raw, mongo: Mongo, tmp_path: Path) -> None:
    history = History(mongo, 1)
    record_id = history.add_page("anna", page(1, "text"), "document")
    backup(database, tmp_path / "a.zip")
    history.delete("anna", [record_id])
    assert restore(database, tmp_path / "a.zip") == {"history": 1}
    assert history.get("anna", record_id)["text"] == "text"


@pytest.mark.parametrize("harm", ["cut off", "a bit turned", "another ZIP", "no ZIP", "missing"])
def test_a_damaged_backup_changes_nothing(database: Raw, tmp_path: Path, harm: str) -> None:
    fill(database)
    file = tmp_path / "a.zip"
    backup(database, file)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    if harm == "cut off":
        file.write_bytes(file.read_bytes()[:-100])
    elif harm == "a bit turned":
        file.write_bytes(content)
    elif harm == "another ZIP":
        with zipfile.ZipFile(file, "w") as other:
            other.writestr("a.txt", "hello")
    elif harm == "no ZIP":
        file.write_bytes(b"hello")
    else:
        file.unlink()
    database["history"].delete_many({})
    with pytest.raises(BackupError, match=r"a\.zip"):
        restore(database, file)
    assert database["history"].count_documents({}) == 0


def test_a_file_is_never_overwritten(database: Raw, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("precious")
    with pytest.raises(BackupError, match="exists already"):
        backup(database, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_text() == "precious"
    with pytest.raises(BackupError, match="cannot be written"):
        backup(database, tmp_path / "missing" / "a.zip")


def test_the_commands(
    database: Raw,
    mongo_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OCR_MONGO_URL", mongo_url)
    monkeypatch.chdir(tmp_path)
    fill(database)
    assert main(["backup"]) == 0
    (file,) = tmp_path.glob("ocr-*.zip")
    assert "history 1000" in capsys.readouterr().out
    assert main(["restore", file.name]) == 0
    assert "history 0" in capsys.readouterr().out
    assert main(["restore"]) == 1
    assert "make restore FILE=" in capsys.readouterr().err


@pytest.mark.slow
def test_without_mongodb_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OCR_MONGO_URL", "mongodb://127.0.0.1:9/ocr")
    assert main(["backup", "/tmp/never.zip"]) == 1
    assert "make run" in capsys.readouterr().err
