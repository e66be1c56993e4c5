"""The OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask.testing import FlaskClient


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
    links = post["responses"]["200"]["links"]
    assert set(links) == {"getRecord", "deleteRecord"}
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
