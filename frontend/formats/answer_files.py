"""Answers made into files: one of all of them, or one for each in a ZIP."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from frontend.client.fields import FieldsCsv
from frontend.client.forms import TITLE, TITLES, Answer, Output, Table, Text, reviewed
from frontend.formats.fields import FieldsWorkbook
from frontend.formats.hocr import Hocr
from frontend.formats.searchable_pdf import SearchablePdf
from frontend.formats.workbook import Workbook
from frontend.recognition.postprocess import text_of
from frontend.recognition.shapes import BYTE_ORDER_MARK
from frontend.recognition.text_formats import TextFormat

MEDIA_TYPES = {
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "tsv": "text/tab-separated-values",
    "hocr": "application/xhtml+xml",
    "pdf": "application/pdf",
}
MEDIA_TYPES |= {"fields.csv": MEDIA_TYPES["csv"], "fields.xlsx": MEDIA_TYPES["xlsx"]}
_TEXT_FORMATS: Mapping[str, TextFormat] = {"md": "markdown", "csv": "csv"}
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
"""In names of files, on one system or another."""


class Wanted(NamedTuple):
    """What is to be made: one of MEDIA_TYPES, of `txt` perhaps in another shape."""

    form: str
    text_format: TextFormat | None
    separate: bool


def write(
    wanted: Wanted, named: list[dict[str, Any]], file: BinaryIO, images: Sequence[BinaryIO] = ()
) -> None:
    """Write `file`, which is empty, of answers with the names of what was read: {"name": …, "answer": …}.

    For a PDF, `images` are the files that were read. Raises OCRError.
    """
    if wanted.separate:
        _write_all(wanted, named, file, images)
    else:
        _write_one(wanted, named, file, images)
    file.flush()


def stem(names: Sequence[str]) -> str:
    """As the file that was read, less its ending; of several as the first, and how many more there are."""
    first = PurePosixPath(names[0].replace("\\", "/")).stem
    plain = _UNFIT.sub(" ", first).strip(" .")[:100] or "text"
    return f"{plain} +{len(names) - 1}" if len(names) > 1 else plain


def _write_all(
    wanted: Wanted, named: list[dict[str, Any]], file: BinaryIO, images: Sequence[BinaryIO]
) -> None:
    """A ZIP with a file for each answer."""
    names: Counter[str] = Counter()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, given in enumerate(named):
            own = stem([given["name"]])
            names[own.lower()] += 1
            again = f" ({count})" if (count := names[own.lower()]) > 1 else ""
            content = io.BytesIO()
            _write_one(wanted, [given], content, images[number : number + 1])
            packed.writestr(f"{own}{again}.{wanted.form}", content.getbuffer())


def _write_one(
    wanted: Wanted, named: list[dict[str, Any]], file: BinaryIO, images: Sequence[BinaryIO]
) -> None:
    if wanted.form == "pdf":
        named = [{**given, "name": str(number)} for number, given in enumerate(named)]
        _write_answers(SearchablePdf(file, lambda number: _content(images[int(number)])), named)
    elif wanted.form == "xlsx":
        _write_answers(Workbook(file), named)
    elif wanted.form == "fields.xlsx":
        _write_answers(FieldsWorkbook(file), named)
    else:
        text = io.TextIOWrapper(file, "utf-8", newline="\n")
        _write_answers(_text_output(wanted, text, len(named)), named)
        text.detach()


def _content(image: BinaryIO) -> bytes:
    image.seek(0)
    return image.read()


def _text_output(wanted: Wanted, text: io.TextIOWrapper, count: int) -> Output:
    if wanted.form == "tsv":
        return Table(text)
    if wanted.form == "hocr":
        return Hocr(text)
    if wanted.form in {"csv", "fields.csv"}:
        text.write(BYTE_ORDER_MARK)
    if wanted.form == "fields.csv":
        return FieldsCsv(text)
    text_format = _TEXT_FORMATS.get(wanted.form, wanted.text_format)
    shape = partial(text_of, text_format=text_format) if text_format else reviewed
    return Text(text, headings=count > 1, title=TITLES.get(wanted.form, TITLE), shape=shape)


def _write_answers(output: Output, named: list[dict[str, Any]]) -> None:
    for given in named:
        output.add(given["name"], _as_answer(given["answer"]))
    output.end()


def _as_answer(answer: Answer) -> Answer:
    """As the client has it. A record of the history has no pages, but its lines say on which they are."""
    numbers = sorted({line["page"] for line in answer["lines"] if "page" in line})
    if numbers and not answer.get("pages"):
        answer["pages"] = [
            {
                "page": number,
                "width": answer["width"],
                "height": answer["height"],
                "lines": [line for line in answer["lines"] if line.get("page") == number],
            }
            for number in numbers
        ]
    return answer
