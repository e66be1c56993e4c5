"""Traces (OpenTelemetry), on where OTEL_EXPORTER_OTLP_ENDPOINT says where to send them.

Exporter and instrumentation are imported only then, for they take time; redis-py imports a part of the SDK by
itself. The SDK reads every other OTEL_ variable.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_UNTRACED = "/healthz$,/readyz$,/metrics$,/version$,/static/"
_tracer: Any = None


def start(part: str, version: str) -> None:
    """Trace what this process does from now on; before it connects to anything, and after it was forked."""
    global _tracer
    if _tracer or not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault("OTEL_SERVICE_NAME", f"ocr-{part}")
    provider = TracerProvider(resource=Resource.create({"service.version": version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _tracer = trace.get_tracer(__name__, version)
    _trace_libraries()


def _trace_libraries() -> None:
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.pymongo import PymongoInstrumentor
    from opentelemetry.instrumentation.redis import RedisInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor

    for instrumentor in (CeleryInstrumentor, PymongoInstrumentor, RedisInstrumentor, RequestsInstrumentor):
        instrumentor().instrument()


def trace_requests(app: Any) -> None:
    """Trace the requests of a Flask application, if traces are on."""
    if _tracer:
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        flask: Any = FlaskInstrumentor()
        flask.instrument_app(app, excluded_urls=_UNTRACED)


def span(name: str) -> AbstractContextManager[object]:
    """Around a part of the work that the libraries do not know of."""
    return _tracer.start_as_current_span(name) if _tracer else nullcontext()


def record(stages: Mapping[str, float], began_ns: int) -> None:
    """Stages that followed each other, with their milliseconds, as spans; the first began then (epoch)."""
    for name, ms in stages.items() if _tracer else ():
        ended_ns = began_ns + int(ms * 1_000_000)
        _tracer.start_span(name, start_time=began_ns).end(end_time=ended_ns)
        began_ns = ended_ns
