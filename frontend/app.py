"""The HTTP process: settings in, a Flask application out."""

from __future__ import annotations

import os

from flask import Flask
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from frontend import logs, tracing
from frontend.client import release
from frontend.services import make_services
from frontend.settings import Settings
from frontend.views.compat import paddlex_api, umi_api
from frontend.views.feedback import feedback_api
from frontend.views.health import health_api
from frontend.views.history import history_api
from frontend.views.imports import import_api
from frontend.views.metrics import metrics_api
from frontend.views.page import page_views
from frontend.views.recognize import api
from frontend.views.render import render_api
from frontend.views.stream import stream_api
from frontend.views.tasks import tasks_api
from frontend.web import middleware, problems
from frontend.web.bodies import JsonProvider
from frontend.web.context import EXTENSION
from frontend.web.uploads import FrugalRequest

APIS = (
    api,
    health_api,
    metrics_api,
    tasks_api,
    stream_api,
    history_api,
    feedback_api,
    import_api,
    render_api,
    umi_api,
    paddlex_api,
)


def create_app(settings: Settings | None = None) -> Flask:
    """The whole front end."""
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
    app.json = JsonProvider(app)
    tracing.start("frontend", release.version())
    services = app.extensions[EXTENSION] = make_services(settings)
    for blueprint in APIS:
        app.register_api(blueprint)
    app.register_blueprint(page_views(app, settings))
    problems.register(app)
    middleware.register(app, settings, services.owners)
    tracing.trace_requests(app)
    return app
