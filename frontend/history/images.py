"""The images that were read, kept beside their records (OCR_HISTORY_IMAGES) in GridFS.

Each record has its own: it is forgotten with the record, and nobody has to count who else needs it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bson import Binary, ObjectId
from gridfs.errors import CorruptGridFile, NoFile
from pymongo import ASCENDING, IndexModel

from frontend.client.file_types import media_type
from frontend.errors import ImageNotKeptError
from frontend.history.search import object_id
from frontend.mongo import Document, Mongo

_BUCKET = "images"
_CHUNK_BYTES = 255 * 1024
_EXPIRY = IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)
_IN_ORDER = IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)


class StoredImage(NamedTuple):
    content: bytes
    media_type: str

    @property
    def is_picture(self) -> bool:
        """Whether a browser may show it beside other things: it runs nothing, as a PDF may."""
        return self.media_type.startswith("image/")


class Images:
    """Image files by the id of their record; whose record it is, the history knows."""

    def __init__(self, mongo: Mongo, days: float) -> None:
        self._mongo = mongo
        self._days = days
        self._files = mongo.collection(f"{_BUCKET}.files", [_EXPIRY])
        self._chunks = mongo.collection(f"{_BUCKET}.chunks", [_IN_ORDER, _EXPIRY])
        self._bucket = mongo.bucket(_BUCKET)

    def add(self, record_id: str, image: bytes) -> None:
        """Keep the image of a record. Raises OCRError.

        Written by hand: GridFSBucket gives chunks no expiry, so those of a broken upload would stay for ever.
        """
        now = datetime.now(UTC)
        expiry: Document = {"expires_at": now + timedelta(days=self._days)} if self._days else {}
        file_id = object_id(record_id)
        if self.kept([record_id]):  # a page of the same document was read before
            return
        for number, start in enumerate(range(0, len(image), _CHUNK_BYTES)):
            data = Binary(image[start : start + _CHUNK_BYTES])
            self._mongo.insert(self._chunks, {"files_id": file_id, "n": number, "data": data, **expiry})
        about = {"_id": file_id, "length": len(image), "chunkSize": _CHUNK_BYTES, "uploadDate": now}
        self._mongo.insert(self._files, {**about, **expiry})

    def get(self, record_id: str) -> StoredImage:
        """Raises ImageNotKeptError when there is none, or it is just expiring."""
        content = self._mongo.call(lambda: self._read(object_id(record_id)))
        if content is None:
            raise ImageNotKeptError
        return StoredImage(content, media_type(content))

    def kept(self, record_ids: list[str]) -> set[str]:
        """Those of these records that have an image."""
        wanted = {"_id": {"$in": [object_id(record_id) for record_id in record_ids]}}
        found = self._mongo.call(lambda: list(self._files.find(wanted, {"_id": 1})))
        return {str(file["_id"]) for file in found}

    def delete(self, record_ids: list[str]) -> None:
        """Forget the images of these records, if there are any."""
        file_ids = [object_id(record_id) for record_id in record_ids]
        self._mongo.call(lambda: self._files.delete_many({"_id": {"$in": file_ids}}))
        self._mongo.call(lambda: self._chunks.delete_many({"files_id": {"$in": file_ids}}))

    def _read(self, file_id: ObjectId) -> bytes | None:
        try:
            content: bytes = self._bucket.open_download_stream(file_id).read()
        except (NoFile, CorruptGridFile):
            return None
        return content
