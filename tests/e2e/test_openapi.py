"""The OpenAPI document is the contract: whatever it allows is asked, and each answer is one it names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e import lines
from tests.e2e.service import ROOT, Service, request
from tests.unit.frontend.fake_web import FakeWeb, serving


def test_every_answer_is_one_that_the_document_names(service: Service, tmp_path: Path) -> None:
    """No 5xx, no status, media type, header or body but those documented; what is invalid is refused."""
    service.post(lines.png("a record to be found"))
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", ROOT / "tests/e2e/schemathesis.toml"),
            *("run", f"{service.address}/openapi.json"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Fuzzing" in done.stdout


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with serving() as server:
        server.image = lines.png("an image of the web")
        yield server


def _prefilled(schema: dict[str, Any], required: bool) -> Any:
    """What /docs puts into a field before anybody types; None: it leaves the field out."""
    for name in ("example", "default"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0] if required else None
    return 0 if required and schema.get("type") == "integer" else "string" if required else None


def _form(schema: dict[str, Any]) -> dict[str, Any]:
    """The fields of a form as /docs sends them, and the file that somebody must choose."""
    required = schema.get("required", [])
    fields: dict[str, Any] = {}
    for name, field in schema["properties"].items():
        if name == "image":
            fields[name] = ("receipt.png", lines.png("Total 42.50"))
        elif (value := _prefilled(field, name in required)) is not None:
            fields[name] = (None, str(value).lower() if isinstance(value, bool) else str(value))
    return fields


def _execute(
    service: Service, document: dict[str, Any], place: tuple[str, str], known: dict[str, str]
) -> requests.Response:
    """As “Execute” sends an operation that nobody has filled in, but for what only the caller knows."""
    path, method = place
    operation = document["paths"][path][method]
    query = {}
    for parameter in operation.get("parameters", []):
        value = parameter.get("example", _prefilled(parameter["schema"], parameter.get("required", False)))
        if parameter["in"] == "query" and value is not None:
            query[parameter["name"]] = str(value).lower() if isinstance(value, bool) else value
    options: dict[str, Any] = {}
    kind, content = next(iter(operation.get("requestBody", {}).get("content", {}).items()), ("", {}))
    if kind == "multipart/form-data":
        options["files"] = _form(content["schema"])
    elif kind:
        options["json"] = content.get("example") or _json(document, content["schema"], known)
    return request(method, service.address + path.format_map(known), params=query, **options)


def _json(document: dict[str, Any], schema: dict[str, Any], known: dict[str, str]) -> Any:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "array":
        return [_json(document, schema["items"], known)]
    if "properties" in schema:
        return {
            name: known.get(name) or _json(document, field, known)
            for name, field in schema["properties"].items()
            if name in schema["required"]
        }
    return _prefilled(schema, required=True)


def test_what_docs_executes_is_answered(service: Service, web: FakeWeb) -> None:
    """All operations but /stream, which is no HTTP, and that on a crop, of which none are kept here; those
    that forget come last."""
    document = service.get("/openapi.json").json()
    answer = _execute(service, document, ("/recognize", "post"), {}).json()
    task = _execute(service, document, ("/recognize/batch", "post"), {}).json()
    known = {
        "record_id": answer["history_id"],
        "task_id": task["task_id"],
        "url": web.address("/image"),
    }
    places = [(path, method) for path, operations in document["paths"].items() for method in operations]
    places.remove(("/stream", "get"))
    places.remove(("/feedback/lines/{line_id}", "patch"))
    for place in sorted(places, key=lambda place: (place[1] == "delete", place == ("/recognize", "post"))):
        done = _execute(service, document, place, known)
        assert 200 <= done.status_code < 300, (place, done.status_code, done.text[:500])


def test_a_key_of_idempotency_leaves_one_record_and_one_task(service: Service) -> None:
    image, headers = lines.png("sent twice"), {"Idempotency-Key": "a key of test_openapi"}
    files = {"image": ("a.png", image)}
    for path, name in (("/recognize", "history_id"), ("/recognize/batch", "task_id")):
        sent = [
            request("POST", service.address + path, files=files, headers=headers).json()[name]
            for _ in range(2)
        ]
        assert sent[0] == sent[1]
        other = request("POST", service.address + path, files=files).json()[name]
        assert other != sent[0]
