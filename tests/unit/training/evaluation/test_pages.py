"""Figures of whole pages, peers' answers and the report, on pages of bars that a made detector finds."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from handler import networks
from handler.answer import page_answer
from handler.charset import ASCII
from handler.crop import cut, lay_down, turn
from handler.decode import Character, Recognition
from handler.image import Pixels
from handler.layout import Box
from handler.model import CRNN, CRNNConfig, Stage, load_weights, save_weights
from handler.page import Line, Page
from handler.preprocess import Strip
from training.evaluation import page_peers, peers
from training.evaluation import pages as evaluate_pages
from training.evaluation.page_metrics import Bounds, TextLine, match, overlap, score

TINY = CRNNConfig(ASCII, (Stage(8, 1, (2, 2)), Stage(8, 1, (2, 2)), Stage(8, 1, (4, 1))), hidden=8)
LINES: list[TextLine] = [((20, 20, 260, 44), "GRAND TOTAL"), ((20, 80, 120, 104), "RM"),
                         ((180, 80, 280, 104), "RM"), ((20, 140, 280, 164), "GRAND TOTAL")]  # fmt: skip
"""Long lines say one thing on the page of the tests, and short ones another."""
TSV = ["level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext",
       "1\t1\t0\t0\t0\t0\t0\t0\t99\t99\t-1\t",
       "4\t1\t1\t1\t1\t0\t10\t10\t80\t12\t-1\t",
       "5\t1\t1\t1\t1\t1\t10\t12\t30\t10\t90\t\"TOTAL",
       "5\t1\t1\t1\t1\t2\t50\t10\t40\t11\t70\t9.00",
       "5\t1\t1\t1\t2\t1\t10\t30\t20\t10\t95\t ",
       "5\t1\t2\t1\t1\t1\t10\t50\t20\t10\t60\tCASH"]  # fmt: skip


def draw() -> Image.Image:
    """A stem with a block on its left for each of LINES: which way up it is can be told."""
    image = Image.new("RGB", (320, 200), "white")
    pen = ImageDraw.Draw(image)
    for (left, top, right, bottom), _ in LINES:
        pen.rectangle((left, top, left + 11, bottom - 1), "black")
        pen.rectangle((left, (top + bottom) // 2 - 2, right - 1, (top + bottom) // 2 + 2), "black")
    return image


def detect(image: Pixels) -> list[Box]:
    contours, _ = cv2.findContours((image < 128).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = [cv2.boundingRect(contour) for contour in contours]
    return [Box(x + width / 2, y + height / 2, width, height) for x, y, width, height in boxes]


def recognize(_: CRNN, lines: list[Pixels], *_asked: object) -> list[Recognition]:
    """Sure of bars whose block is on the left, and of nothing else."""
    return [recognition(text_of(line), line.shape[1], line.shape[0]) for line in lines]


def text_of(line: Pixels) -> str:
    ink = line < 128
    lies = bool((ink.mean(axis=1) > 0.9).any())
    upright = lies and ink[:, :12].mean() > 0.9
    return "?" if not upright else "GRAND TOTAL" if line.shape[1] > 150 else "RM"


def recognition(text: str, width: float, height: int) -> Recognition:
    """Characters of one width, from edge to edge of a line image; a question mark is doubtful."""
    edges = np.linspace(0, width, len(text) + 1).tolist()
    characters = tuple(
        Character(char, 1.0, start, end) for char, start, end in zip(text, edges[:-1], edges[1:], strict=True)
    )
    return Recognition(text, 0.1 if text == "?" else 0.95, characters, Strip(0, height))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six pages, two of them to measure on, which the made detector and recognizer read."""
    monkeypatch.setattr(evaluate_pages, "Detector", lambda: detect)
    monkeypatch.setattr(networks, "recognize_lines", recognize)
    folder = tmp_path / "receipts"
    for part in ("img", "box"):
        (folder / part).mkdir(parents=True)
    names = [f"{number:03}" for number in range(6)]
    rows = [f"{left},{top},{right},{top},{right},{bottom},{left},{bottom},{text}"
            for (left, top, right, bottom), text in LINES]  # fmt: skip
    for name in names:
        draw().save(folder / "img" / f"{name}.png")
        (folder / "box" / f"{name}.csv").write_text("\n".join([*rows, ""]))
    parts = ("train", "measure", "train") * 2
    split = [f"{name}\t{part}\n" for name, part in zip(names, parts, strict=True)]
    (folder / "split.tsv").write_text("".join(split))
    return folder


@pytest.fixture
def weights(tmp_path: Path) -> str:
    path = tmp_path / "tiny.safetensors"
    save_weights(CRNN(TINY), path, {})
    return str(path)


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 10), (2, 2, 7, 7), 0.25),
        ((0, 0, 10, 10), (20, 0, 30, 10), 0),
        ((0, 0, 10, 10), (20, 20, 30, 30), 0),
        ((5, 5, 5, 5), (5, 5, 5, 5), 0),
    ],
)
def test_overlap_is_intersection_over_union(one: Bounds, other: Bounds, share: float) -> None:
    assert overlap(one, other) == overlap(other, one) == pytest.approx(share)


