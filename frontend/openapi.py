"""The parts of the OpenAPI document that flask-openapi3 does not make by itself, from the same schemas."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from frontend.errors import error_types

PROBLEM_MEDIA_TYPE = "application/problem+json"
_BINARY = {"schema": {"type": "string", "format": "binary"}}

Responses = dict[int | str, type[BaseModel] | dict[Any, Any] | None]


def upload_content(body: type[BaseModel], form: type[BaseModel]) -> dict[str, Any]:
    """The request body of an upload: JSON, a form, or the file itself."""
    content = {
        "application/json": {"schema": body.model_json_schema()},
        "multipart/form-data": {"schema": form.model_json_schema()},
        "image/*": _BINARY,
        "application/octet-stream": _BINARY,
    }
    return {"required": True, "content": content}


def query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """A schema as parameters of the query string."""
    properties = query.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in properties.items()
    ]


def responses(answer: type[BaseModel] | None, *problems: int) -> Responses:
    """200 with `answer` (204 without), and these statuses with a problem."""
    found: Responses = {204: None} if answer is None else {200: answer}
    for status in problems:
        titles = [f"{kind.title} (`{kind.code}`)" for kind in error_types() if kind.status == status]
        content = {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        found[status] = {"description": ". ".join(titles), "content": content}
    return found
