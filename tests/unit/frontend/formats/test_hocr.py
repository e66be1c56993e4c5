"""hOCR of answers."""

from __future__ import annotations

import io
from typing import Any
from xml.etree import ElementTree as ET

from frontend.formats import hocr
from tests.unit.frontend.fake_service import answer, document, line

XHTML = "{http://www.w3.org/1999/xhtml}"


def _written(*named: tuple[str, dict[str, Any]]) -> dict[str, list[ET.Element]]:
    """The elements of the document by their class."""
    written = io.StringIO()
    output = hocr.Hocr(written)
    for name, given in named:
        output.add(name, given)
    output.end()
    found: dict[str, list[ET.Element]] = {}
    for element in ET.fromstring(written.getvalue().encode()).iter():
        found.setdefault(element.get("class", element.tag.removeprefix(XHTML)), []).append(element)
    return found


def test_it_has_the_boxes_of_pages_lines_and_words() -> None:
    image = answer(line("<b> & 3"), line("Sum", top=60))
    found = _written(('a"&<.png', image), ("b.pdf", document("i", "j")))
    assert [page.get("title") for page in found["ocr_page"]] == [
        'image "a\'&<.png"; bbox 0 0 640 480; ppageno 0',
        'image "b.pdf"; bbox 0 0 100 50; ppageno 1',
        'image "b.pdf"; bbox 0 0 200 50; ppageno 2',
    ]
    lines, words = found["ocr_line"], found["ocrx_word"]
    assert [line.get("title") for line in lines[:2]] == ["bbox 10 20 81 40", "bbox 10 60 41 80"]
    assert [(word.text, word.get("title")) for word in words[:4]] == [
        ("<b>", "bbox 10 20 41 40; x_wconf 50"),
        ("&", "bbox 50 20 61 40; x_wconf 99"),
        ("3", "bbox 70 20 81 40; x_wconf 99"),
        ("Sum", "bbox 10 60 41 80; x_wconf 50"),
    ]
    assert [len(line) for line in lines] == [3, 1, 1, 1]
    names = [element.get("id") for kind in ("ocr_page", "ocr_line", "ocrx_word") for element in found[kind]]
    assert len(set(names)) == len(names) == 13
    assert {meta.get("name"): meta.get("content") for meta in found["meta"]} == {
        None: "text/html; charset=utf-8",
        "ocr-system": "crnn-ocr-service, crnn_v3 1.0-3fa94c1b.77d0",
        "ocr-capabilities": "ocr_page ocr_line ocrx_word",
    }


def test_what_xml_cannot_hold_is_replaced() -> None:
    found = _written(("a\x01.png", answer(line("a\x1bb\ud800c"))))
    assert found["ocrx_word"][0].text == "a\ufffdb\ufffdc"
    assert "a\ufffd.png" in str(found["ocr_page"][0].get("title"))


def test_text_and_names_stay_text() -> None:
    """Neither adds an element, an attribute, or a property to a title."""
    evil = '"><script>x</script><!--]]>&quot;'
    found = _written((f'a"; bbox 0 0 1 1; x "{evil}.png', answer(line(evil), model=evil)))
    assert set(found) == {
        "html", "head", "title", "meta", "body", "ocr_page", "ocr_line", "ocrx_word"
    }  # fmt: skip
    assert [word.text for word in found["ocrx_word"]] == [evil]
    assert {name for part in found["ocr_page"] for name in part.attrib} == {"class", "id", "title"}
    quoted, _, properties = str(found["ocr_page"][0].get("title")).rpartition('"')
    assert quoted.count('"') == 1
    assert properties == "; bbox 0 0 640 480; ppageno 0"


def test_words_without_characters_share_the_line_s_box() -> None:
    plain = {"text": "ab c", "confidence": 0.9, "bbox": [[100, 0], [140, 20]]}
    assert list(hocr.words(plain)) == [("ab", [[100, 0], [120, 20]], 0.9), ("c", [[130, 0], [140, 20]], 0.9)]
    assert list(hocr.words(plain | {"text": ""})) == []