def test_lines_are_matched_one_to_one_the_closest_first() -> None:
    line, near, nearer, half = (0, 0, 100, 10), (0, 0, 80, 10), (0, 0, 90, 10), (0, 0, 50, 10)
    assert match([near, nearer], [line]) == [(1, 0)]
    assert match([line], [near, nearer]) == [(0, 1)]
    assert sorted(match([near, nearer], [nearer, line])) == [(0, 1), (1, 0)]
    assert match([half], [line]) == [(0, 0)]
    assert match([(0, 0, 49, 10)], [line]) == match([], [line]) == match([line], []) == []


def test_figures_are_sums_over_pages() -> None:
    """Of two lines one is found and one in two parts; words count as often as they are there."""
    labels = [((0, 0, 100, 10), "TOTAL RM RM"), ((0, 20, 100, 30), "Ｃash 5.00")]  # noqa: RUF001
    read = [((0, 0, 98, 10), "total rm"), ((0, 20, 40, 30), "CASH"), ((60, 20, 100, 30), "rm 5.O0 rm")]
    figures = score([(read, labels), ([], []), ([], [((0, 0, 9, 9), "END")])])
    assert (figures["lines"], figures["lines_read"]) == (3, 3)
    assert (figures["line_recall"], figures["line_precision"]) == (0.3333, 0.3333)
    assert (figures["words"], figures["words_read"]) == (6, 6)
    assert figures["word_recall"] == figures["word_precision"] == round(4 / 6, 4)  # TOTAL, RM, RM, CASH
    assert score([(read[:1], labels)])["line_f1"] == round(2 / 3, 4)
    assert score([([], [])])["line_f1"] == 0


def test_words_of_one_page_are_not_found_on_another() -> None:
    one, other = [((0, 0, 9, 9), "ONE")], [((0, 0, 9, 9), "OTHER")]
    assert score([(one, other), (other, one)])["word_recall"] == 0
    assert score([(one, one), (other, other)])["word_recall"] == 1


def test_tesseract_s_words_are_put_into_lines() -> None:
    assert page_peers.lines_of(TSV) == [((10, 10, 90, 22), '"TOTAL 9.00'), ((10, 50, 30, 60), "CASH")]
    assert page_peers.lines_of(TSV[:2]) == []


def test_rapidocr_s_polygons_become_bounds_of_lines_with_text() -> None:
    polygons = np.array([[[1, 2], [9, 1], [9, 5], [1, 6]], [[0, 8], [9, 8], [9, 9], [0, 9]]], np.float32)
    lines = page_peers.found(polygons, ("TOTAL", " "))
    assert json.loads(json.dumps(lines)) == [[[1, 1, 9, 6], "TOTAL"]]
    assert page_peers.found(None, None) == []


def test_a_program_answers_line_by_line_or_says_why_not() -> None:
    python, program = Path(sys.executable), "import json, sys\nfor line in sys.stdin: print(json.loads(line))"
    assert peers.ask(["-c", program], [1, 2], python) == [1, 2]
    with pytest.raises(peers.PeerError, match="no weights"):
        peers.ask(["-c", "import sys; sys.exit('no weights')"], [], python)


def served(line: Line, size: tuple[int, int]) -> np.ndarray:
    """Corners (2 N, 2) of the N boxes of a line's characters on an image (H, W), as the service answers."""
    (answer,) = page_answer(np.empty(size, np.uint8), Page([[line]]))["lines"]
    return np.array([corner for char in answer["chars"] for corner in char["bbox"]])


@pytest.mark.parametrize(
    ("angle", "start", "end", "bounds"),
    [
        (0, 10, 90, [110, 95, 190, 110]),
        (90, 2, 18, [105, 92, 125, 108]),
        (180, 10, 90, [110, 90, 190, 105]),
        (270, 2, 18, [175, 92, 195, 108]),
    ],
)
def test_an_outline_is_where_the_characters_are_on_the_page(
    angle: int, start: float, end: float, bounds: list[float]
) -> None:
    """Of a line 100 x 20 at (100, 90), turned: its text is in the rows 5 to 25, which its image may cut."""
    crop = turn(cut(np.full((200, 300), 255, np.uint8), Box(150, 100, 100, 20)), angle)
    middle = (start + end) / 2
    characters = (Character("a", 1.0, start, middle), Character("b", 1.0, middle, end))
    outline = served(Line(Recognition("ab", 1.0, characters, Strip(5, 25)), crop), (200, 300))
    assert [*outline.min(axis=0), *outline.max(axis=0)] == bounds


