"""HTTP: what Prometheus scrapes, and which release this is."""

from __future__ import annotations

from flask import Response, g, jsonify
from flask_openapi3.blueprint import APIBlueprint

from frontend import metrics
from frontend.auth.access import check_reader
from frontend.client import release
from frontend.web.context import KEY_PROBLEMS, KEYED, SERVICE, current_services
from frontend.web.gauges import Gauges
from frontend.web.openapi import file_responses, operation_id, responses
from frontend.web.response_schemas import VersionAnswer

metrics_api = APIBlueprint("metrics", __name__, operation_id_callback=operation_id)


@metrics_api.get(
    "/metrics",
    tags=[SERVICE],
    description="In the text format of Prometheus. As soon as there are keys, one with the scope `read` is "
    "needed, even where browsers need none, unless the operator sets OCR_METRICS_PUBLIC.",
    security=KEYED,
    responses=file_responses(["text/plain"], *KEY_PROBLEMS),
)
def show_metrics() -> Response:
    """The numbers of all processes of this instance."""
    if g.caller:
        check_reader(g.caller)
    return Response(metrics.exposition(Gauges(current_services())), content_type=metrics.MEDIA_TYPE)


@metrics_api.get("/version", tags=[SERVICE], responses=responses(VersionAnswer))
def show_version() -> Response:
    """The release, its build, and the models; none as long as TorchServe has told nothing."""
    services = current_services()
    models = services.torchserve.versions()
    return jsonify(version=release.version(), build=services.settings.build, models=models)
