"""Searchable PDFs, as PDFium finds what is in them."""

from __future__ import annotations

import io
import math
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageDraw

from frontend.errors import InvalidImageError, InvalidRequestError
from frontend.formats.pdf_font import InvisibleFont
from frontend.formats.searchable_pdf import SearchablePdf
from tests.e2e import lines, pages
from tests.e2e.service import ROOT
from tests.unit.frontend.fake_service import answer, line

SIZE = (640, 480)
MIXED = (
    "Invoice 2031, illicit WWW ill",
    "总计：42.50元 Total 价格",
    "縦書きの日本語 (テスト)",
    "𠮷野家 5 × 7 é",
)
Box = tuple[float, float, float, float]


def blank(size: tuple[int, int] = SIZE, kind: str = "PNG", **options: Any) -> bytes:
    return lines.encode(Image.new("RGB", size, "white"), kind, **options)


def read(*found: dict[str, Any], size: tuple[int, int] = SIZE, **more: Any) -> dict[str, Any]:
    return answer(*found, width=size[0], height=size[1], **more)


def searchable(*parts: tuple[bytes, dict[str, Any]]) -> bytes:
    files = {str(number): file for number, (file, _) in enumerate(parts)}
    stream = io.BytesIO()
    pdf = SearchablePdf(stream, files.__getitem__)
    for number, (_, given) in enumerate(parts):
        pdf.add(str(number), given)
    pdf.end()
    return stream.getvalue()


def texts(pdf: bytes) -> list[str]:
    """The text that can be copied from each page; empty lines do not count."""
    document = pypdfium2.PdfDocument(pdf)
    found = []
    for page in document:
        text = page.get_textpage().get_text_range().splitlines()
        found.append("\n".join(line.strip() for line in text if line.strip()))
    document.close()
    return found


def places(pdf: bytes, words: list[str], scale: float = 200 / 72) -> list[Box]:
    """Where a search finds the words on the first page: left, top, right, bottom in pixels."""
    document = pypdfium2.PdfDocument(pdf)
    page = document[0]
    text, height, found = page.get_textpage(), page.get_height(), []
    for word in words:
        hit = text.search(word, match_case=True).get_next()
        assert hit, word
        boxes = [text.get_charbox(hit[0] + n) for n in range(hit[1])]
        lefts, bottoms, rights, tops = zip(*boxes, strict=True)
        left, top, right, bottom = min(lefts), height - max(tops), max(rights), height - min(bottoms)
        found.append((left * scale, top * scale, right * scale, bottom * scale))
    document.close()
    return found


