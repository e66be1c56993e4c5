"""Records as files: JSON Lines for programs, CSV for spreadsheets; written as they come."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from frontend.client.forms import without_formula
from frontend.recognition.shapes import BYTE_ORDER_MARK

_COLUMNS = (
    "id", "timestamp", "expires_at", "text", "confidence", "model", "model_version", "image_hash",
    "width", "height", "name", "page_count", "corrected_lines",
)  # fmt: skip


@dataclass(frozen=True)
class ExportFormat:
    """How records become a file of this type; `with_lines`: their lines and characters are in it."""

    media_type: str
    with_lines: bool
    write: Callable[[Iterable[Mapping[str, Any]]], Iterator[str]]


def write_json_lines(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One JSON object a line."""
    for record in records:
        yield json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_csv(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """RFC 4180, with a header."""
    row = io.StringIO()
    writer = csv.writer(row)
    writer.writerow(_COLUMNS)
    yield BYTE_ORDER_MARK + row.getvalue()
    for record in records:
        row.seek(0)
        row.truncate()
        writer.writerow([_cell(record.get(column)) for column in _COLUMNS])
        yield row.getvalue()


def _cell(value: object) -> object:
    return without_formula(value) if isinstance(value, str) else value


EXPORT_FORMATS: Mapping[str, ExportFormat] = {
    "jsonl": ExportFormat("application/jsonl", True, write_json_lines),
    "csv": ExportFormat("text/csv", False, write_csv),
}
