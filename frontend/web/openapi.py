"""The parts of the OpenAPI document that flask-openapi3 does not make by itself, from the same schemas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from pydantic import BaseModel

from frontend.errors import OCRError
from frontend.web import examples
from frontend.web.i18n import translate_api
from frontend.web.negotiation import TEXT_TYPES
from frontend.web.response_schemas import Problem

PROBLEM_MEDIA_TYPE = "application/problem+json"
PICTURE_HEADERS = {
    "X-Pages": "How many pages the file has.",
    "X-Width": "The width of the page when it is read, to which boxes refer; the picture may be smaller.",
    "X-Height": "Its height.",
}
_FOR_PEOPLE, _DATA = ("summary", "description"), ("example", "examples", "default")
_INVENTED = "ValidationErrorModel"
_REF = "#/components/schemas/{model}"
_BINARY = {"schema": {"type": "string", "format": "binary"}}

Responses = dict[int | str, type[BaseModel] | dict[Any, Any] | None]


def operation_id(*, name: str, path: str, method: str) -> str:  # noqa: ARG001 - as flask-openapi3 calls it
    """The name of a view as clients' generators write methods: list_tasks is listTasks."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def upload_content(body: type[BaseModel], form: type[BaseModel]) -> dict[str, Any]:
    """The request body of an upload: JSON, a form, or the file itself."""
    content = {
        "application/json": {"schema": body.model_json_schema(), "example": {"image": examples.IMAGE}},
        "multipart/form-data": {"schema": _form_schema(form)},
        "image/*": _BINARY,
        "application/pdf": _BINARY,
        "application/octet-stream": _BINARY,
    }
    return {"required": True, "content": content}


def batch_content(form: type[BaseModel]) -> dict[str, Any]:
    """The request body of a batch: a form, or one file itself."""
    kinds = ("application/zip", "application/pdf", "image/*", "application/octet-stream")
    content = {"multipart/form-data": {"schema": _form_schema(form)}, **dict.fromkeys(kinds, _BINARY)}
    return {"required": True, "content": content}


def form_content(form: type[BaseModel]) -> dict[str, Any]:
    """The request body of what takes a form alone."""
    return {"required": True, "content": {"multipart/form-data": {"schema": _form_schema(form)}}}


def _form_schema(form: type[BaseModel]) -> dict[str, Any]:
    """A form has no null, and /docs would send one as this word; examples it would send beside each other."""
    schema = form.model_json_schema()
    for field in schema["properties"].values():
        given = [kind for kind in field.pop("anyOf", []) if kind != {"type": "null"}]
        field.update(*given)
        field.pop("examples", None)
        if field.get("default", "") is None:
            del field["default"]
    return schema


def query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """A schema as parameters of the query string, which are for the file itself as the body.

    Without defaults and examples, for /docs would send them, also beside another body.
    """
    properties = query.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema["description"],
            "schema": {key: schema[key] for key in schema.keys() - {"default", "examples", "description"}},
        }
        for name, schema in properties.items()
    ]


def responses(answer: type[BaseModel] | None, *problems: type[OCRError], status: int = 200) -> Responses:
    """`status` with `answer` (204 without), and what can go wrong, by status."""
    done: Responses = {204: None} if answer is None else {status: answer}
    return {**done, **_problem_responses(problems)}


def _problem_responses(problems: Sequence[type[OCRError]]) -> Responses:
    found: Responses = {}
    for status in sorted({kind.status for kind in problems}):
        titles = [f"{kind.title} (`{kind.code}`)" for kind in problems if kind.status == status]
        content = {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}}
        found[status] = {"description": "; ".join(titles), "content": content}
    return found


def file_responses(media_types: Iterable[str], *problems: type[OCRError]) -> Responses:
    """200 with a file of one of these types, and what can go wrong."""
    content = {media_type: {"schema": {"type": "string"}} for media_type in media_types}
    return {200: {"description": "The file", "content": content}, **_problem_responses(problems)}


def picture_responses(*problems: type[OCRError]) -> Responses:
    """200 with a picture and what its headers say, and what can go wrong."""
    content = dict.fromkeys(("image/jpeg", "image/png"), _BINARY)
    headers = {
        name: {"description": what, "required": True, "schema": {"type": "integer"}}
        for name, what in PICTURE_HEADERS.items()
    }
    drawn = {"description": "The picture", "content": content, "headers": headers}
    return {200: drawn, **_problem_responses(problems)}


def switching(*problems: type[OCRError]) -> Responses:
    """101, the WebSocket, and what can go wrong before it."""
    upgrade: Responses = {101: {"description": "The connection is a WebSocket from here on."}}
    return upgrade | _problem_responses(problems)


def problem_schemas() -> dict[str, dict[str, Any]]:
    """The schema of a problem and those inside it, as components."""
    schema = Problem.model_json_schema(ref_template=_REF)
    inner = schema.pop("$defs", {})
    return {Problem.__name__: schema, **inner}


def finished(document: dict[str, Any], language: str) -> dict[str, Any]:
    """The document of flask-openapi3 as it is served, in one of i18n.LANGUAGES."""
    served = _with_texts(_with_links(_without_inventions(document)))
    return cast(dict[str, Any], _translated(served, language))


def _translated(part: Any, language: str) -> Any:
    """The same, with what is for people in their language; examples stay."""
    if isinstance(part, list):
        return [_translated(each, language) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: translate_api(each, language)
        if name in _FOR_PEOPLE and isinstance(each, str)
        else (each if name in _DATA else _translated(each, language))
        for name, each in part.items()
    }


def _with_texts(document: dict[str, Any]) -> dict[str, Any]:
    """What is answered as JSON or as its text alone, as `Accept` asks for it."""
    for path, method in (("/recognize", "post"), ("/history/{record_id}", "get")):
        content = document["paths"][path][method]["responses"]["200"]["content"]
        content.update({media_type: {"schema": {"type": "string"}} for media_type in TEXT_TYPES})
    return document


def _with_links(document: dict[str, Any]) -> dict[str, Any]:
    """From an answer to the record it left."""
    record_id = {"record_id": "$response.body#/history_id"}
    document["paths"]["/recognize"]["post"]["responses"]["200"]["links"] = {
        f"{method}Record": {"operationId": operation["operationId"], "parameters": record_id}
        for method, operation in document["paths"]["/history/{record_id}"].items()
    }
    return document


def _without_inventions(document: dict[str, Any]) -> dict[str, Any]:
    """flask-openapi3 adds an error body of its own to every operation; ours are problems."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if _INVENTED in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    document["components"]["schemas"].pop(_INVENTED, None)
    return document
