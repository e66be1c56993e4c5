"""The composition root: settings in, a Flask application out."""

from __future__ import annotations

import os
import tempfile
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, current_app
from flask.json.provider import DefaultJSONProvider
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from frontend import logs
from frontend.auth.access import Owners
from frontend.auth.keys import KeyRing, Keys
from frontend.files.download import Downloader
from frontend.history.images import Images
from frontend.history.records import History
from frontend.live.stream import Streams
from frontend.mongo import Mongo
from frontend.recognition.admission import Gate
from frontend.recognition.cache import Cache
from frontend.recognition.readiness import Readiness
from frontend.recognition.recognizer import Recognizer
from frontend.recognition.torchserve import TorchServe
from frontend.settings import DRAWN_AT_ONCE, PAGES_IN_FLIGHT, Settings
from frontend.tasks.items import Items
from frontend.tasks.queue import Backlog, make_celery
from frontend.tasks.tasks import Tasks
from frontend.views.compat import paddlex_api, umi_api
from frontend.views.history import history_api
from frontend.views.imports import import_api
from frontend.views.page import page_views
from frontend.views.recognize import EXTENSION, Services, api
from frontend.views.render import render_api
from frontend.views.stream import stream_api
from frontend.views.tasks import tasks_api
from frontend.web import middleware, problems


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
    services = app.extensions[EXTENSION] = _services(settings, torchserve)
    views = (api, tasks_api, stream_api, history_api, import_api, render_api, umi_api, paddlex_api)
    for blueprint in views:
        app.register_api(blueprint)
    app.register_blueprint(page_views(app, settings))
    problems.register(app)
    middleware.register(app, settings, services.owners)
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
        settings.all_threads,
    )
    cache = Cache(settings.redis_url, settings.cache_ttl_seconds)
    mongo = Mongo(settings.mongo_url)
    history = History(mongo, settings.history_days)
    images = Images(mongo, settings.history_days)
    keys = KeyRing(settings.api_keys, Keys(mongo).active)
    mongo.prepare()
    gate = _gate(settings, PAGES_IN_FLIGHT // settings.workers or 1)
    downloader = Downloader(
        settings.url_allow, settings.max_image_bytes, settings.url_timeout_seconds, settings.max_downloads
    )
    kept = images if settings.history_images else None
    recognizer = Recognizer(torchserve, cache, history, gate, settings.default_model, kept)
    tasks = Tasks(Items(mongo))
    pings = {"redis": cache.ping, "mongodb": mongo.ping}
    return Services(
        settings=settings,
        torchserve=torchserve,
        cache=cache,
        mongo=mongo,
        history=history,
        images=images,
        downloader=downloader,
        recognizer=recognizer,
        drawing=_gate(settings, DRAWN_AT_ONCE),
        tasks=tasks,
        backlog=Backlog(tasks, make_celery(settings)),
        streams=Streams(settings, recognizer),
        readiness=Readiness(torchserve, settings.default_model, pings),
        owners=_owners(settings, keys),
    )


def _gate(settings: Settings, max_pages: int) -> Gate:
    return Gate(
        settings.max_images_in_flight,
        settings.max_bytes_in_flight,
        max_pages=max_pages,
        wait_seconds=settings.torchserve_timeout_seconds,
        share=settings.owner_share,
    )


def _owners(settings: Settings, keys: KeyRing) -> Owners:
    owners = Owners(
        keys,
        keys_needed=settings.keys_needed,
        anonymous=settings.anonymous,
        secret_key=settings.secret_key,
    )
    owners.is_alone()  # the keys are read now, so that MongoDB may go away as soon as the service is up
    return owners
