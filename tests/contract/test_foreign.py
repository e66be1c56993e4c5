"""Letters that are in no alphabet come out as others that look like them: such lines say so."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tests.contract.test_kinds import detector, networks
from tests.documents import MONO, SANS, SERIF, font
from tests.plain import recognize_requests

FOREIGN = (
    "Добро пожаловать в наш магазин", "ИТОГО К ОПЛАТЕ", "Щедрый урожай пшеницы", "Їжак і ґедзь",
    "Ευχαριστούμε για την επίσκεψη", "Σύνολο λογαριασμού", "Καλημέρα Ελλάδα", "Жълта шапка",
    "Съединение прави силата", "Хлеб и зрелища для всех",
)  # fmt: skip
OWN = (
    "RIVERSIDE MARKET", "TOTAL RM 48.60", "Quick brown foxes jump", "Façade à Genève, 12 €",
    "Größe: 42 Straße",
    "https://example.com/a?b=1", "INV-2024/00317", "Señor Muñoz, año 2019",
    "x = (a + b) * 3", "Où est la bibliothèque ?",
)  # fmt: skip

RULES = ("*" * 40, "* " * 20, "+-" * 20, "#" * 30, "*=" * 10, "x" * 30, "<>" * 15, "/" * 30)


def lines(texts: tuple[str, ...], size: int) -> dict[str, Any]:
    """The answer for a page that shows the texts, each below the one before, in several fonts."""
    page = Image.new("L", (40 * size, 3 * size * (len(texts) + 1)), 250)
    for row, text in enumerate(texts):
        face = font((SANS, SERIF, MONO)[row % 3], size)
        ImageDraw.Draw(page).text((2 * size, 3 * size * (row + 0.5)), text, 20, face)
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    request, options = {"body": buffer.getvalue()}, '{"mode": "page"}'
    ((status, answer),) = recognize_requests(networks(), detector(), [request], [options])
    assert status == 200
    return answer


@pytest.mark.parametrize("size", [20, 36])
def test_lines_in_other_scripts_are_flagged(size: int) -> None:
    answer = lines(FOREIGN, size)
    flagged = [line for line in answer["lines"] if line.get("unsupported")]
    assert len(flagged) >= 7
    (warning,) = [warning for warning in answer["warnings"] if "script" in warning]
    assert warning.startswith(f"{len(flagged)} lines ")


@pytest.mark.parametrize("size", [14, 20, 36])
def test_lines_of_its_own_scripts_are_not(size: int) -> None:
    answer = lines(OWN, size)
    assert len(answer["lines"]) >= len(OWN)
    assert not any("unsupported" in line for line in answer["lines"])
    assert not any("script" in warning for warning in answer.get("warnings", []))


@pytest.mark.parametrize("size", [14, 20, 28, 36])
def test_rules_of_signs_are_not(size: int) -> None:
    answer = lines(RULES, size)
    assert not any("unsupported" in line for line in answer["lines"])
