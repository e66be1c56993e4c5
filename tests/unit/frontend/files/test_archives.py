"""The content of uploaded files, and refusals before they cost memory."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from frontend.errors import ImageTooLargeError, InvalidImageError, InvalidRequestError, OCRError
from frontend.files import archives
from frontend.files.archives import choose_pages, count_pages, list_entries, read_entry
from frontend.files.image_headers import megapixels
from tests.e2e import lines, pages

ROOT = Path(__file__).resolve().parents[4]
MB = 1024 * 1024


def packed(*entries: tuple[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return buffer.getvalue()


def errors(data: bytes, max_entry_bytes: int = MB, max_bytes: int = 2 * MB) -> list[type[OCRError] | None]:
    entries = list_entries(io.BytesIO(data), max_entry_bytes, max_bytes)
    return [entry.error and type(entry.error) for entry in entries]


def test_entries_are_read_by_their_numbers() -> None:
    data = packed(("folder/", b""), ("folder/a.png", b"A"), ("同じ.png", b"B"), ("同じ2.png", b"C"))
    entries = list_entries(io.BytesIO(data), MB, MB)
    assert [entry.name for entry in entries] == ["folder/a.png", "同じ.png", "同じ2.png"]
    assert [read_entry(io.BytesIO(data), entry.number) for entry in entries] == [b"A", b"B", b"C"]


def test_what_is_large_unpacked_is_refused_by_what_the_zip_says() -> None:
    assert len(bomb := packed(("bomb.png", bytes(50 * MB)), ("a.png", b"A"))) < MB // 10
    assert errors(bomb) == [ImageTooLargeError, ImageTooLargeError]
    many = packed(*[(f"{number}.png", bytes(MB)) for number in range(4)])
    assert errors(many) == [None, None, ImageTooLargeError, ImageTooLargeError]


def test_a_zip_that_lies_about_a_size_is_damaged() -> None:
    """The bytes beyond the size that is declared are never unpacked."""
    data = bytearray(packed(("bomb.png", bytes(50 * MB))))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + offset, 100)
    assert errors(bytes(data)) == [None]
    with pytest.raises(InvalidImageError, match="damaged"):
        read_entry(io.BytesIO(bytes(data)), 0)


def test_a_list_of_contents_that_fills_the_memory_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed(*[(f"{number:0100}.png", b"") for number in range(8000)])
    monkeypatch.setattr(archives.zipfile, "ZipFile", lambda _file: pytest.fail("it was opened"))
    with pytest.raises(ImageTooLargeError, match="too many files"):
        list_entries(io.BytesIO(data), MB, MB)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("发票1.png", "gbk"),
        ("合同 (2).png", "gbk"),
        ("增值税/电子发票.png", "gbk"),
        ("喆彧.png", "gbk"),
        ("領収書.png", "cp932"),
        ("レシート３.png", "cp932"),
        ("写真/ﾚｼｰﾄ2.png".replace("ﾚｼｰﾄ", "レシート"), "cp932"),
        ("発票 Größe.png", "utf-8"),
        ("résumé.png", "cp437"),
        ("Rückgabe Übersicht.png", "cp437"),
        ("château.png", "cp437"),
        ("T恤 M 2.png", "gbk"),
        ("表.png", "cp932"),
        ("plain.png", "ascii"),
    ],
)
def test_names_in_the_code_pages_of_windows(name: str, encoding: str) -> None:
    stand_in = "".join(chr(97 + place % 26) for place in range(len(name.encode(encoding)))).encode()
    data = packed((stand_in.decode(), b"A")).replace(stand_in, name.encode(encoding))
    assert [entry.name for entry in list_entries(io.BytesIO(data), MB, MB)] == [name]


def test_what_cannot_be_unpacked() -> None:
    locked = bytearray(packed(("a.png", b"A")))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert errors(bytes(locked)) == [InvalidImageError]
    assert errors(packed(("a.png", b"A"), kind=zipfile.ZIP_LZMA)) == [InvalidImageError]
    for data in (packed(), b"PK\x03\x04 and nothing else", packed(("only/", b""))):
        with pytest.raises(InvalidImageError):
            list_entries(io.BytesIO(data), MB, MB)


def test_a_file_without_a_name_harms_no_other() -> None:
    data = packed(("NAME", b"A"), ("b.png", b"B")).replace(b"NAME", b"\0\0\0\0")
    nameless, named = list_entries(io.BytesIO(data), MB, MB)
    assert isinstance(nameless.error, InvalidImageError)
    assert read_entry(io.BytesIO(data), named.number) == b"B"


def test_pages_are_counted() -> None:
    blank = Image.new("L", (20, 20), 255)
    assert count_pages(pages.pdf(blank, blank, blank)) == 3
    assert count_pages(pages.pdf(blank)) == 1
    assert count_pages(lines.encode(blank, "TIFF", save_all=True, append_images=[blank])) == 2
    for image in (lines.encode(blank, "TIFF"), lines.encode(blank), b"II*", b""):
        assert count_pages(image) is None
    with pytest.raises(InvalidImageError, match="damaged"):
        count_pages(b"%PDF-1.7\n")
    with pytest.raises(InvalidImageError, match="password"):
        count_pages((ROOT / "tests/golden/locked.pdf").read_bytes())


def test_a_tiff_with_a_broken_second_page_is_none_of_several() -> None:
    frame = Image.new("1", (8, 8))
    tiff = bytearray(lines.encode(frame, "TIFF", save_all=True, append_images=[frame]))
    tiff[170] = 136  # a tag of its width, no more
    assert count_pages(bytes(tiff)) is None


def test_pages_are_chosen() -> None:
    assert list(choose_pages(None, 3)) == [1, 2, 3]
    assert list(choose_pages("2", 3)) == [2]
    assert list(choose_pages("201-300", 300)) == list(range(201, 301))
    for wanted in ("4", "2-4"):
        with pytest.raises(InvalidRequestError, match="3 of them"):
            choose_pages(wanted, 3)
    with pytest.raises(ImageTooLargeError, match="101 pages"):
        choose_pages("1-101", 300)


def test_the_header_alone_says_how_large_an_image_is() -> None:
    whole = lines.encode(Image.new("L", (3000, 2000), 255))
    assert megapixels(whole[:100]) == megapixels(whole) == 6.0
    assert megapixels(pages.pdf(Image.new("L", (3000, 2000), 255))) == 0.0
    assert megapixels(b"no image") == 0.0
