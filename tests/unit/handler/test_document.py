"""Pages of documents as images."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
from PIL import Image, ImageDraw, ImageFont

from handler.document import open_sheets
from tests.e2e.pages import pdf

RED, BLUE = (220, 20, 30), (20, 40, 230)


def drawn(ink: tuple[int, int, int], ground: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", (300, 200), ground)
    ImageDraw.Draw(image).text((20, 60), "INVOICE", ink, ImageFont.load_default(48))
    return image


def tiff(*pages: Image.Image) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    return file.getvalue()


def test_pages_of_a_pdf_keep_their_colours_and_grey_ones_have_one_channel() -> None:
    sheets, is_document = open_sheets(pdf(drawn(RED, BLUE), drawn((0, 0, 0), (255, 255, 255))))
    colours, grey = (sheet.image for sheet in sheets)
    assert is_document
    assert colours.ndim == 3
    assert np.abs(np.median(colours, axis=(0, 1)) - BLUE).max() < 8
    assert np.abs(colours.astype(int) - RED).sum(axis=2).min() < 24
    assert grey.ndim == 2
    assert grey.min() < 20


def test_a_page_so_large_that_it_is_drawn_smaller_says_so() -> None:
    (small, large), _ = open_sheets(pdf_of_sizes((595, 842), (2384, 3370)))
    assert small.warnings == []
    (warning,) = large.warnings
    resolution = large.image.shape[0] * 72 / 3370
    assert f" {resolution:.0f} dots per inch instead of 200" in warning


def pdf_of_sizes(*sizes: tuple[float, float]) -> bytes:
    """A PDF of empty pages, sizes in points."""
    document, file = pypdfium2.PdfDocument.new(), io.BytesIO()
    for size in sizes:
        document.new_page(*size)
    document.save(file)
    return file.getvalue()


def test_pages_of_a_tiff_keep_their_colours() -> None:
    (colours, grey), _ = open_sheets(tiff(drawn(RED, BLUE), drawn((0, 0, 0), (255, 255, 255)).convert("L")))
    assert colours.image[0, 0].tolist() == list(BLUE)
    assert grey.image.shape == (200, 300)


def form(*states: str) -> bytes:
    """A PDF, 200 points square, with check boxes of these states in a row, 20 points each, at its middle."""
    fields = " ".join(f"{3 + n} 0 R" for n in range(len(states)))
    drawing = "stream\n0 0 20 20 re f\nendstream"
    objects = [
        f"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[{fields}]>>>>",
        f"<</Type/Pages/Kids[{3 + len(states)} 0 R]/Count 1>>",
        *(
            f"<</Type/Annot/Subtype/Widget/FT/Btn/F 4/T(b{n})/Rect[{40 * n} 90 {40 * n + 20} 110]/V/{state}"
            f"/AS/{state}/AP<</N<</Yes {4 + len(states)} 0 R>>>>>>"
            for n, state in enumerate(states)
        ),
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Annots[{fields}]>>",
        f"<</Type/XObject/Subtype/Form/BBox[0 0 20 20]/Length {len('0 0 20 20 re f')}>>{drawing}",
    ]
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj{content}endobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    tail = f"trailer<</Root 1 0 R/Size {size}>>\nstartxref\n{len(body)}\n%%EOF"
    return body + f"xref\n0 {size}\n0000000000 65535 f \n{table}{tail}".encode()


def test_ticked_boxes_of_a_form_are_known_with_their_places() -> None:
    ((sheet,), _) = open_sheets(form("Yes", "Off", "Yes"))
    assert ["".join(char for char, _ in run) for run in sheet.ticks] == ["[x]", "[x]"]
    lefts = [round(run[0][1][0] * 72 / 200) for run in sheet.ticks]
    assert lefts == [0, 80]
    top, bottom = sheet.ticks[0][0][1][1], sheet.ticks[0][0][1][3]
    assert [round(side * 72 / 200) for side in (top, bottom)] == [90, 110]
    assert open_sheets(pdf(drawn(RED, BLUE)))[0][0].ticks == []
