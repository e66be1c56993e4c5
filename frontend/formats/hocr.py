"""hOCR 1.2 (https://kba.github.io/hocr-spec/1.2/): one XHTML document with the pages of all images."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple, TextIO
from xml.etree import ElementTree as ET

from frontend.formats.text import Answer, pages

PROLOGUE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
)
CAPABILITIES = "ocr_page ocr_line ocrx_word"
SYSTEM = "crnn-ocr-service"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


class Word(NamedTuple):
    """Text between white space; box as [left, top] and [right, bottom] in pixels, confidence from 0 to 1."""

    text: str
    bbox: list[list[float]]
    confidence: float


class Hocr:
    """The document, printed at the end. Words come from the characters, so ask for `detail=chars`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._body = ET.Element("body")
        self._models: set[str] = set()

    def add(self, name: str, answer: Answer) -> None:
        self._models.add(f"{answer.get('model', '')} {answer.get('model_version', '')}".strip())
        for page in pages(answer):
            self._body.append(_page(name, page, number=len(self._body)))

    def end(self) -> None:
        document = ET.Element("html", {"xmlns": "http://www.w3.org/1999/xhtml"})
        document.append(self._head())
        document.append(self._body)
        ET.indent(document)
        markup = ET.tostring(document, encoding="unicode", short_empty_elements=False)
        print(PROLOGUE + markup, file=self._stream, flush=True)

    def _head(self) -> ET.Element:
        head = ET.Element("head")
        ET.SubElement(head, "title").text = "OCR"
        content_type = {"http-equiv": "Content-Type", "content": "text/html; charset=utf-8"}
        ET.SubElement(head, "meta", content_type)
        system = ", ".join([SYSTEM, *sorted(filter(None, self._models))])
        ET.SubElement(head, "meta", {"name": "ocr-system", "content": _clean(system)})
        ET.SubElement(head, "meta", {"name": "ocr-capabilities", "content": CAPABILITIES})
        return head


def words(line: Mapping[str, Any]) -> Iterator[Word]:
    """The words of a line: each the box around its characters, as sure as the least sure of them."""
    for blank, run in groupby(_characters(line), key=lambda char: str(char["char"]).isspace()):
        if not blank:
            chars = list(run)
            starts, ends = zip(*(char["bbox"] for char in chars), strict=True)
            start, end = map(min, zip(*starts, strict=True)), map(max, zip(*ends, strict=True))
            confidence = min(char["confidence"] for char in chars)
            yield Word("".join(char["char"] for char in chars), [list(start), list(end)], confidence)


def _characters(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The characters of a line; where the service gives none, equal parts of its box."""
    if line.get("chars"):
        return list(line["chars"])
    (left, top), (right, bottom) = line["bbox"]
    step = (right - left) / max(1, len(line["text"]))
    edges = [left + step * number for number in range(len(line["text"]) + 1)]
    return [
        {"char": char, "bbox": [[edges[n], top], [edges[n + 1], bottom]], "confidence": line["confidence"]}
        for n, char in enumerate(line["text"])
    ]


def _page(name: str, page: Mapping[str, Any], number: int) -> ET.Element:
    """Pages are counted from 0 through the document. A name in hOCR cannot hold a double quote."""
    image = f'image "{_clean(name).replace(chr(34), chr(39))}"'
    size = _bbox([[0, 0], [page["width"], page["height"]]])
    element = _element("div", "ocr_page", f"page_{number}", image, size, f"ppageno {number}")
    for n, line in enumerate(page["lines"]):
        element.append(_line(line, f"{number}_{n}"))
    return element


def _line(line: Mapping[str, Any], number: str) -> ET.Element:
    element = _element("span", "ocr_line", f"line_{number}", _bbox(line["bbox"]))
    for n, word in enumerate(words(line)):
        confidence = f"x_wconf {round(100 * word.confidence)}"
        child = _element("span", "ocrx_word", f"word_{number}_{n}", _bbox(word.bbox), confidence)
        child.text = _clean(word.text)
        element.append(child)
    return element


def _element(tag: str, kind: str, name: str, *properties: str) -> ET.Element:
    return ET.Element(tag, {"class": kind, "id": name, "title": "; ".join(properties)})


def _bbox(box: list[list[float]]) -> str:
    """Whole pixels, as hOCR wants them: the smallest such box around this one."""
    (left, top), (right, bottom) = box
    return f"bbox {math.floor(left)} {math.floor(top)} {math.ceil(right)} {math.ceil(bottom)}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
