"""Whole pages and documents through the real stack."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.e2e import lines, pages
from tests.e2e.service import ROOT, Service
from tests.e2e.test_bad_input import assert_problem
from tests.plain import MODEL, read_plainly

CLIENTS = 8


@pytest.mark.parametrize("mode", ["auto", "page"])
def test_a_page_is_read_row_by_row(service: Service, mode: str) -> None:
    answer = service.post(lines.encode(pages.draw(1)), mode=mode, detail="chars").json()
    assert answer["text"] == pages.text(1)
    assert answer["angle"] == 0
    assert len(answer["lines"]) == 12
    assert [line["row"] for line in answer["lines"]] == [0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    for line in answer["lines"]:
        assert "".join(char["char"] for char in line["chars"]) == line["text"]
        assert len(line["polygon"]) == 4


def test_a_page_upside_down_says_so(service: Service) -> None:
    turned = pages.draw(2).transpose(Image.Transpose.ROTATE_180)
    answer = service.post(lines.encode(turned)).json()
    assert (answer["text"], answer["angle"]) == (pages.text(2), 180)


def test_a_line_reads_the_same_in_auto(service: Service) -> None:
    image = lines.png("Invoice 7781")
    auto, line = (service.post(image, mode=mode).json() for mode in ("auto", "line"))
    assert auto["text"] == line["text"] == "Invoice 7781"
    assert auto["lines"] == line["lines"]


def test_a_document_has_its_pages(service: Service) -> None:
    answer = service.post(pages.pdf(pages.draw(3), pages.draw(4))).json()
    assert [page["text"] for page in answer["pages"]] == [pages.text(3), pages.text(4)]
    assert [page["page"] for page in answer["pages"]] == [1, 2]
    assert answer["text"] == f"{pages.text(3)}\n\n{pages.text(4)}"
    assert {line["page"] for line in answer["lines"]} == {1, 2}
    record = service.get(f"/history/{answer['history_id']}").json()
    assert record["text"] == answer["text"]
    without_chars = [{**line, "chars": None} for page in record["pages"] for line in page["lines"]]
    assert without_chars == [{**line, "chars": None} for line in answer["lines"]]
    for page, read in zip(record["pages"], answer["pages"], strict=True):
        assert {**page, "lines": None} == {**read, "lines": None}
    second = service.post(pages.pdf(pages.draw(3), pages.draw(4)), pages="2").json()
    assert [(page["page"], page["text"]) for page in second["pages"]] == [(2, pages.text(4))]


def test_options_change_the_answer_and_those_of_reading_are_cached_apart(service: Service) -> None:
    image = lines.encode(pages.draw(5))
    plain = service.post(image).json()
    figures = service.post(image, allowlist="0123456789.").json()
    reviewed = service.post(image, threshold=0.999).json()
    # a threshold only marks what was read: the same reading answers
    assert [answer["cached"] for answer in (plain, figures, reviewed)] == [False, False, True]
    assert set(figures["text"]) <= set("0123456789. \n")
    assert "TOTAL" not in figures["text"]
    assert reviewed["text"] == plain["text"]
    assert len(reviewed["reviewed_text"]) == len(plain["text"])
    assert "reviewed_text" not in plain
    again = service.post(image, allowlist="0123456789.").json()
    assert (again["cached"], again["text"]) == (True, figures["text"])


def test_eight_clients_with_pages_get_what_each_gets_alone(service: Service) -> None:
    numbers = list(range(100, 100 + 3 * CLIENTS))
    images = [lines.encode(pages.draw(number)) for number in numbers]
    with ThreadPoolExecutor(CLIENTS) as clients:
        together = [answer.json() for answer in clients.map(partial(service.post, model=MODEL), images)]
    assert not any(answer["cached"] for answer in together)
    for number, answer in zip(numbers, together, strict=True):
        assert answer["text"].startswith(pages.text(number).partition("\n")[0])
    read = ["\n".join(line["text"] for line in answer["lines"]) for answer in together]
    assert read == [read_plainly([image])[0] for image in images]
    for number, image, answer in list(zip(numbers, images, together, strict=True))[::6]:
        alone = service.post(image + b"\0", model=MODEL).json()  # the same page in other bytes
        assert not alone["cached"], number
        assert [line["bbox"] for line in alone["lines"]] == [line["bbox"] for line in answer["lines"]]


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (1200, 1600), 255),
        Image.new("L", (1, 1), 0),
        Image.new("L", (20_000, 50), 230),
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 900), dtype=np.uint8)),
        Image.fromarray(np.kron(np.random.default_rng(1).integers(0, 2, (33, 33)), np.ones((12, 12))) != 0),
    ],
    ids=["blank", "one pixel", "20,000 x 50", "noise", "like a QR code"],
)
def test_pages_without_text_end_in_an_answer(service: Service, image: Image.Image) -> None:
    answer = service.post(lines.encode(image), mode="page")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["width"], answer.json()["height"]) == image.size


def test_a_photo_of_50_megapixels_is_read(service: Service) -> None:
    photo = pages.draw(6).resize((8660, 5684), Image.Resampling.BILINEAR)
    answer = service.post(lines.encode(photo, "JPEG", quality=80), **{"async": "false"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"] == pages.text(6)


def test_a_page_with_3000_lines_is_refused(service: Service) -> None:
    page = Image.new("L", (3800, 2600), 255)
    tile = lines.draw("12345678", 14).convert("L")
    for place in range(3000):
        page.paste(tile, (20 + place % 40 * 94, 10 + place // 40 * 34))
    problem = assert_problem(service.post(lines.encode(page)), 413, "image-too-large")
    assert "Cut it into parts" in problem["detail"]


@pytest.mark.parametrize(
    ("data", "options", "status", "code"),
    [
        (b"%PDF-1.7\n", {}, 400, "invalid-image"),
        ((ROOT / "tests/golden/locked.pdf").read_bytes(), {}, 400, "invalid-image"),
        (pages.pdf(*[Image.new("L", (80, 80), 255)] * 11), {}, 413, "image-too-large"),
        (pages.pdf(Image.new("L", (80, 80), 255)), {"pages": "3"}, 422, "invalid-request"),
    ],
    ids=["broken", "encrypted", "eleven pages", "no such page"],
)
def test_documents_that_cannot_be_read(
    service: Service, data: bytes, options: dict[str, str], status: int, code: str
) -> None:
    assert_problem(service.post(data, **options), status, code)


def test_the_command_line_reads_files(service: Service, tmp_path: Path) -> None:
    page, document = tmp_path / "page.png", tmp_path / "document.pdf"
    page.write_bytes(lines.encode(pages.draw(7)))
    document.write_bytes(pages.pdf(pages.draw(8)))
    command = [sys.executable, "-m", "frontend.client.command", "--url", service.address]
    done = subprocess.run([*command, page], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == pages.text(7) + "\n"
    done = subprocess.run(
        [*command, "--json", page, document], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["text"] for answer in answers] == [pages.text(7), pages.text(8)]


def test_a_page_of_more_lines_than_a_batch_reads_is_whole(service: Service) -> None:
    """It is read in slices of 200 lines, and comes back as one answer."""
    font = ImageFont.load_default(22)
    sheet = Image.new("L", (1500, 2600), 250)
    pen = ImageDraw.Draw(sheet)
    wanted = [f"item {row} of block {column}" for row in range(60) for column in range(4)]
    for number, text in enumerate(wanted):
        pen.text((40 + 370 * (number % 4), 40 + 42 * (number // 4)), text, 10, font)
    answer = service.post(lines.encode(sheet), mode="page").json()
    assert len(answer["lines"]) == len(wanted)
    assert len({line["text"] for line in answer["lines"]} & set(wanted)) > 0.95 * len(wanted)
