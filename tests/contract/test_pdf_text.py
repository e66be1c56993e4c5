"""The text of PDFs is taken as it is seen: turned, typed into forms, stamped on, set widely, or hidden."""

from __future__ import annotations

import io
import json
import math
import zlib
from typing import Any

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

from tests.contract.test_kinds import detector, networks
from tests.contract.test_pages import draw, rows
from tests.plain import recognize_requests

WIDTH, HEIGHT = 595, 842
LINES = ("Landscape table here", "row one 12.50", "row two 13.75")
TURNS = [(shown, turned) for shown in (0, 90, 180, 270) for turned in (0, 90, 180, 270)]


class Paper:
    """A PDF of one page."""

    def __init__(self, content: str, **more: Any) -> None:
        self.pdf = Pdf.new()
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        self.fonts = Dictionary(Font=Dictionary(F1=self.pdf.make_indirect(font)))
        self.page = self.pdf.make_indirect(
            Dictionary(
                Type=Name.Page,
                MediaBox=Array([0, 0, WIDTH, HEIGHT]),
                Resources=self.fonts,
                Contents=self.pdf.make_stream(content.encode("latin1")),
            )
        )
        for name, value in more.items():
            self.page[f"/{name}"] = value
        self.pdf.pages.append(pikepdf.Page(self.page))

    def add_image(self, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        image = self.pdf.make_stream(zlib.compress(pixels.tobytes()))
        for name, value in {
            "Subtype": Name.Image,
            "Width": pixels.shape[1],
            "Height": pixels.shape[0],
            "ColorSpace": Name.DeviceGray,
            "BitsPerComponent": 8,
            "Filter": Name.FlateDecode,
        }.items():
            image[f"/{name}"] = value
        self.page.Resources.XObject = Dictionary(I=image)

    def annotate(self, **facts: Any) -> pikepdf.Object:
        note = self.pdf.make_indirect(Dictionary(Type=Name.Annot, P=self.page, F=4, **facts))
        self.page.Annots = Array([*self.page.get("/Annots", []), note])
        return note

    def read(self, **options: Any) -> dict[str, Any]:
        """The answer for the page, its own text taken."""
        buffer = io.BytesIO()
        self.pdf.save(buffer)
        asked = json.dumps({"pdf_text": True, **options})
        ((status, answer),) = recognize_requests(
            networks(), detector(), [{"body": buffer.getvalue()}], [asked]
        )
        assert status == 200, answer
        (page,) = answer["pages"]
        return dict(page)


def text(x: float, y: float, words: str, turned: int = 0) -> str:
    """Words at a place, turned counterclockwise."""
    cos, sin = round(math.cos(math.radians(turned))), round(math.sin(math.radians(turned)))
    return f"BT /F1 14 Tf {cos} {sin} {-sin} {cos} {x} {y} Tm ({words}) Tj ET\n"


def on_grid(words: str, pitch: float) -> str:
    return "".join(text(72 + pitch * n, 700, letter) for n, letter in enumerate(words) if letter != " ")


@pytest.mark.parametrize(("shown", "turned"), TURNS)
def test_turned_text_comes_line_by_line(shown: int, turned: int) -> None:
    down = {0: (0, -20), 90: (20, 0), 180: (0, 20), 270: (-20, 0)}[turned]
    drawn = [text(300 + down[0] * n, 420 + down[1] * n, line, turned) for n, line in enumerate(LINES)]
    paper = Paper("".join(drawn), Rotate=shown)
    taken = paper.read()
    assert rows(taken) == list(LINES)
    assert taken["angle"] == (turned - shown) % 360
    read = paper.read(pdf_text=False)
    assert rows(read) == list(LINES)
    for one, other in zip(taken["lines"], read["lines"], strict=True):
        assert np.abs(np.array(one["bbox"]) - np.array(other["bbox"])).max() < 12


def test_a_note_beside_upright_text_is_a_line_of_its_own() -> None:
    body = "".join(text(72, 700 - 20 * n, f"Body line of the page {n}") for n in range(5))
    found = rows(Paper(body + text(40, 300, "A note in the margin", 90)).read())
    assert found == [*(f"Body line of the page {n}" for n in range(5)), "A note in the margin"]


def test_what_is_beside_turned_text_is_read() -> None:
    paper = Paper(text(40, 300, "Typed beside it", 90) + "q 0 400 -60 0 300 100 cm /I Do Q\n")
    scan = draw([(60, 20, "Scanned and sideways")], (660, 99))[0]
    paper.add_image(np.asarray(scan.convert("L")))
    found = paper.read()
    assert rows(found) == ["Typed beside it", "Scanned and sideways"]
    assert found["angle"] == 90


def test_what_was_typed_into_a_form_is_taken() -> None:
    paper = Paper(text(72, 740, "Name:") + text(72, 700, "Country:"))
    field = {"Subtype": Name.Widget, "DA": String("/F1 12 Tf 0 g")}
    fields = [
        paper.annotate(**field, FT=Name.Tx, V=String("Ada Lovelace"), Rect=Array([150, 735, 400, 755])),
        paper.annotate(
            **field,
            FT=Name.Ch,
            Ff=1 << 17,
            V=String("Switzerland"),
            Opt=Array([String("Switzerland")]),
            Rect=Array([150, 695, 400, 715]),
        ),
    ]
    for number, one in enumerate(fields):
        one.T = String(f"field {number}")
    paper.pdf.Root.AcroForm = Dictionary(Fields=Array(fields), NeedAppearances=True, DR=paper.fonts)
    assert rows(paper.read()) == ["Name: Ada Lovelace", "Country: Switzerland"]


def test_a_stamp_is_taken() -> None:
    paper = Paper(text(72, 700, "Reviewed document"))
    look = paper.pdf.make_stream(b"BT /F1 16 Tf 5 10 Td (APPROVED) Tj ET")
    look.Subtype, look.BBox, look.Resources = Name.Form, Array([0, 0, 250, 40]), paper.fonts
    paper.annotate(Subtype=Name.Stamp, Rect=Array([72, 500, 322, 540]), AP=Dictionary(N=look))
    assert rows(paper.read()) == ["Reviewed document", "APPROVED"]


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        (text(72, 700, "Seen words") + text(700, 700, "Beyond the edge"), "Seen words"),
        (text(72, 700, "Seen words") + text(72, 900, "Above the edge"), "Seen words"),
        (text(72, 700, "Seen words") + "1 g " + text(72, 650, "White on white"), "Seen words"),
        (text(72, 700, "Seen words") + "3 Tr " + text(72, 650, "In no colour"), "Seen words"),
        (text(72, 700, "Redacted name is not there") + "0 g 130 690 47 25 re f", "Redacted is not there"),
    ],
)
def test_what_is_not_seen_is_left_out_and_that_is_said(hidden: str, shown: str) -> None:
    page = Paper(hidden).read()
    assert " ".join(rows(page)).split() == shown.split()
    assert [warning for warning in page["warnings"] if "cannot be seen" in warning]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (on_grid("Letters placed one by one", 8), "Letters placed one by one"),
        ("3 Tc " + text(72, 700, "Tracked out words"), "Tracked out words"),
        ("BT /F1 12 Tf 72 700 Td [(K) 40 (erned) -320 (t) 20 (ext) -330 (here)] TJ ET", "Kerned text here"),
        (text(72, 700, "- l | . i"), "- l | . i"),
        (text(72, 700, "Wheat"), "Wheat"),
    ],
)
def test_words_begin_where_the_places_of_the_glyphs_say(content: str, words: str) -> None:
    page = Paper(content).read()
    assert rows(page) == [words]
    assert "warnings" not in page


def test_the_cells_of_a_row_are_lines() -> None:
    cells = [("Item", "Price"), ("Bread", "2.50"), ("Butter", "13.75")]
    row = "BT /F1 12 Tf 72 {} Td ({}) Tj 250 0 Td ({}) Tj ET\n"
    page = Paper("".join(row.format(700 - 20 * n, *cell) for n, cell in enumerate(cells))).read()
    assert [line["text"] for line in page["lines"]] == [cell for row in cells for cell in row]
    assert rows(page) == [" ".join(row) for row in cells]


def test_a_hyphen_at_the_end_of_a_line_is_one() -> None:
    assert rows(Paper(text(72, 700, "The inter-") + text(72, 680, "national meeting")).read()) == [
        "The inter-",
        "national meeting",
    ]


def test_lines_of_a_font_are_equally_high() -> None:
    words = ("any long quiet jetty", "a new room", "The Tall Hill")
    page = Paper("".join(text(72, 700 - 20 * n, word) for n, word in enumerate(words))).read()
    heights = [line["bbox"][1][1] - line["bbox"][0][1] for line in page["lines"]]
    assert max(heights) - min(heights) <= 1  # a pixel
