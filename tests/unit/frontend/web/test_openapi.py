"""The OpenAPI document."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from frontend.web.examples import IMAGE


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def test_the_openapi_document(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/recognize", "/recognize/batch", "/import", "/tasks", "/tasks/{task_id}", "/stream", "/history",
        "/history/export", "/history/{record_id}", "/history/{record_id}/image",
        "/history/{record_id}/thumbnail", "/feedback/queue", "/feedback/lines/{line_id}", "/feedback/export",
        "/models", "/healthz", "/readyz", "/metrics", "/version", "/api/ocr", "/ocr", "/render", "/picture",
    }  # fmt: skip
    assert "422" not in document["paths"]["/healthz"]["get"]["responses"]
    post = document["paths"]["/recognize"]["post"]
    assert set(post["requestBody"]["content"]) == {
        "application/json", "multipart/form-data", "image/*", "application/pdf", "application/octet-stream",
    }  # fmt: skip
    assert {"model", "mode", "detail", "async"} <= {parameter["name"] for parameter in post["parameters"]}
    statuses = {200, 202, 400, 401, 403, 404, 413, 415, 422, 429, 502, 503, 504}
    assert set(post["responses"]) == {str(status) for status in statuses}
    named = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert all(name.isalpha() and len(name) < 20 for name in named), named
    assert {"recognize", "recognizeBatch", "listTasks", "getRecord", "render"} <= named
    links = post["responses"]["200"]["links"]
    assert set(links) == {"getRecord", "patchRecord", "deleteRecord"}
    assert {link["operationId"] for link in links.values()} <= named
    for path, operations in document["paths"].items():
        kind = "application/json" if path in {"/api/ocr", "/ocr"} else "application/problem+json"
        for operation in operations.values():
            for status, response in operation["responses"].items():
                assert int(status) < 400 or set(response["content"]) == {kind}
    for reference in _references(document):
        place, _, name = reference.rpartition("/")
        assert place == "#/components/schemas"
        assert name in document["components"]["schemas"]


def test_every_parameter_and_operation_says_what_it_is(client: FlaskClient) -> None:
    for path, operations in client.get("/openapi.json").json["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (path, method)
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (path, method, parameter["name"])


def test_examples_are_answered_as_they_are(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").json["paths"]
    for path in ("/recognize", "/api/ocr", "/ocr"):
        body = paths[path]["post"]["requestBody"]["content"]["application/json"]["example"]
        response = client.post(path, json=body)
        assert response.status_code == 200, (path, response.text)
    form = paths["/render"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    for kind in form["format"]["enum"]:
        fields = {"format": kind, "answers": form["answers"]["example"]}
        if kind == "pdf":
            fields["image"] = (io.BytesIO(base64.b64decode(IMAGE)), "receipt.png")
        assert client.post("/render", data=fields, content_type="multipart/form-data").status_code == 200, (
            kind
        )


def test_nothing_is_sent_by_default_beside_a_body(client: FlaskClient) -> None:
    for path in ("/recognize", "/recognize/batch"):
        for parameter in client.get("/openapi.json").json["paths"][path]["post"]["parameters"]:
            assert not {"default", "example", "examples"} & {*parameter, *parameter["schema"]}, parameter[
                "name"
            ]


def _for_people(part: Any) -> Iterator[str]:
    """Summaries and descriptions, but not properties that are called so."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in {"summary", "description"} and isinstance(value, str):
                yield value
            elif name not in {"example", "examples", "default"}:
                yield from _for_people(value)
    elif isinstance(part, list):
        for value in part:
            yield from _for_people(value)


def _without_texts(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            name: _without_texts(value)
            for name, value in part.items()
            if not (name in {"summary", "description"} and isinstance(value, str))
        }
    return [_without_texts(value) for value in part] if isinstance(part, list) else part


def test_every_description_is_there_in_chinese(client: FlaskClient) -> None:
    english = client.get("/openapi.json?lang=en").json
    chinese = client.get("/openapi.json?lang=zh").json
    assert english == client.get("/openapi.json?lang=fr", headers={"Accept-Language": "zh"}).json
    assert _without_texts(english) == _without_texts(chinese)
    pairs = list(zip(_for_people(english), _for_people(chinese), strict=True))
    for said, translated in pairs:
        for part in re.sub(r" \(`[a-z-]+`\)", "", translated).split("; "):
            assert re.search("[\u4e00-\u9fff]", part), said
        for code in re.findall(r"\(`[a-z-]+`\)", said):
            assert code in translated
    used = {title for said, _ in pairs for title in [said, *re.findall(r"(?:^|; )([^(;]+) \(`", said)]}
    assert json.loads(Path("frontend/translations/api/zh.json").read_text("utf-8")).keys() <= used


def test_the_documentation_follows_the_language_of_the_page(client: FlaskClient) -> None:
    assert 'data-url="/openapi.json?lang=en"' in client.get("/docs").text
    assert (
        'data-url="/openapi.json?lang=zh"' in client.get("/docs", headers={"Accept-Language": "zh-CN"}).text
    )
    client.set_cookie("language", "zh")
    assert 'data-url="/openapi.json?lang=zh"' in client.get("/docs").text


def test_docs_sends_no_words_for_nothing(client: FlaskClient) -> None:
    """Swagger UI sends the default null of a form as this word."""
    for path, operations in client.get("/openapi.json").json["paths"].items():
        for operation in operations.values():
            form = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data", {})
            for name, field in form.get("schema", {}).get("properties", {}).items():
                assert field.get("default", "") is not None, (path, name)
                assert "anyOf" not in field, (path, name)
