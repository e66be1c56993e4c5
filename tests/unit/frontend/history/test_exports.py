"""Exports of the history."""

from __future__ import annotations

import codecs
import csv
import io
import json
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from pymongo import MongoClient

from frontend.errors import OCRError
from frontend.web.response_schemas import RecordAnswer


def _read(client: FlaskClient, image: bytes) -> dict[str, Any]:
    response = client.post("/recognize", data=image, content_type="image/png")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json
    return answer


def test_json_lines_hold_whole_records(client: FlaskClient) -> None:
    answers = [_read(client, text.encode()) for text in ("first", "电子客票", "third")]
    response = client.get("/history/export")
    assert response.mimetype == "application/jsonl"
    assert response.headers["Content-Disposition"] == "attachment; filename=history.jsonl"
    assert "电子客票" in response.text
    records = [json.loads(line) for line in response.text.splitlines()]
    assert [record["id"] for record in records] == [answer["history_id"] for answer in reversed(answers)]
    assert all(RecordAnswer.model_validate(record).lines for record in records)
    record = client.get(f"/history/{answers[-1]['history_id']}").json
    assert records[0] | {"has_image": False, "blocks": record["blocks"]} == record


def test_csv_opens_in_a_spreadsheet(client: FlaskClient) -> None:
    answer = _read(client, '电子客票, "第二联"'.encode())
    response = client.get("/history/export?format=csv")
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == "attachment; filename=history.csv"
    assert response.data.startswith(b"\xef\xbb\xbfid,timestamp,")
    (row,) = csv.DictReader(io.StringIO(response.data.decode("utf-8-sig")))
    assert (row["id"], row["text"]) == (answer["history_id"], '电子客票, "第二联"')
    assert float(row["confidence"]) == answer["confidence"]
    assert datetime.fromisoformat(row["expires_at"])


@pytest.mark.parametrize("form", ["fields.csv", "fields.xlsx"])
def test_fields_are_a_row_for_each_record_that_has_them(client: FlaskClient, form: str) -> None:
    _read(client, b"Total RM 1.00")
    asked = [
        client.post("/recognize?fields=receipt", data=text, content_type="image/png").json["history_id"]
        for text in (b"Total RM 5.00", b"nothing")
    ]
    response = client.get(f"/history/export?format={form}")
    assert response.headers["Content-Disposition"] == f"attachment; filename=history.{form}"
    header, *rows = _table(response.data)
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["document"] for row in found] == asked[::-1]
    assert [(row["kind"], str(row["total"] or "")) for row in found] == [("receipt", ""), ("receipt", "5.00")]


def _table(data: bytes) -> list[list[Any]]:
    """The rows of CSV, or of a workbook's sheet with its numbers as they are shown."""
    if data.startswith(codecs.BOM_UTF8):
        return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    (sheet,) = openpyxl.load_workbook(io.BytesIO(data)).worksheets
    return [
        [f"{cell:.2f}" if isinstance(cell, float | int) else cell for cell in row] for row in sheet.values
    ]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "＝1+1", "＋1", "－1", "＠SUM(A1)"]
)
def test_text_of_an_image_is_no_formula(client: FlaskClient, text: str) -> None:
    _read(client, text.encode())
    (row,) = csv.DictReader(io.StringIO(client.get("/history/export?format=csv").data.decode("utf-8-sig")))
    assert row["text"] == f"'{text}"
    (line,) = client.get("/history/export?format=jsonl").text.splitlines()
    assert json.loads(line)["text"] == text


def test_names_of_files_are_no_formulas(client: FlaskClient) -> None:
    client.post("/recognize", data=b"x", content_type="image/png", query_string={"name": "=1+1.png"})
    (row,) = csv.DictReader(io.StringIO(client.get("/history/export?format=csv").data.decode("utf-8-sig")))
    assert row["name"] == "'=1+1.png"


@pytest.mark.slow
def test_an_export_has_what_the_list_has(client: FlaskClient) -> None:
    for number in range(60):
        _read(client, f"{'odd' if number % 2 else 'even'} {number}".encode())
    lines = client.get("/history/export?q=odd").text.splitlines()
    assert [json.loads(line)["text"] for line in lines] == [f"odd {n}" for n in range(59, 0, -2)]
    assert client.get("/history/export?q=nothing").text == ""
    assert client.get("/history/export?q=nothing&format=csv").text.count("\n") == 1
    for query in ("format=xlsx", "limit=3", "q=", "q=a&q=b"):
        assert client.get(f"/history/export?{query}").status_code == 422, query


@pytest.mark.slow
@pytest.mark.new_database
def test_an_export_that_breaks_off_does_not_look_whole(client: FlaskClient, mongo_url: str) -> None:
    for number in range(60):
        _read(client, f"{number}".encode())
    parts = client.get("/history/export").iter_encoded()
    assert json.loads(next(parts))["text"] == "59"
    with MongoClient(mongo_url) as mongo:
        mongo.get_default_database()["history"].drop_indexes()
    with pytest.raises(OCRError):  # the server then closes the connection, and the client has no last chunk
        list(parts)
