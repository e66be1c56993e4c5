"""Kinds of images that text recognition is known to fail at: ten variations of each, drawn here, read whole.

Each kind says how many of its variations must come out right to the character.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from handler import engine
from handler.crnn_handler import recognize_requests
from handler.layout import Detector
from handler.networks import Networks

WEIGHTS = Path(__file__).parents[2] / "model_store" / "weights"
MODELS = ("crnn_v3", "crnn_v3_lite")
A4, A0 = (1653, 2339), (5940, 8400)
"""Pixels across and down: at 200 dots per inch, and what is left of them within 50 megapixels."""

Variation = tuple[Image.Image, str]


@cache
def networks() -> Networks:
    loaded = {name: engine.load(WEIGHTS / f"{name}.safetensors", torch.device("cpu")) for name in MODELS}
    engines = {name: network for name, (network, _) in loaded.items()}
    return Networks(engines, {name: facts for name, (_, facts) in loaded.items()})


@cache
def detector() -> Detector:
    return Detector()


def font(size: int, name: str = "DejaVu Sans") -> ImageFont.FreeTypeFont:
    """A font that comes with matplotlib, such as "DejaVu Sans:bold"."""
    return ImageFont.truetype(font_manager.findfont(name), size)


def read(image: Image.Image, **options: Any) -> str:
    """The text of an image, a row a line."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    given = json.dumps({"model": "auto", **options})
    ((status, answer),) = recognize_requests(networks(), detector(), [{"body": buffer.getvalue()}], [given])
    assert status == 200, answer
    rows: dict[int, list[str]] = {}
    for line in answer["lines"]:
        rows.setdefault(line["row"], []).append(line["text"])
    return "\n".join(" ".join(row) for row in rows.values())


def sheet(size: tuple[int, int], *lines: tuple[tuple[int, int], int, str]) -> Variation:
    """A white page with lines at places, each so many pixels high; and what is to be read, top to bottom."""
    image = Image.new("L", size, 255)
    for place, height, text in lines:
        ImageDraw.Draw(image).text(place, text, 0, font(height))
    return image, "\n".join(text for _, _, text in sorted(lines, key=lambda line: line[0][1]))


def sparse_pages() -> Iterator[Variation]:
    """A total, a salutation, a page number, a header and a footer, small print; a drawing of the size A0."""
    yield sheet(A4, ((1380, 1210), 30, "118.40"))
    yield sheet(A4, ((200, 210), 30, "Dear customer,"))
    yield sheet(A4, ((760, 2240), 28, "Page 1"))
    yield sheet(A4, ((150, 90), 30, "Annual report 2024"), ((760, 2240), 28, "Page 17 of 212"))
    yield sheet(A4, ((150, 2200), 17, "Printed on recycled paper"), ((150, 2230), 17, "All prices in EUR"))
    yield sheet(A4, ((900, 700), 44, "Confidential"))
    yield sheet((3307, 4677), ((2700, 4500), 60, "Sheet 12"))
    yield sheet((2339, 1653), ((1100, 800), 33, "This page is left blank"))
    yield sheet(A0, ((60, 40), 33, "Site plan sheet 3"), ((60, 100), 33, "Scale 1:500"))
    yield sheet(A0, ((4700, 8200), 33, "Drawn by M. Lee"), ((4700, 8260), 33, "Checked 14.03.2025"))


KINDS: Sequence[tuple[Callable[[], Iterator[Variation]], int]] = [(sparse_pages, 10)]


@pytest.mark.parametrize(("kind", "least"), KINDS, ids=lambda given: getattr(given, "__name__", None))
def test_variations(kind: Callable[[], Iterator[Variation]], least: int) -> None:
    results = [(read(image), text) for image, text in kind()]
    wrong = [result for result in results if result[0] != result[1]]
    assert len(results) - len(wrong) >= least, wrong
