"""Answers as text, JSON Lines or a table, for the command line and for POST /render."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO

Answer = dict[str, Any]
"""The JSON object that POST /recognize returns; /docs describes it."""

COLUMNS = ("file", "page", "row", "line", "confidence", "left", "top", "right", "bottom", "text", "model")
TITLE = "==> {} <==".format
"""The heading over the text of an image, as `head` writes them."""


def _csv_title(name: str) -> str:
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow([without_formula(name)])
    return row.getvalue()


TITLES: Mapping[str, Callable[[str], str]] = {"md": "# {}\n".format, "csv": _csv_title}
"""Those of other forms, by their names."""
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
"""Of cells that a spreadsheet computes; the wide ones in East Asian versions (OWASP, "CSV Injection")."""
_SEPARATORS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


class Output(Protocol):
    """A form of output: images are added in their order, then comes the end."""

    def add(self, name: str, answer: Answer) -> None:
        """Print what was read in the image `name`, or keep it for the end."""

    def end(self) -> None:
        """Print what is still missing."""


def without_formula(cell: str) -> str:
    """Text from an image must not run as a formula when a spreadsheet opens it."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def pages(answer: Answer) -> list[dict[str, Any]]:
    """The pages of a document; an image is page 1 of itself."""
    found: list[dict[str, Any]] = answer.get("pages") or [answer | {"page": 1}]
    return found


def reviewed(part: Mapping[str, Any]) -> str:
    """The text of an answer or a line, with its marks of doubt if a threshold asked for them."""
    return str(part.get("reviewed_text") or part["text"])


class Text:
    """The text alone, under headings as `head` writes them if there are several images."""

    def __init__(
        self,
        stream: TextIO,
        *,
        headings: bool,
        title: Callable[[str], str] = TITLE,
        shape: Callable[[Answer], str] = reviewed,
    ) -> None:
        """`title` turns the name of an image into its heading, `shape` its answer into text."""
        self._stream = stream
        self._headings = headings
        self._title = title
        self._shape = shape
        self._blank = ""

    def add(self, name: str, answer: Answer) -> None:
        if self._headings:
            print(f"{self._blank}{self._title(name)}", file=self._stream)
            self._blank = "\n"
        if text := self._shape(answer):
            print(text.removesuffix("\r\n"), file=self._stream)
        self._stream.flush()

    def end(self) -> None:
        """Everything is printed."""


class JsonLines:
    """An object a line: the answer, with the file's name in front."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def add(self, name: str, answer: Answer) -> None:
        print(json.dumps({"file": name} | answer, ensure_ascii=False), file=self._stream, flush=True)

    def end(self) -> None:
        """Everything is printed."""


class Table:
    """Tab-separated, a row for each line that was read, under COLUMNS. Nothing is quoted.

    `row` and `line` count from 0 on each page, as in the answer; positions are pixels of the image; `model`
    is the network that read the line, or nothing if the answer does not name one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._write(COLUMNS)

    def add(self, name: str, answer: Answer) -> None:
        for page in pages(answer):
            for number, line in enumerate(page["lines"]):
                place = (page["page"], line.get("row", ""), number)
                (left, top), (right, bottom) = line["bbox"]
                read = (reviewed(line), line.get("model") or "")
                self._write((name, *place, line["confidence"], left, top, right, bottom, *read))

    def end(self) -> None:
        """Everything is printed."""

    def _write(self, cells: tuple[object, ...]) -> None:
        print("\t".join(_SEPARATORS.sub(" ", str(cell)) for cell in cells), file=self._stream, flush=True)
