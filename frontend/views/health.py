"""HTTP: whether the service is alive, and whether it is ready."""

from __future__ import annotations

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from frontend.errors import NotReadyError
from frontend.web.context import SERVICE, current_services
from frontend.web.openapi import operation_id, responses
from frontend.web.response_schemas import HealthAnswer, ReadyAnswer

health_api = APIBlueprint("health", __name__, operation_id_callback=operation_id)


@health_api.get("/healthz", tags=[SERVICE], responses=responses(HealthAnswer))
def healthz() -> Response:
    """Whether this process is alive."""
    return jsonify(status="ok")


@health_api.get("/readyz", tags=[SERVICE], responses=responses(ReadyAnswer, NotReadyError))
def readyz() -> Response:
    """Whether images can be read: a tiny one must come through."""
    return jsonify(ready=True, parts=current_services().readiness.check())
