"""What people look at: the page, the API's documentation, the kinds of problems."""

from __future__ import annotations

import json
from functools import partial
from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from flask_openapi3.models.schema import Schema
from flask_openapi3.openapi import OpenAPI

from frontend.settings import Settings
from frontend.web import problems
from frontend.web.i18n import LANGUAGES, say, words
from frontend.web.openapi import finished, problem_schemas

THEMES = ("auto", "light", "dark")
_EXAMPLES = (
    ("receipt.jpg", "get.example.receipt"),
    ("menu.png", "get.example.menu"),
    ("poem.png", "get.example.poem"),
)


def page_views(app: OpenAPI, settings: Settings) -> Blueprint:
    """The routes of `app` that answer with HTML, and what their scripts need."""
    app.components_schemas.update({name: Schema(**part) for name, part in problem_schemas().items()})
    swagger = files("flask_openapi3_swagger") / "templates" / "swagger"
    pages = Blueprint("pages", __name__, static_folder=str(swagger), static_url_path="/docs/assets")
    limits = {"image_mb": settings.max_image_mb, "batch_mb": settings.max_batch_mb}
    page = {"limits": limits, "examples": _EXAMPLES, "stream_model": settings.stream_model}
    pages.context_processor(_manner)
    pages.add_url_rule("/", "index", lambda: render_template("index.html", **page))
    pages.add_url_rule("/docs", "docs", lambda: render_template("docs.html"))
    pages.add_url_rule("/openapi.json", "openapi", lambda: finished(app.api_doc))
    pages.add_url_rule("/words.js", "words", _words_module)

    @pages.get("/problems/")
    @pages.get("/problems/<code>")
    def problem_types(code: str | None = None) -> str:
        kinds = [kind for kind in problems.catalogue() if code in {None, kind.code}]
        return render_template("problems.html", kinds=kinds) if kinds else abort(404)

    return pages


def _manner() -> dict[str, Any]:
    """How the reader likes it: cookies that the page sets, else what the browser asks for."""
    language, theme = request.cookies.get("language"), request.cookies.get("theme")
    if language not in LANGUAGES:
        language = request.accept_languages.best_match(LANGUAGES, LANGUAGES[0])
    return {
        "language": language,
        "theme": theme if theme in THEMES else THEMES[0],
        "t": partial(say, language=language),
    }


def _words_module() -> Response:
    """The words as a script's module, for what is said later."""
    source = f"export default {json.dumps(dict(words()), ensure_ascii=False)};\n"
    return Response(source, mimetype="text/javascript")
