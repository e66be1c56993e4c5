"""The checks that each request passes before its view, and the headers and log line of each answer."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, request
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from frontend import logs, metrics
from frontend.auth.access import Caller, Owners, check_host, check_origin, check_scope, offered_key
from frontend.errors import OCRError
from frontend.settings import DEFAULT_RATE_LIMIT, Settings
from frontend.web.openapi import PICTURE_HEADERS
from frontend.web.rate_limits import RateLimits

log = logging.getLogger("frontend.requests")

COOKIE = "ocr_owner"
METRICS = "metrics.show_metrics"
HEALTH = frozenset({"health.healthz", "health.readyz", "metrics.show_version"})
"""Never limited: who watches over the service must hear from it."""
PUBLIC = HEALTH | {
    "static",
    "pages.static_file",
    "pages.index",
    "pages.docs",
    "pages.openapi",
    "pages.words",
    "pages.problem_types",
    "api.list_models",
}
"""Endpoints without owners; any other needs a key as soon as there is one."""
POLLS = HEALTH | {METRICS, "tasks.get_task"}
"""Asked again and again: an answer as it should be is not worth a line of its own."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_COOKIE_OPTIONS: dict[str, Any] = {"max_age": 365 * 86_400, "httponly": True, "samesite": "Lax"}
_CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
_SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(
        f"{name} {value}" for name, value in _CONTENT_SECURITY_POLICY.items()
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
_CORS_OPTIONS: dict[str, Any] = {
    "methods": ["GET", "POST", "PATCH", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "X-API-Key", "X-Request-Id"],
    "expose_headers": ["RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id", *PICTURE_HEADERS],
    "supports_credentials": False,  # another site's page has a key, never the cookie
    "max_age": 600,
    "always_send": False,
    "intercept_exceptions": False,
}


def register(app: Flask, settings: Settings, owners: Owners) -> None:
    """Guard every route of `app`."""
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]

    @app.before_request
    def begin() -> None:
        _name_request()
        if not (request.endpoint == METRICS and _is_for_scrapers(settings, owners)):
            check_host(request.headers.get("Host", ""), settings.trusted_hosts)
        origin, fetch_site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        check_origin(_method(), origin, fetch_site, request.host, settings.cors_origins)
        _identify(owners, PUBLIC | {METRICS} if settings.metrics_public else PUBLIC)

    def account() -> str | None:
        is_free = request.endpoint in HEALTH or (not settings.rate_limit and owners.is_alone())
        return None if is_free or request.method == "OPTIONS" else g.account

    limits = RateLimits(app, settings.redis_url, settings.rate_limit or DEFAULT_RATE_LIMIT, account)
    app.before_request(_enter)
    if settings.cors_origins:
        # as patterns, because a string with brackets, as of IPv6 addresses, would be taken for one
        exactly = [re.compile(rf"{re.escape(origin)}\Z", re.IGNORECASE) for origin in settings.cors_origins]
        CORS(app, origins=exactly, **_CORS_OPTIONS)

    @app.after_request
    def finish(response: Response) -> Response:
        for name, value in limits.headers().items():
            response.headers[name] = value
        return _send_off(response)


def _is_for_scrapers(settings: Settings, owners: Owners) -> bool:
    """Whether /metrics may be asked for under any name: Prometheus comes by a pod's address.

    What all may read, or nobody without a key, is safe from pages that make a browser come under their name.
    """
    return settings.metrics_public or not owners.is_alone()


def _method() -> str:
    """The method to check. A WebSocket's handshake is a GET, but opens a connection that changes things."""
    return "CONNECT" if request.headers.get("Upgrade", "").lower() == "websocket" else request.method


def _name_request() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    logs.request_id.set(g.request_id)


def _identify(owners: Owners, public: Collection[str]) -> None:
    """Who asks, in g.caller, and whose share it uses up, in g.account.

    A refusal is kept until the request has been counted: guessing keys is limited too.
    """
    g.caller, g.refusal, g.account = None, None, f"address:{request.remote_addr}"
    if request.endpoint is None or request.endpoint in public or request.method == "OPTIONS":
        return
    headers = request.headers
    try:
        key = headers.get("X-API-Key") or offered_key(headers.get("Sec-WebSocket-Protocol", ""))
        caller: Caller = owners.identify(headers.get("Authorization"), key, request.cookies.get(COOKIE))
    except OCRError as error:
        g.refusal = error
        return
    g.caller, g.account = caller, caller.account or g.account


def _enter() -> None:
    """Raises what keeps the caller out."""
    if g.refusal:
        raise g.refusal
    if g.caller:
        check_scope(_method(), g.caller.scopes)


def _send_off(response: Response) -> Response:
    """Headers, cookie, metrics, and one line of log."""
    response.headers["X-Request-Id"] = g.request_id
    for name, value in (_SECURITY_HEADERS | (_HTTPS_ONLY if request.is_secure else {})).items():
        response.headers.setdefault(name, value)
    if request.endpoint not in {"static", "pages.static_file", "pages.words"}:
        response.headers.setdefault("Cache-Control", "no-store")
    caller: Caller | None = g.get("caller")
    if caller and caller.new_cookie:
        response.set_cookie(COOKIE, caller.new_cookie, secure=request.is_secure, **_COOKIE_OPTIONS)
    seconds = time.perf_counter() - g.started
    route = request.url_rule.rule if request.url_rule else None
    metrics.count_request(route, request.method, response.status_code, seconds)
    is_poll = request.endpoint in POLLS and response.status_code < HTTPStatus.BAD_REQUEST
    log.log(
        logging.DEBUG if is_poll else logging.INFO,
        "request",
        extra={"facts": _facts(caller, response, seconds)},
    )
    return response


def _facts(caller: Caller | None, response: Response, seconds: float) -> dict[str, Any]:
    """The log entry of a request, with what its view has added."""
    return {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "owner": caller.owner if caller else None,
        "client": request.remote_addr,
        "elapsed_ms": round(seconds * 1000, 1),
        **g.get("log_facts", {}),
    }
