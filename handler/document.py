"""The first stage: encoded images, PDF and TIFF files -> page images, and the characters that a PDF has.

PDFium draws and reads PDFs (pypdfium2); it is not thread-safe, and a worker has one thread for requests.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

from handler.image import (
    MAX_PIXELS,
    InvalidImageError,
    Pixels,
    collapse_grey,
    count_frames,
    decode_image,
    to_pixels,
)

MAX_PAGES = 10
"""Pages of a document that one request reads at most."""
RESOLUTION = 200
"""Dots per inch at which a page of a PDF is drawn."""
POINTS_PER_INCH = 72
COARSE_DRAWING = 0.9
"""A page that is drawn with less than this part of RESOLUTION may lose small print."""
PICTURE = 0.01
"""The part of a page from which on pictures are looked at for text beside the page's own."""

SMALL_PICTURES = "Small pictures on the page were not searched for text."
TICKED = "[x]"
"""A ticked box of a form, as text."""
_TICKABLE = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)

Glyph = tuple[str, tuple[float, float, float, float]]
"""A character and its left, top, right and bottom in pixels of the drawn page."""


@dataclass(frozen=True)
class Sheet:
    """One page of a document: its image, and, if asked for, the characters of each line of a PDF's text."""

    image: Pixels
    runs: Sequence[Sequence[Glyph]] = ()
    has_pictures: bool = False
    """Of a page with `runs`: whether it shows pictures, which may have text of their own."""
    warnings: Sequence[str] = ()
    """Sentences about what was left out."""
    ticks: Sequence[Sequence[Glyph]] = ()
    """The ticked boxes of a PDF's form, each as TICKED."""


def is_pdf(data: bytes) -> bool:
    """Whether these bytes are a PDF; its mark may stand anywhere in the first kilobyte."""
    return b"%PDF-" in data[:1024]


def open_sheets(data: bytes, pages: str | None = None, with_text: bool = False) -> tuple[list[Sheet], bool]:
    """The pages of an encoded image or document, and whether it is a document: a PDF, or a TIFF of several.

    `pages`, such as "3" or "2-5", names the ones that are wanted, from 1 on. `with_text`: take the text that
    a page of a PDF has.

    Raises:
        InvalidImageError: it cannot be read, or has more pages than MAX_PAGES, or lacks those named.
    """
    if is_pdf(data):
        return list(_pdf_sheets(data, pages, with_text)), True
    count = count_frames(data)
    sheets = [Sheet(to_pixels(decode_image(data, frame))) for frame in _chosen(pages, count)]
    return sheets, count > 1


def _chosen(pages: str | None, count: int) -> range:
    """The numbers, from 0 on, of the wanted pages of `count`."""
    first, _, last = (pages or f"1-{count}").partition("-")
    chosen = range(int(first) - 1, int(last or first))
    if not chosen or chosen.start < 0 or chosen.stop > count:
        raise InvalidImageError(
            "invalid-request", f"There are no pages {pages}: the file has {count} of them.", 422, "pages"
        )
    if len(chosen) > MAX_PAGES:
        raise InvalidImageError(
            "image-too-large",
            f"The document has {len(chosen)} pages; at most {MAX_PAGES} are read at once. "
            f"Name the ones you want, for example pages=1-{MAX_PAGES}, and ask again for the rest.",
            413,
        )
    return chosen


def _pdf_sheets(data: bytes, pages: str | None, with_text: bool) -> Iterator[Sheet]:
    try:
        document = pypdfium2.PdfDocument(data)
        try:
            document.init_forms()  # before a page is opened: what was typed into a form is drawn, too
            if not len(document):
                raise InvalidImageError(
                    "invalid-image", "The PDF has no pages. Export it again and resend it."
                )
            for number in _chosen(pages, len(document)):
                yield _pdf_sheet(document[number], document.formenv, with_text)
        finally:
            document.close()
    except pypdfium2.PdfiumError as error:
        raise InvalidImageError("invalid-image", _advice(str(error))) from None


def _advice(error: str) -> str:
    if "assword" in error or "ecurity" in error:
        return "The PDF is encrypted. Save it without a password and send it again."
    return "The PDF is damaged. Open it, export it again and resend it."