def turned(given: dict[str, Any], degrees: float, centre: tuple[float, float]) -> dict[str, Any]:
    """A line turned clockwise about a point of its page, with the boxes the service would give it."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def move(point: list[float]) -> list[float]:
        x, y = point[0] - centre[0], point[1] - centre[1]
        return [centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos]

    def box(given: list[list[float]]) -> list[list[float]]:
        (left, top), (right, bottom) = given
        corners = [move(point) for point in ([left, top], [right, top], [right, bottom], [left, bottom])]
        xs, ys = zip(*corners, strict=True)
        return [[min(xs), min(ys)], [max(xs), max(ys)]]

    chars = [char | {"bbox": box(char["bbox"])} for char in given["chars"]]
    polygon = [move(point) for point in given["polygon"]]
    return given | {"bbox": box(given["bbox"]), "chars": chars, "polygon": polygon}


def standing(text: str, left: float, top: float, side: float = 24) -> dict[str, Any]:
    """A line whose characters stand one above the other."""
    boxes = [[[left, top + n * side], [left + side, top + (n + 1) * side]] for n in range(len(text))]
    right, bottom = boxes[-1][1]
    polygon = [[left, top], [right, top], [right, bottom], [left, bottom]]
    chars = [{"char": char, "confidence": 0.9, "bbox": box} for char, box in zip(text, boxes, strict=True)]
    return line(text) | {"bbox": [[left, top], [right, bottom]], "polygon": polygon, "chars": chars}


def near(box: Box, other: list[list[float]], pixels: float = 2.0) -> bool:
    (left, top), (right, bottom) = other
    return all(abs(a - b) <= pixels for a, b in zip(box, (left, top, right, bottom), strict=True))


def test_the_text_is_copied_as_it_was_read() -> None:
    found = [line(text, top=40 + 50 * n) for n, text in enumerate(MIXED)]
    assert texts(searchable((blank(), read(*found)))) == ["\n".join(MIXED)]


def test_without_boxes_of_characters_the_text_is_the_same() -> None:
    found = [line(text, top=40 + 50 * n) for n, text in enumerate(MIXED)]
    for each in found:
        del each["chars"]
    assert texts(searchable((blank(), read(*found)))) == ["\n".join(MIXED)]


def test_text_is_no_operator_and_no_object() -> None:
    evil = ["(a) Tj ET endstream", "<< /S /JavaScript >>", ") ' \\ ( %%EOF", "/OpenAction 1 0 R"]
    pdf = searchable((blank(), read(*(line(text, top=60.0 * n + 20) for n, text in enumerate(evil)))))
    assert texts(pdf) == ["\n".join(evil)]
    with pikepdf.open(io.BytesIO(pdf)) as file:
        assert not {"/OpenAction", "/AA", "/Names", "/AcroForm"} & set(file.Root.keys())
        assert not {"/AA", "/Annots"} & set(file.pages[0].keys())


def test_words_are_found_where_they_stand() -> None:
    one = line("Invoice 2031, Wii mm 总计 42.50", 100, 200)
    starts = {"Invoice": 0, "2031,": 8, "Wii": 14, "mm": 18, "总计": 21, "42.50": 24}
    found = places(searchable((blank(), read(one))), list(starts))
    for box, (word, start) in zip(found, starts.items(), strict=True):
        assert near(box, [[100 + 10 * start, 200], [100 + 10 * (start + len(word)), 220]]), (word, box)


@pytest.mark.parametrize("degrees", [-12, -3, 3, 12, 90, 180, 270, 275])
def test_turned_lines_are_one_line_each_at_their_place(degrees: float) -> None:
    size, centre = (1000, 1000), (500, 500)
    words = ["First", "line", "with", "WWW", "mm", "在中文里"]
    first, second = (turned(line(" ".join(words), 300, y), degrees, centre) for y in (460, 540))
    pdf = searchable((blank(size), read(first, second, size=size)))
    assert texts(pdf) == ["\n".join([first["text"], second["text"]])]
    if degrees % 90 == 0:
        for word, box in zip(words, places(pdf, words), strict=True):
            start = first["text"].index(word)
            assert near(box, around(first["chars"][start : start + len(word)])), word


def around(chars: list[dict[str, Any]]) -> list[list[float]]:
    starts, ends = zip(*(char["bbox"] for char in chars), strict=True)
    return [list(map(min, zip(*starts, strict=True))), list(map(max, zip(*ends, strict=True)))]


def test_lines_that_stand_are_read_from_right_to_left() -> None:
    right, left = standing("縦書きの日本語です。", 400, 60), standing("二行目", 300, 60)
    pdf = searchable((blank(), read(right, left)))
    assert texts(pdf) == ["縦書きの日本語です。\n二行目"]
    (box,) = places(pdf, ["日本語"])
    assert near(box, [[400, 60 + 4 * 24], [424, 60 + 7 * 24]])


def test_lines_side_by_side_are_in_one_row() -> None:
    row = [line("Milk 2 kg", 20, 40), line("3.10", 500, 40), line("Bread", 20, 80), line("4.20", 500, 80)]
    assert texts(searchable((blank(), read(*row)))) == ["Milk 2 kg 3.10\nBread 4.20"]


@pytest.mark.parametrize(
    ("options", "points"),
    [
        ({}, (230.4, 172.8)),  # 200 dots per inch
        ({"dpi": (300, 300)}, (153.6, 115.2)),
        ({"dpi": (72, 72)}, (230.4, 172.8)),  # what a camera writes
        ({"dpi": (200, 100)}, (230.4, 345.6)),  # a fax
    ],
)
def test_a_page_has_the_size_of_its_image(options: dict[str, Any], points: tuple[float, float]) -> None:
    pdf = searchable((blank(kind="JPEG", **options), read(line("text"))))
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert [float(edge) for edge in document.pages[0].mediabox[2:]] == pytest.approx(points, abs=0.1)


def test_a_page_has_as_many_pixels_as_its_image() -> None:
    for size in ((620, 760), (333, 777), (1654, 2339)):
        pdf = searchable((blank(size), read(size=size)))
        assert drawn(pdf).size == size


def drawn(pdf: bytes, number: int = 0) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    image = document[number].render(scale=200 / 72).to_pil().convert("RGB")
    document.close()
    return image


def colourful(mode: str = "RGB") -> Image.Image:
    """Corners of four colours, so that which way it lies can be seen."""
    image = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(image)
    for corner, colour in (((0, 0), "red"), ((320, 0), "green"), ((0, 240), "blue"), ((320, 240), "black")):
        pen.rectangle((*corner, corner[0] + 320, corner[1] + 240), fill=colour)
    return image.convert(mode, dither=Image.Dither.NONE)


def alike(image: Image.Image, other: Image.Image, most: int = 24) -> bool:
    """In the middle of each quarter."""
    spots = [(x, y) for x in (160, 480) for y in (120, 360)]
    pairs = ((image.getpixel(spot), other.getpixel(spot)) for spot in spots)
    return all(abs(a - b) < most for pair in pairs for a, b in zip(*pair, strict=True))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_in_it_byte_for_byte_whichever_way_it_lies(orientation: int) -> None:
    exif = Image.Exif()
    exif[lines.ORIENTATION] = orientation
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what undoes it
    upright = colourful()
    lying = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    file = lines.encode(lying, "JPEG", quality=90, exif=exif)
    pdf = searchable((file, read(line("Corner", 40, 30))))
    assert file in pdf
    assert alike(drawn(pdf), upright)
    assert near(places(pdf, ["Corner"])[0], [[40, 30], [100, 50]])


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_plain_png_is_not_packed_again(mode: str) -> None:
    file = lines.encode(colourful(mode), compress_level=1)
    pixels = file[file.index(b"IDAT") + 4 : file.index(b"IEND") - 8]
    pdf = searchable((file, read(line("x"))))
    assert pixels in pdf
    assert alike(drawn(pdf), colourful(mode).convert("RGB"))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("TIFF", "CMYK"), ("JPEG", "CMYK"), ("BMP", "RGB")],
)
def test_pictures_look_as_they_did(kind: str, mode: str) -> None:
    pdf = searchable((lines.encode(colourful(mode), kind), read(line("text"))))
    expected = colourful(mode).convert("RGB")
    assert alike(drawn(pdf), expected, 110 if mode == "CMYK" else 24)  # there are many ways from CMYK to RGB


@pytest.mark.parametrize("mode", ["L", "1", "I;16"])
def test_grey_pictures_look_as_they_did(mode: str) -> None:
    grey = colourful().convert("L")
    image = Image.new("I;16", SIZE) if mode == "I;16" else colourful(mode)
    if mode == "I;16":
        image.paste(60_000, (0, 0, 320, 480))
        grey = Image.new("L", SIZE)
        grey.paste(255, (0, 0, 320, 480))
    expected = image.convert("L") if mode == "1" else grey
    assert alike(drawn(searchable((lines.encode(image), read(line("x"))))), expected.convert("RGB"))


def test_a_webp_is_no_larger_than_it_must_be() -> None:
    noise = Image.effect_noise(SIZE, 40).convert("RGB")
    lossy = searchable((lines.encode(noise, "WEBP", quality=60), read(line("x"))))
    lossless = searchable((lines.encode(noise, "WEBP", lossless=True), read(line("x"))))
    assert len(lossy) < len(lossless) / 2


def vector(*words: str, size: tuple[int, int] = (460, 346), **page: Any) -> bytes:
    """A PDF with drawn lines and text of its own on each page."""
    pdf = pikepdf.new()
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
    )
    for word in words:
        made = pdf.add_blank_page(page_size=size)
        made.add_resource(pdf.make_indirect(font), pikepdf.Name.Font, pikepdf.Name("/OCR"))
        content = f"0 0 1 RG 20 20 300 200 re S BT /OCR 24 Tf 40 60 Td ({word}) Tj ET q"  # q without a Q
        made.contents_add(pdf.make_stream(content.encode()))
        for name, value in page.items():
            made.obj[f"/{name}"] = value
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


def document(*pages_read: list[dict[str, Any]], first: int = 1) -> dict[str, Any]:
    """The answer for a document; pages have the size of `vector`."""
    found = [
        {"page": number, "width": 1278, "height": 962, "lines": lines_read, "text": ""}
        for number, lines_read in enumerate(pages_read, start=first)
    ]
    return answer(pages=found)


def test_pages_of_a_pdf_stay_what_they_are() -> None:
    source = vector("Alpha", "Beta", "Gamma")
    pdf = searchable((source, document([line("seen 2", 700, 100)], [line("seen 3", 700, 100)], first=2)))
    assert texts(pdf) == ["Beta\nseen 2", "Gamma\nseen 3"]
    with pikepdf.open(io.BytesIO(pdf)) as made:
        operators = [str(step.operator) for step in pikepdf.parse_content_stream(made.pages[0])]
        assert not list(made.pages[0].get_images())
    assert {"re", "S"} <= set(operators)
    assert drawn(pdf).tobytes() == drawn(source, 1).tobytes()


def test_text_that_a_page_has_is_not_doubled() -> None:
    at = line("Alpha") | {"bbox": [[105, 735], [290, 805]]}  # where the page's own is
    pdf = searchable((vector("Alpha"), document([at, line("stamp", 700, 100)])))
    assert sorted(texts(pdf)[0].splitlines()) == ["Alpha", "stamp"]
    again = searchable((pdf, document([at, line("stamp", 700, 100)])))
    assert sorted(texts(again)[0].splitlines()) == ["Alpha", "stamp"]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_text_lies_right_on_pages_that_are_turned_and_cut(rotation: int) -> None:
    size = (1278, 962) if rotation % 180 == 0 else (962, 1278)
    source = vector("x", size=(700, 600), Rotate=rotation, CropBox=pikepdf.Array([100, 50, 560, 396]))
    found = {"page": 1, "width": size[0], "height": size[1], "text": "", "lines": [line("Here", 600, 300)]}
    pdf = searchable((source, answer(pages=[found])))
    opened = pypdfium2.PdfDocument(pdf)
    page = opened[0]
    text = page.get_textpage()
    first, count = text.search("Here").get_next()
    bitmap = page.render(scale=200 / 72)
    places = bitmap.get_posconv(page)
    boxes = [text.get_charbox(first + n) for n in range(count)]
    corners = [
        places.to_bitmap(*corner)
        for left, low, right, high in boxes
        for corner in ((left, low), (right, high))
    ]
    xs, ys = zip(*corners, strict=True)
    opened.close()
    assert (bitmap.width, bitmap.height) == size
    assert near((min(xs), min(ys), max(xs), max(ys)), [[600, 300], [640, 320]])


def test_each_page_of_a_tiff_and_each_file_becomes_a_page() -> None:
    second = Image.new("L", (320, 200), 255)
    tiff = lines.encode(Image.new("1", SIZE, 1), "TIFF", save_all=True, append_images=[second])
    found = [
        {"page": n, "width": w, "height": h, "text": "", "lines": [line(f"page {n}", 20, 30)]}
        for n, (w, h) in enumerate([SIZE, (320, 200)], start=1)
    ]
    pdf = searchable((tiff, answer(pages=found)), (blank(), read(line("an image"))))
    assert texts(pdf) == ["page 1", "page 2", "an image"]
    with pikepdf.open(io.BytesIO(pdf)) as made:
        assert [round(float(page.mediabox[2]), 1) for page in made.pages] == [230.4, 115.2, 230.4]


@pytest.mark.parametrize(
    ("size", "points"), [((1, 1), (3, 3)), ((32_000, 100), (14_400, 45)), ((4, 200), (3, 144))]
)
def test_pages_are_neither_too_small_nor_too_large(
    size: tuple[int, int], points: tuple[float, float]
) -> None:
    image = blank(size, dpi=(100, 100))
    with pikepdf.open(io.BytesIO(searchable((image, read(size=size))))) as document:
        assert [float(edge) for edge in document.pages[0].mediabox[2:]] == pytest.approx(points, abs=0.1)


def test_an_image_without_text_is_a_page_all_the_same() -> None:
    assert texts(searchable((blank(), read()))) == [""]


def test_a_new_document_tells_apart_all_characters_it_has() -> None:
    font = InvisibleFont(pikepdf.new())
    codes = [font.encode(chr(code), 0.5)[0] for code in range(0x10000, 0x1FFFF - 40)]
    assert len(set(codes)) == len(codes)
    left = {font.encode(chr(0x20000 + n), n / 20)[0] for n in range(1, 41)}
    assert len(left) == 40
    assert {font.encode("x", n / 20)[0] for n in range(1, 41)} == left
    assert max(left) == "FFFF"


@pytest.mark.parametrize(
    ("file", "kind", "sentence"),
    [
        ((ROOT / "tests/golden/locked.pdf").read_bytes(), InvalidImageError, "without a password"),
        (b"%PDF-1.7\n", InvalidImageError, "damaged"),
        (b"no image", InvalidImageError, "not an image"),
        (b"", InvalidImageError, "empty"),
        (blank()[:-60], InvalidImageError, "truncated"),
        (blank((10, 10)), InvalidRequestError, "10 x 10 pixels"),
    ],
    ids=["locked", "broken", "no image", "empty", "truncated", "another image"],
)
def test_files_that_cannot_be_used(file: bytes, kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        searchable((file, read(line("x"))))


def test_a_page_that_the_file_has_not() -> None:
    for file in (vector("x"), pages.pdf(Image.new("L", (80, 80), 255)), blank()):
        with pytest.raises(InvalidRequestError, match="a page 2, the file only 1"):
            searchable((file, document([line("x")], first=2)))
