"""The contents of an uploaded file: the entries of a ZIP, the pages of a document.

Nothing is written to disk, and a name is only ever a label. What is bounded here is time and memory:
sizes are those a ZIP declares, and no entry is read beyond its own.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from contextlib import suppress
from typing import IO, NamedTuple

from frontend.client.file_types import PDF, TIFF, ZIP
from frontend.errors import (
    ImageTooLargeError,
    InvalidImageError,
    InvalidRequestError,
    UnsupportedImageTypeError,
)
from frontend.files.image_headers import count_frames
from frontend.files.page_ranges import parse_pages
from frontend.files.pdfium import opened_pdf
from frontend.files.sandbox import ASIDE
from frontend.settings import MAX_FILES

MAX_TASK_PAGES = 100
"""Pages of one document that a task reads."""
_MAX_LISTING_BYTES = 1024 * 1024
_END_BYTES = 22 + 65_535
"""A ZIP's last record with the longest comment."""
_ZIP_END, _ZIP64_END = b"PK\x05\x06", b"PK\x06\x07"
_CLUTTER = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$)")
_TRICK = re.compile(r"[\x00-\x1f\x7f]|^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")
_IS_UTF8 = 0x800
_CODE_PAGES = ("utf-8", "gb2312", "cp932", "gb18030")
"""Each fits fewer names than those after it."""
_EAST_ASIAN = re.compile(
    r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff5e\u2014\u2018-\u201d\u2026\u00b7]+"
)
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
)


class Entry(NamedTuple):
    """A file in a ZIP by its place there, and why it will not be read."""

    number: int
    name: str
    error: InvalidImageError | ImageTooLargeError | UnsupportedImageTypeError | None


def list_entries(file: IO[bytes], max_entry_bytes: int, max_bytes: int) -> list[Entry]:
    """The images of a ZIP. Raises InvalidImageError or ImageTooLargeError where none of it can be read."""
    with _opened(file) as archive:
        infos = [
            (number, info)
            for number, info in enumerate(archive.infolist())
            if not (info.filename.endswith("/") or _CLUTTER.search(info.filename))
        ]
    if not infos:
        raise InvalidImageError("The ZIP has no files. Put images into it and send it again.")
    if len(infos) > MAX_FILES:
        raise ImageTooLargeError(
            f"The ZIP has {len(infos)} files; at most {MAX_FILES} are read. Send several."
        )
    entries, total = [], 0
    for number, info in infos:
        total += info.file_size
        error = _complaint(info, max_entry_bytes, fits=total <= max_bytes)
        entries.append(Entry(number, re.sub(r"[\x00-\x1f\x7f]", "?", _name(info))[:200], error))
    return entries


def read_entry(file: IO[bytes], number: int) -> bytes:
    """One file of a ZIP whose entries were listed. Raises InvalidImageError."""
    with _opened(file) as archive:
        try:
            info = archive.infolist()[number]
            with archive.open(info) as entry:
                data = entry.read(info.file_size)
                entry.read(1)  # at its end the checksum is compared
        except _BROKEN_ZIP as error:
            raise InvalidImageError("It is damaged in the ZIP. Pack it again and resend it.") from error
    if ZIP.matches(data):
        raise UnsupportedImageTypeError("A ZIP inside a ZIP is not opened. Send its images themselves.")
    return data


def count_pages(data: bytes) -> int | None:
    """Pages of a PDF, or of a TIFF of several; None of any other file.

    Raises InvalidImageError, or as Sandbox.run().
    """
    if PDF.matches(data):
        return ASIDE.run(_count_pdf, data)
    frames = ASIDE.run(count_frames, data) if TIFF.matches(data) else 1
    return frames if frames > 1 else None


def _count_pdf(data: bytes) -> int:
    with opened_pdf(data) as document:
        return len(document)


def choose_pages(wanted: str | None, count: int) -> range:
    """The numbers, from 1 on, of the pages that `wanted` ("3", "2-5") names, or of all.

    Raises InvalidRequestError where there are no such pages, ImageTooLargeError where they are too many.
    """
    chosen = parse_pages(wanted) if wanted else range(1, count + 1)
    if not chosen or chosen.stop > count + 1:
        raise InvalidRequestError([("pages", f"There are no pages {wanted}: the file has {count} of them.")])
    if len(chosen) > MAX_TASK_PAGES:
        raise ImageTooLargeError(
            f"The document has {len(chosen)} pages; a task reads at most {MAX_TASK_PAGES} of one. "
            f"Name the ones you want, for example pages=1-{MAX_TASK_PAGES}, and ask again for the rest."
        )
    return chosen


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    """Raises InvalidImageError, also for a list of contents so long that reading it would fill the memory."""
    file.seek(0, io.SEEK_END)
    file.seek(max(0, file.tell() - _END_BYTES))
    tail = file.read()
    end = tail.rfind(_ZIP_END)
    listing = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
    if listing > _MAX_LISTING_BYTES or _ZIP64_END in tail[max(0, end - 20) : max(0, end)]:
        raise ImageTooLargeError(f"The ZIP lists too many files. Send at most {MAX_FILES} in one.")
    try:
        return zipfile.ZipFile(file)
    except _BROKEN_ZIP as error:
        raise InvalidImageError("The ZIP is damaged. Pack it again and resend it.") from error


def _name(info: zipfile.ZipInfo) -> str:
    """An entry's name. Windows packs names in its own code page and does not say which.

    UTF-8 where the ZIP says so or it is; the Chinese or the Japanese one where it makes words of theirs; else
    that of the ZIP format, the first PC's.
    """
    if info.flag_bits & _IS_UTF8 or info.orig_filename.isascii():
        return info.orig_filename
    data = info.orig_filename.encode("cp437")
    for encoding in _CODE_PAGES:
        with suppress(UnicodeDecodeError):
            name = data.decode(encoding)
            if encoding == "utf-8" or _is_east_asian(name, encoding):
                return name
    return info.orig_filename


def _is_east_asian(name: str, encoding: str) -> bool:
    """Whether a name decoded so makes sense. In a European one, an accent takes the letter after it along."""
    words = re.findall(r"[^\x00-\x7f]+", name)
    alone = (word for word in words if len(word) == 1)
    return not any(word.encode(encoding)[1:2].isalpha() for word in alone) and all(
        map(_EAST_ASIAN.fullmatch, words)
    )


def _complaint(
    info: zipfile.ZipInfo, max_bytes: int, *, fits: bool
) -> InvalidImageError | ImageTooLargeError | UnsupportedImageTypeError | None:
    """Why an entry will not be read, by what the ZIP says of it."""
    if _TRICK.search(info.orig_filename) or stat.S_ISLNK(info.external_attr >> 16):
        return InvalidImageError("Its name leads out of the ZIP, or it is a link. Pack plain files.")
    if info.filename.lower().endswith(".zip"):
        return UnsupportedImageTypeError("A ZIP inside a ZIP is not opened. Send its images themselves.")
    if info.flag_bits & 0x1:
        return InvalidImageError("It is encrypted. Pack it without a password.")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return InvalidImageError("Its compression method is not supported. Use Deflate, the usual one.")
    if info.file_size > max_bytes:
        return ImageTooLargeError(f"Unpacked, it is over {max_bytes / 1024**2:g} MB. Send a smaller image.")
    if not fits:
        return ImageTooLargeError("From here on, the ZIP is over its limit. Send this image in another one.")
    return None
