"""The first stage: encoded images, PDF and TIFF files -> page images, and the characters that a PDF has.

PDFium draws and reads PDFs (pypdfium2); it is not thread-safe, and a worker has one thread for requests.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

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
from handler.pdf_glyphs import Bounds, Place, Run, runs_of, turn_of

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


@dataclass(frozen=True)
class Sheet:
    """One page of a document: its image, and, if asked for, the characters of each line of a PDF's text."""

    image: Pixels
    runs: Sequence[Run] = ()
    angle: int = 0
    """Degrees clockwise by which the image is turned for its `runs` to be upright; `ticks` lie there, too."""
    has_pictures: bool = False
    """Of a page with `runs`: whether it shows pictures, which may have text of their own."""
    warnings: Sequence[str] = ()
    """Sentences about what was left out."""
    ticks: Sequence[Run] = ()
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
                yield _pdf_sheet(document, number, with_text)
        finally:
            document.close()
    except pypdfium2.PdfiumError as error:
        raise InvalidImageError("invalid-image", _advice(str(error))) from None


def _advice(error: str) -> str:
    if "assword" in error or "ecurity" in error:
        return "The PDF is encrypted. Save it without a password and send it again."
    return "The PDF is damaged. Open it, export it again and resend it."


def _pdf_sheet(document: pypdfium2.PdfDocument, number: int, with_text: bool) -> Sheet:
    """A page drawn at RESOLUTION, or smaller if it is so large that MAX_PIXELS would be passed."""
    page, ticked = _opened(document, number, with_text)
    with closing(page):
        width, height = page.get_size()
        scale = RESOLUTION / POINTS_PER_INCH
        scale = min(scale, (MAX_PIXELS / max(1.0, width * height)) ** 0.5)
        with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:  # red first
            image = collapse_grey(bitmap.to_numpy()[..., :3].copy())
            place = Place(bitmap.get_posconv(page), bitmap.height, bitmap.width)
        sheet = Sheet(image, warnings=_about_size(scale))
        if with_text:
            sheet, place = _with_text(sheet, page, place)
        return _with_ticks(sheet, list(map(place.pixels, ticked)))


def _opened(
    document: pypdfium2.PdfDocument, number: int, with_text: bool
) -> tuple[pypdfium2.PdfPage, list[Bounds]]:
    """A page, and the bounds of the ticked boxes on it in points: left, bottom, right and top.

    `with_text`: what was typed into a form, and notes, are a part of its text.
    """
    page = document[number]
    ticked = list(_ticked(page, document.formenv)) if document.formenv else []
    if with_text and pdfium.FPDFPage_GetAnnotCount(page):
        pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
        page.close()
        page = document[number]
    return page, ticked


def _with_text(sheet: Sheet, page: pypdfium2.PdfPage, place: Place) -> tuple[Sheet, Place]:
    """The sheet with the page's text, and where that is turned upright."""
    with closing(page.get_textpage()) as text:
        place = replace(place, angle=turn_of(page, text))
        runs = list(runs_of(page, text, place))
    pictures = _picture_area(page)
    warnings = [*sheet.warnings, *([SMALL_PICTURES] if runs and 0 < pictures <= PICTURE else [])]
    has_pictures = pictures > PICTURE
    return replace(sheet, runs=runs, angle=place.angle, has_pictures=has_pictures, warnings=warnings), place


def _with_ticks(sheet: Sheet, ticked: Sequence[Bounds]) -> Sheet:
    """The sheet with TICKED in the place of the signs in its ticked boxes."""
    runs = [[glyph for glyph in run if not _is_in(glyph[1], ticked)] for run in sheet.runs]
    return replace(sheet, runs=[run for run in runs if run], ticks=list(map(_tick, ticked)))


def _is_in(bounds: Bounds, boxes: Sequence[Bounds]) -> bool:
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    return any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in boxes)


def _tick(box: Bounds) -> Run:
    left, top, right, bottom = box
    step = (right - left) / len(TICKED)
    return [(char, (left + step * n, top, left + step * (n + 1), bottom)) for n, char in enumerate(TICKED)]


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


def _ticked(page: pypdfium2.PdfPage, form: pypdfium2.PdfFormEnv) -> Iterator[Bounds]:
    """The ticked boxes and buttons of a form on a page."""
    for number in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation, bounds = pdfium.FPDFPage_GetAnnot(page, number), pdfium.FS_RECTF()
        try:
            kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
            if kind in _TICKABLE and pdfium.FPDFAnnot_IsChecked(form, annotation):
                pdfium.FPDFAnnot_GetRect(annotation, bounds)
                yield bounds.left, bounds.bottom, bounds.right, bounds.top
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
