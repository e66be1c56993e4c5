"""Figures of the fields of receipts, from readings that were kept."""

import json
from pathlib import Path

import pytest

from training.evaluation import fields

ROWS = [
    "KEDAI MAWAR SDN BHD",
    "12, Jalan Melati",
    "47100 Puchong, Selangor",
    "Date: 25/12/2018",
    "Total RM 12.50",
]
KEY = {
    "company": "Kedai Mawar Sdn. Bhd.",
    "address": "12, JALAN MELATI 47100 PUCHONG, SELANGOR",
    "date": "25/12/2018",
    "total": "12.50",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two receipts with their readings; of the second the total has another label."""
    for part in ("key", "answers"):
        (tmp_path / part).mkdir()
    for name, key in (("000", KEY), ("001", KEY | {"total": "RM12.60"})):
        lines = [
            {"text": text, "confidence": 0.99, "row": row, "bbox": [[10, 30 * row], [300, 30 * row + 20]]}
            for row, text in enumerate(ROWS)
        ]
        (tmp_path / "answers" / f"{name}.json").write_text(json.dumps({"lines": lines}))
        (tmp_path / "key" / f"{name}.json").write_text(json.dumps(key))
    (tmp_path / "split.tsv").write_text("000\tmeasure\n001\tmeasure\n")
    return tmp_path


def test_fields_are_measured_beside_plain_patterns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = folder / "report.json"
    given = ["crnn_v3", str(folder), "--answers", str(folder / "answers"), "--json", str(report)]
    assert fields.main(given) == 0
    table = capsys.readouterr().out
    assert "2 documents" in table
    assert "| date | 2 | 1.000 | 1.000 | 1.000 | 1.000 |" in table
    assert "| total | 2 | 0.500 | 0.500 | 0.500 | 0.500 |" in table
    figures = json.loads(report.read_text())["fields"]
    assert figures["merchant"] == figures["address"] == {"labels": 2, "right": 1, "precision": 1}
    assert figures["all"]["right"] == 7 / 8


def test_a_folder_without_labels_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fields.main(["crnn_v3", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "label", "right"),
    [
        ("date", "2018-02-01", "01/02/2018", True),
        ("date", "2018-01-02", "01/02/2018", False),
        ("total", "1234.50", "RM1,234.50", True),
        ("merchant", "A & B (M) SDN. BHD", "a b m sdn bhd", True),
        ("merchant", "A B SDN BHD", "A C SDN BHD", False),
    ],
)
def test_values_count_by_what_they_mean(name: str, value: str, label: str, right: bool) -> None:
    assert fields.is_right(name, value, label) is right