def _pdf_sheet(page: pypdfium2.PdfPage, form: pypdfium2.PdfFormEnv | None, with_text: bool) -> Sheet:
    """A page drawn at RESOLUTION, or smaller if it is so large that MAX_PIXELS would be passed."""
    try:
        width, height = page.get_size()
        scale = RESOLUTION / POINTS_PER_INCH
        scale = min(scale, (MAX_PIXELS / max(1.0, width * height)) ** 0.5)
        bitmap = page.render(scale=scale, rev_byteorder=True)  # red first
        try:
            image = collapse_grey(bitmap.to_numpy()[..., :3].copy())
            warnings, places = _about_size(scale), bitmap.get_posconv(page)
            ticks = list(_ticks(page, form, places)) if form else []
            if not with_text:
                return Sheet(image, warnings=warnings, ticks=ticks)
            runs, pictures = _text_runs(page, places), _picture_area(page)
            if any(runs) and 0 < pictures <= PICTURE:
                warnings.append(SMALL_PICTURES)
            return Sheet(image, runs, pictures > PICTURE, warnings, ticks)
        finally:
            bitmap.close()
    finally:
        page.close()


def _about_size(scale: float) -> list[str]:
    """The notice for a page that is drawn so many times as large as in points."""
    resolution = scale * POINTS_PER_INCH
    if resolution > COARSE_DRAWING * RESOLUTION:
        return []
    return [
        f"The page is so large that it was drawn at {resolution:.0f} dots per inch instead of {RESOLUTION}: "
        "small print may be missing."
    ]


def _picture_area(page: pypdfium2.PdfPage) -> float:
    """The part of a page that its pictures take, all together."""
    width, height = page.get_size()
    bounds = [picture.get_bounds() for picture in page.get_objects(filter=(FPDF_PAGEOBJ_IMAGE,))]
    area = sum(abs((right - left) * (top - bottom)) for left, bottom, right, top in bounds)
    return float(area / max(1.0, width * height))


def _text_runs(page: pypdfium2.PdfPage, places: pypdfium2.PdfPosConv) -> list[list[Glyph]]:
    text = page.get_textpage()
    try:
        return list(_runs(text, places))
    finally:
        text.close()


def _runs(text: pypdfium2.PdfTextPage, places: pypdfium2.PdfPosConv) -> Iterator[list[Glyph]]:
    """The characters of each line: a line ends where PDFium sees a line feed."""
    run: list[Glyph] = []
    for number in range(text.count_chars()):
        char = text.get_text_range(number, 1)
        if char in {"\r", "\n"}:
            yield run
            run = []
        elif char:
            run.append((char[0], _in_pixels(text.get_charbox(number), places)))
    yield run


def _in_pixels(box: Sequence[float], places: pypdfium2.PdfPosConv) -> tuple[float, float, float, float]:
    """Left, bottom, right and top in points -> left, top, right and bottom in pixels of the drawn page."""
    left, bottom, right, top = box
    corners = places.to_bitmap(left, top), places.to_bitmap(right, bottom)
    (left, right), (top, bottom) = map(sorted, zip(*corners, strict=True))
    return left, top, right, bottom


def _ticks(
    page: pypdfium2.PdfPage, form: pypdfium2.PdfFormEnv, places: pypdfium2.PdfPosConv
) -> Iterator[list[Glyph]]:
    """The ticked boxes and buttons of a form on a page, each as TICKED."""
    for number in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation, bounds = pdfium.FPDFPage_GetAnnot(page, number), pdfium.FS_RECTF()
        try:
            kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
            if kind in _TICKABLE and pdfium.FPDFAnnot_IsChecked(form, annotation):
                pdfium.FPDFAnnot_GetRect(annotation, bounds)
                box = (bounds.left, bounds.bottom, bounds.right, bounds.top)
                left, top, right, bottom = _in_pixels(box, places)
                step = (right - left) / len(TICKED)
                yield [
                    (char, (left + step * n, top, left + step * (n + 1), bottom))
                    for n, char in enumerate(TICKED)
                ]
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
