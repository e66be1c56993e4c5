"""HTML: the page, the API's documentation, the kinds of problems."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask_openapi3.models.schema import Schema
from flask_openapi3.openapi import OpenAPI

from frontend.client.file_types import FILE_TYPES
from frontend.settings import MAX_MEGAPIXELS, Settings
from frontend.web import problems, static_files
from frontend.web.i18n import LANGUAGE_NAMES, LANGUAGES, language_after, translate
from frontend.web.openapi import finished, problem_schemas

THEMES = ("auto", "light", "dark")
_EXAMPLES = (
    ("receipt.jpg", "get.example.receipt"),
    ("menu.png", "get.example.menu"),
    ("poem.png", "get.example.poem"),
)
_SHORTCUTS = (
    ("n", "keys.unsure"),
    ("Enter", "keys.edit"),
    ("Esc", "keys.leave"),
    ("r", "region.mark"),
    ("↑ ↓", "keys.lines"),
    ("PgUp PgDn", "keys.pages"),
    ("/", "keys.find"),
    ("+ - 0", "keys.zoom"),
    ("Ctrl V", "keys.paste"),
    ("?", "keys.help"),
)
"""Keys of the page, and what they do."""


def page_views(app: OpenAPI, settings: Settings) -> Blueprint:
    """The routes of `app` that answer with HTML, and what their scripts need."""
    app.components_schemas.update({name: Schema(**part) for name, part in problem_schemas().items()})
    pages = Blueprint("pages", __name__)
    pages.context_processor(_preferences)
    page = _page(settings)
    pages.add_url_rule("/", "index", lambda: render_template("index.html", **page))
    pages.add_url_rule("/docs", "docs", lambda: render_template("docs.html"))
    pages.add_url_rule(static_files.RULE, "static_file", static_files.static_file)
    pages.add_url_rule(f"/static/{static_files.WORDS}", "words", static_files.words)

    @pages.get("/openapi.json")
    def openapi() -> dict[str, Any]:
        language = request.args.get("lang")
        return finished(app.api_doc, language if language in LANGUAGES else LANGUAGES[0])

    @pages.get("/problems/")
    @pages.get("/problems/<code>")
    def problem_types(code: str | None = None) -> str:
        kinds = [kind for kind in problems.catalogue() if code in {None, kind.code}]
        return render_template("problems.html", kinds=kinds) if kinds else abort(404)

    return pages


def _page(settings: Settings) -> dict[str, Any]:
    """The values for the templates. By these limits and types, scripts check files before they send them."""
    suffixes = [suffix for kind in FILE_TYPES for suffix in kind.suffixes]
    return {
        "limits": {
            "image_mb": settings.max_image_mb,
            "batch_mb": settings.max_batch_mb,
            "megapixels": MAX_MEGAPIXELS,
        },
        "accept": ",".join([*suffixes, ".zip", "image/*", "application/pdf", "application/zip"]),
        "file_types": [{"mediaType": kind.media_type, "signature": kind.signature} for kind in FILE_TYPES],
        "examples": _EXAMPLES,
        "shortcuts": _SHORTCUTS,
        "stream_model": settings.stream_model,
        "keeps_lines": settings.feedback,
    }


def _preferences() -> dict[str, Any]:
    """The reader's language and theme: by cookies that the page sets, else as the browser asks."""
    language, theme = request.cookies.get("language"), request.cookies.get("theme")
    if language not in LANGUAGES:
        language = request.accept_languages.best_match(LANGUAGES, LANGUAGES[0])
    return {
        "language": language,
        "other_language": language_after(language),
        "language_names": LANGUAGE_NAMES,
        "theme": theme if theme in THEMES else THEMES[0],
        "themes": THEMES,
        "t": partial(translate, language=language),
        "asset": partial(url_for, "pages.static_file", version=static_files.current_version()),
    }
