"""The composition root: settings in, a Flask application out."""

from __future__ import annotations

import logging
import os
import re
import secrets
import tempfile
import time
from importlib.resources import files
from io import BytesIO
from typing import IO, Any

from flask import Blueprint, Flask, Request, Response, abort, current_app, g, render_template, request
from flask.json.provider import DefaultJSONProvider
from flask_openapi3.models.info import Info
from flask_openapi3.models.schema import Schema
from flask_openapi3.openapi import OpenAPI

from frontend import logs, problems
from frontend.access import Owners, check_host, check_origin
from frontend.backlog import Backlog, make_celery
from frontend.cache import Cache
from frontend.gate import Gate
from frontend.history import History
from frontend.items import Items
from frontend.mongo import Mongo
from frontend.openapi import problem_schemas, without_inventions
from frontend.readiness import Readiness
from frontend.recognizer import Recognizer
from frontend.settings import PAGES_IN_FLIGHT, Settings
from frontend.task_views import tasks_api
from frontend.tasks import Tasks
from frontend.torchserve import TorchServe
from frontend.views import COOKIE, EXTENSION, Services, api

log = logging.getLogger("frontend.requests")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_COOKIE_OPTIONS: dict[str, Any] = {"max_age": 365 * 86_400, "httponly": True, "samesite": "Lax"}
_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class FrugalRequest(Request):
    """Keeps an uploaded image in memory and off the disk; a batch, far larger, in files without a name."""

    def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
        large = (self.max_content_length or 0) > current_app.config["MAX_CONTENT_LENGTH"]
        return tempfile.TemporaryFile() if large else BytesIO()


def create_app(settings: Settings | None = None, *, torchserve: TorchServe | None = None) -> Flask:
    """The whole front end. `torchserve` stands in for the real one in tests."""
    settings = settings or Settings.from_env(os.environ)
    logs.configure(settings.log_level)
    app = OpenAPI(
        __name__,
        info=Info(title="CRNN OCR", version="1", description="Post an image, get its text."),
        security_schemes={
            "bearer": {"type": "http", "scheme": "bearer"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        },
        validation_error_callback=problems.refuse,
        doc_ui=False,
    )
    app.request_class = FrugalRequest
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = settings.max_body_bytes
    app.json = _utf8_json(app)
    app.extensions[EXTENSION] = _services(settings, torchserve)
    app.register_api(api)
    app.register_api(tasks_api)
    app.register_blueprint(_pages(app, f"{settings.max_image_mb:g}"))
    problems.register(app)
    _watch_requests(app, settings)
    return app


def _utf8_json(app: Flask) -> DefaultJSONProvider:
    """JSON in the order of the contract, with Chinese as Chinese."""
    provider = DefaultJSONProvider(app)
    provider.ensure_ascii = False
    provider.sort_keys = False
    return provider


def _services(settings: Settings, torchserve: TorchServe | None) -> Services:
    torchserve = torchserve or TorchServe(
        settings.torchserve_url,
        settings.torchserve_management_url,
        settings.torchserve_timeout_seconds,
        settings.threads,
    )
    cache = Cache(settings.redis_url, settings.cache_ttl_seconds)
    history = History(settings.mongo_url, settings.history_days)
    history.prepare()
    gate = Gate(
        settings.max_images_in_flight,
        settings.max_bytes_in_flight,
        max_pages=PAGES_IN_FLIGHT // settings.workers or 1,
        wait_seconds=settings.torchserve_timeout_seconds,
    )
    items = Items(Mongo(settings.mongo_url))
    tasks = Tasks(items)
    pings = {"redis": cache.ping, "mongodb": history.ping}
    return Services(
        settings=settings,
        torchserve=torchserve,
        cache=cache,
        history=history,
        items=items,
        tasks=tasks,
        backlog=Backlog(tasks, make_celery(settings)),
        recognizer=Recognizer(torchserve, cache, history, gate, settings.default_model),
        readiness=Readiness(torchserve, settings.default_model, pings),
        owners=Owners(settings.api_keys, anonymous=settings.anonymous, secret_key=settings.secret_key),
    )


def _pages(app: OpenAPI, limit_mb: str) -> Blueprint:
    """What people look at: the page, the API's documentation, the problem types."""
    app.components_schemas.update({name: Schema(**part) for name, part in problem_schemas().items()})
    swagger = files("flask_openapi3_swagger") / "templates" / "swagger"
    pages = Blueprint("pages", __name__, static_folder=str(swagger), static_url_path="/docs/assets")
    pages.add_url_rule("/", "index", lambda: render_template("index.html", limit_mb=limit_mb))
    pages.add_url_rule("/docs", "docs", lambda: render_template("docs.html"))
    pages.add_url_rule("/openapi.json", "openapi", lambda: without_inventions(app.api_doc))

    @pages.get("/problems/")
    @pages.get("/problems/<code>")
    def problem_types(code: str | None = None) -> str:
        kinds = [kind for kind in problems.catalogue() if code in {None, kind.code}]
        return render_template("problems.html", kinds=kinds) if kinds else abort(404)

    return pages


def _watch_requests(app: Flask, settings: Settings) -> None:
    """Before each request its id, host and origin; after it headers, cookie and one line of log."""

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        logs.request_id.set(g.request_id)
        check_host(request.host, settings.trusted_hosts)
        check_origin(request.method, request.headers.get("Origin"), request.host)

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        for name, value in _SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint not in {"static", "pages.static"}:
            response.headers.setdefault("Cache-Control", "no-store")
        if cookie := g.get("new_cookie"):
            response.set_cookie(COOKIE, cookie, secure=request.is_secure, **_COOKIE_OPTIONS)
        facts = {
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "elapsed_ms": round((time.perf_counter() - g.started) * 1000, 1),
        }
        log.info("request", extra={"facts": facts | g.get("log_facts", {})})
        return response
