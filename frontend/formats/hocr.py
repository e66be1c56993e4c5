"""hOCR 1.2 (https://kba.github.io/hocr-spec/1.2/): one XHTML document with the pages of all images."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TextIO
from xml.etree import ElementTree as ET

from frontend.client.forms import Answer, pages
from frontend.recognition.words import words

PROLOGUE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
)
CAPABILITIES = "ocr_page ocr_line ocrx_word"
SYSTEM = "crnn-ocr-service"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


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