def test_an_outline_of_a_line_that_stands_is_the_whole_column() -> None:
    image = np.full((200, 100), 255, np.uint8)
    image[30:170:2, 42:58] = 0
    crop = lay_down(cut(image, Box(50, 100, 20, 160)))
    count = crop.image.shape[1] // 20
    line = Line(recognition("x" * count, crop.image.shape[1], crop.image.shape[0]), crop)
    outline = served(line, (200, 100))
    assert [*outline[:, 0].min(keepdims=True), outline[:, 0].max()] == [40, 60]
    assert (outline[:, 1].min(), outline[:, 1].max()) == pytest.approx((20, 180), abs=8)


def test_pages_are_those_of_the_part_evenly_spread(folder: Path) -> None:
    def names(*asked: str | int | None) -> list[str]:
        return [page.image.stem for page in evaluate_pages.load_pages(folder, *asked)]

    assert names("measure") == ["001", "004"]
    assert names(None) == [f"{number:03}" for number in range(6)]
    assert names(None, 3) == ["000", "002", "004"]
    assert names(None, 4) == ["000", "001", "003", "004"]
    assert names("measure", 9) == ["001", "004"]
    assert evaluate_pages.load_pages(folder, "measure")[0].lines == LINES


def test_pages_are_measured_upright_and_turned_into_tables_and_json(
    folder: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    options = ["--all", "--limit", "2", "--turned", "--modes", "--json", str(report)]
    assert evaluate_pages.main([weights, str(folder), *options]) == 0
    printed = capsys.readouterr().out
    assert "receipts, 2 pages, 8 lines" in printed
    assert "| tiny | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | " in printed
    assert "Turned: 0 of 2 pages and 0 of 8 lines; read from top to bottom: 0 lines." in printed
    for angle in (0, 90, 180, 270):
        assert f"| {angle}° | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | " in printed
    assert "| auto | 1.000 |" in printed
    figures = json.loads(report.read_text("utf-8"))
    assert (figures["model"], figures["pages"], figures["turned_pages"]) == ("tiny", 2, {})
    assert [row["mode"] for row in figures["modes"]] == ["page", "auto"]
    assert figures["rows"][0]["words"] == 12


def test_a_student_reads_first_and_needs_a_threshold(
    folder: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accurate = tmp_path / "accurate.safetensors"
    model, facts = load_weights(Path(weights))
    save_weights(model, accurate, facts | {"cascade": {"student": Path(weights).stem, "threshold": 0.5}})
    assert evaluate_pages.main([str(accurate), str(folder), "--student", weights]) == 0
    assert f"| {Path(weights).stem}, then accurate |" in capsys.readouterr().out
    assert evaluate_pages.main([weights, str(folder), "--student", str(accurate)]) == 2
    assert "has no threshold for accurate" in capsys.readouterr().err


def test_pages_that_were_turned_are_named(
    folder: Path, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    draw().rotate(180).save(folder / "img" / "004.png")
    assert evaluate_pages.main([weights, str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "Turned: 1 of 2 pages (004 by 180°) and 4 of 8 lines;" in printed
    assert "| tiny | 0.500 | 0.500 | 0.500 | 1.000 | 1.000 |" in printed


def test_what_is_found_nowhere_lowers_the_figures(
    folder: Path, weights: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate_pages, "read_pages", lambda *_: [Page([])])
    assert evaluate_pages.main([weights, str(folder)]) == 0
    assert "| tiny | 0.000 | 0.000 | 0.000 | 0.000 | 0.000 |" in capsys.readouterr().out


def test_peers_stand_beside_or_say_why_they_do_not(
    folder: Path,
    weights: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The answer to the first request is dropped: it warms the engine up."""

    def half(images: list[Path]) -> list[page_peers.TimedPage]:
        return [page_peers.TimedPage([], 9), *(page_peers.TimedPage(LINES[:2], 0.25) for _ in images[1:])]

    monkeypatch.setitem(page_peers.ENGINES, "half", half)
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "python")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert evaluate_pages.main([weights, str(folder), "--peers"]) == 0
    printed = capsys.readouterr().out
    assert "| RapidOCR 3.10.0 (PP-OCRv6 small): not installed: run `make peers` | – |" in printed
    assert "included: not installed: install the package tesseract-ocr | – |" in printed
    assert "| half | 0.667 | 1.000 | 0.500 | 0.500 | 1.000 | 0.250 |" in printed


def test_what_cannot_be_read_ends_in_a_sentence(
    folder: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> str:
        assert evaluate_pages.main([weights, *arguments]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        return error

    assert "There is no folder" in said(str(tmp_path / "nowhere"))
    assert "It needs split.tsv" in said(str(tmp_path))
    (folder / "img" / "004.png").write_bytes(b"no image")
    assert "004.png cannot be read: This is not an image" in said(str(folder))
    (folder / "img" / "004.png").unlink()
    assert "holds no image 004" in said(str(folder))
    (folder / "split.tsv").write_text("000\ttrain\n")
    assert "no pages of the part measure" in said(str(folder))
    assert evaluate_pages.main(["crnn_v0", str(folder)]) == 2
    assert "There is no model crnn_v0" in capsys.readouterr().err
