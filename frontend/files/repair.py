"""Files that are damaged where it does not matter, repaired as viewers do: what is drawn is there in full."""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Iterator

from frontend.client.file_types import PDF, PNG

_PNG_SIGNATURE_BYTES = 8
_ROOT = re.compile(rb"/Root\s{1,9}(\d{1,10})\s{1,9}(\d{1,5})\s{1,9}R")
_CATALOG = re.compile(rb"/Type\s{0,9}/Catalog\b")
_OBJECT = re.compile(rb"(\d{1,10})\s{1,9}(\d{1,5})\s{1,9}obj\b")
_OBJECT_BYTES = 2000
"""Of a catalog, before it says what it is."""
_TAIL_BYTES = 2048
"""Where the end of a PDF says where its list of contents begins."""


def repaired(data: bytes) -> bytes:
    """The file, without parts of a PNG beside the image that are damaged, or with the end that a PDF lacks.

    Other files, and whole ones, are returned as they are.
    """
    if PNG.matches(data):
        return _repaired_png(data)
    if PDF.matches(data) and b"startxref" not in data[-_TAIL_BYTES:]:
        return _repaired_pdf(data)
    return data


def _repaired_png(data: bytes) -> bytes:
    """Ancillary chunks (in lower case, PNG 5.4) whose checksum is wrong, such as comments, are left out."""
    spoilt = [(start, end) for start, end in _chunks(data) if _is_spoilt(data, start, end)]
    if not spoilt:
        return data
    ends, starts = (0, *(end for _, end in spoilt)), (*(start for start, _ in spoilt), len(data))
    return b"".join(data[end:start] for end, start in zip(ends, starts, strict=True))


def _chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each chunk of a PNG that is there in full starts and ends."""
    start = _PNG_SIGNATURE_BYTES
    while start + 12 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        if end <= len(data):
            yield start, end
        start = end


def _is_spoilt(data: bytes, start: int, end: int) -> bool:
    ancillary = data[start + 4] & 0x20
    return bool(ancillary) and zlib.crc32(data[start + 4 : end - 4]) != int.from_bytes(
        data[end - 4 : end], "big"
    )


def _repaired_pdf(data: bytes) -> bytes:
    """With an end that names the catalog, from which PDFium finds all other objects."""
    found = deque(_ROOT.finditer(data), 1) or _last_catalog(data)
    if not found:
        return data
    number, generation = found[-1].groups()
    last = max(data.rfind(b"trailer"), 0)
    whole = data[:last] if last > data.rfind(b"endobj") else data  # without the trailer that was cut off
    return whole + b"\ntrailer\n<< /Root %s %s R >>\nstartxref\n0\n%%%%EOF\n" % (number, generation)


def _last_catalog(data: bytes) -> list[re.Match[bytes]]:
    """Where the object that says it is the catalog begins; of several the last one, or nowhere."""
    for said in deque(_CATALOG.finditer(data), 1):
        before = data[max(0, said.start() - _OBJECT_BYTES) : said.start()]
        return [*deque(_OBJECT.finditer(before[before.rfind(b"endobj") + 1 :]), 1)]
    return []
