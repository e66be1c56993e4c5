"""A PDF that looks as the images do and can be searched: their pictures, and over them the text, unseen."""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pikepdf
from pikepdf import Name

from frontend.client.forms import Answer, pages
from frontend.formats.pdf_font import InvisibleFont
from frontend.formats.pdf_pages import Source, open_source, reading_pdf
from frontend.formats.pdf_text import Matrix, Point, text_layer

_COVERED = 0.5
"""A line is there already if the page has text of its own for so many of its characters."""


class SearchablePdf:
    """The document, written at the end; `load` gives the file of a name that is added.

    Adding raises what `load` raises, and OCRError where the file is no image or PDF, or not the one that
    was read.
    """

    def __init__(self, stream: BinaryIO, load: Callable[[str], bytes]) -> None:
        self._stream, self._load = stream, load
        self._pdf = pikepdf.new()
        self._font = InvisibleFont(self._pdf)
        self._latest: tuple[str, Source] | None = None

    def add(self, name: str, answer: Answer) -> None:
        source = self._source(name)
        for read in pages(answer):
            number, size = read["page"], (read["width"], read["height"])
            page, matrix = source.copy_page(self._pdf, number, size)
            self._lay_over(page, matrix, list(_missing(read["lines"], matrix, source.own_text(number))))

    def end(self) -> None:
        """Write it, unless it has no page. Raises InvalidImageError if a PDF in it is broken deep inside."""
        if not self._pdf.pages:
            return
        self._font.finish()
        document = io.BytesIO()  # qpdf goes back in what it writes, which a pipe cannot
        with reading_pdf():
            self._pdf.save(document, object_stream_mode=pikepdf.ObjectStreamMode.generate)
        self._stream.write(document.getbuffer())
        self._stream.flush()

    def _source(self, name: str) -> Source:
        """Pages of one document may come one by one: the last file stays open."""
        if self._latest is None or self._latest[0] != name:
            self._latest = name, open_source(self._load(name))
        return self._latest[1]

    def _lay_over(self, page: pikepdf.Page, matrix: Matrix, lines: list[dict[str, Any]]) -> None:
        if not lines:
            return
        with reading_pdf():
            font_name = page.add_resource(self._font.resource, Name.Font, prefix="OCR")
        layer = text_layer(lines, matrix, self._font, str(font_name))
        with reading_pdf():
            page.contents_add(self._pdf.make_stream(b"q\n"), prepend=True)
            page.contents_add(self._pdf.make_stream(b"\nQ\n" + layer))


def _missing(lines: list[dict[str, Any]], matrix: Matrix, own_text: list[Point]) -> Iterator[dict[str, Any]]:
    """The lines that the page has no text for: what it has would be found twice."""
    points = sorted(own_text)
    for line in lines:
        if line["text"].strip():
            left, bottom, right, top = _box_on_page(line["bbox"], matrix)
            column = points[bisect_left(points, (left, bottom)) : bisect_left(points, (right, top))]
            covered = sum(bottom <= y <= top for _, y in column)
            if covered < _COVERED * len("".join(line["text"].split())):
                yield line


def _box_on_page(box: list[list[float]], matrix: Matrix) -> tuple[float, float, float, float]:
    """Left, bottom, right and top in the page's space."""
    a, b, c, d, e, f = matrix
    corners = [(a * x + c * y + e, b * x + d * y + f) for x, y in box]
    (left, right), (bottom, top) = (sorted(edges) for edges in zip(*corners, strict=True))
    return left, bottom, right, top
