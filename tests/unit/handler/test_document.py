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
