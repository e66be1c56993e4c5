"""The middleware: every route for every kind of caller; limits, origins, cookies and headers."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from urllib3 import encode_multipart_formdata
from werkzeug.test import TestResponse

from frontend.auth.keys import Keys, digest
from frontend.settings import SPARE_THREADS
from frontend.web.middleware import PUBLIC
from tests.e2e import lines
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply, line, prediction
from tests.unit.frontend.servers import Server

OPEN, GUARDED = (200, 200, 200, 200), (401, 401, 200, 200)
STATUS = {
    # route: with no key, a wrong one, the key of another owner, that of the owner of the record
    "GET /": OPEN,
    "GET /docs": OPEN,
    "GET /healthz": OPEN,
    "GET /history": GUARDED,
    "DELETE /history": GUARDED,
    "GET /history/export": GUARDED,
    "GET /history/<string(length=24):record_id>": (401, 401, 404, 200),
    "DELETE /history/<string(length=24):record_id>": (401, 401, 404, 204),
    "GET /history/<string(length=24):record_id>/image": (401, 401, 404, 200),
    "GET /history/<string(length=24):record_id>/thumbnail": (401, 401, 404, 200),
    "GET /feedback/queue": GUARDED,
    "GET /feedback/export": GUARDED,
    "PATCH /feedback/lines/<line_id>": (401, 401, 404, 200),
    "GET /metrics": GUARDED,
    "GET /models": OPEN,
    "GET /openapi.json": OPEN,
    "GET /problems/": OPEN,
    "GET /problems/<code>": OPEN,
    "GET /readyz": OPEN,
    "PATCH /history/<string(length=24):record_id>": (401, 401, 404, 200),
    "POST /import": (401, 401, 422, 422),
    "POST /picture": GUARDED,
    "POST /recognize": GUARDED,
    "POST /recognize/batch": (401, 401, 202, 202),
    "POST /render": GUARDED,
    "GET /tasks": GUARDED,
    "GET /tasks/<task_id>": (401, 401, 404, 200),
    "DELETE /tasks/<task_id>": (401, 401, 404, 204),
    "GET /stream": (401, 401, 426, 426),
    "POST /api/ocr": GUARDED,
    "POST /ocr": GUARDED,
    "GET /static/<path:filename>": OPEN,
    "GET /static/<string(length=12):version>/<path:filename>": OPEN,
    "GET /static/words.js": OPEN,
    "GET /version": OPEN,
}
"""A route that is not here fails the first test below; one that has an owner says so by its statuses."""
PARTS = {
    "/static/<string(length=12):version>/<path:filename>": {"version": 12 * "0", "filename": "js/app.js"},
    "/static/<path:filename>": {"filename": "js/app.js"},
    "/problems/<code>": {"code": "busy"},
}
QUERIES = {"DELETE /history": "?all=true", "GET /history/export": "?format=jsonl"}


def _form(**fields: str | tuple[str, bytes]) -> dict[str, Any]:
    """A form that can be sent again and again."""
    body, content_type = encode_multipart_formdata(fields)
    return {"data": body, "content_type": content_type}


READ = {"text": "x", "width": 4, "height": 3, "lines": []}
BODIES: dict[str, dict[str, Any]] = {
    "PATCH /history/<string(length=24):record_id>": {"json": {"lines": [{"index": 0, "text": "y"}]}},
    "PATCH /feedback/lines/<line_id>": {"json": {"text": "y"}},
    "POST /picture": _form(image=("a.png", lines.png("x"))),
    "POST /render": _form(format="txt", answers=json.dumps([{"answer": READ}])),
    "POST /recognize": {"data": b"x", "content_type": "image/png"},
    "POST /recognize/batch": {"data": b"x", "content_type": "image/png"},
    "POST /import": {"json": {"url": "nowhere"}},
    "POST /api/ocr": {"json": {"base64": "eA=="}},
    "POST /ocr": {"json": {"file": "eA==", "fileType": 1}},
}
OTHER_FORMS = {"/api/ocr", "/ocr"}
"""Routes whose errors are no problem+json."""
CALLERS = ("no key", "wrong key", "other owner's key", "own key")


@pytest.fixture
def keyed(make_app: Callable[..., Flask], fake: FakeTorchServe) -> FlaskClient:
    fake.answer = lambda _: Reply(200, prediction(line("unsure", confidence=0.5)))
    keys = {name: digest(f"{name}'s key") for name in ("anna", "ben")}
    return make_app(api_keys=keys, history_images=True, feedback=True).test_client()


@pytest.fixture
def closing() -> Iterator[list[TestResponse]]:
    """Responses of files, to be closed."""
    responses: list[TestResponse] = []
    yield responses
    for response in responses:
        response.close()


def test_the_matrix_has_every_route(app: Flask) -> None:
    routes = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    assert routes == set(STATUS)


def test_what_is_public_is_there(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} >= PUBLIC


@pytest.mark.parametrize("route", STATUS)
def test_every_route_for_every_caller(keyed: FlaskClient, closing: list[TestResponse], route: str) -> None:
    for caller in CALLERS:
        closing.append(_call(keyed, route, caller))


def _call(keyed: FlaskClient, route: str, caller: str) -> TestResponse:
    """The answer to a caller, which is as it should be and leaves what is not his as it was."""
    method, rule = route.split()
    mine = {"X-API-Key": "anna's key"}
    image = lines.png("record")
    record = keyed.post("/recognize", data=image, content_type="image/png", headers=mine).json
    task = keyed.post("/recognize?async=true", data=b"x", content_type="image/png", headers=mine).json
    ids = {"record_id": record["history_id"], "task_id": task["task_id"]}
    parts = PARTS.get(rule, ids | {"line_id": f"{record['history_id']}-0-0"})
    path = re.sub(r"<(?:[^:>]+:)?(\w+)>", lambda part: parts[part[1]], rule) + QUERIES.get(route, "")
    keys = {"wrong key": "wrong", "other owner's key": "ben's key", "own key": "anna's key"}
    headers = {"X-API-Key": keys[caller]} if caller in keys else {}

    response = keyed.open(path, method=method, headers=headers, **BODIES.get(route, {}))
    assert response.status_code == STATUS[route][CALLERS.index(caller)], caller
    if response.status_code == 401 and rule not in OTHER_FORMS:
        assert response.json["type"] == "/problems/unauthorized"
    if caller != "own key" and STATUS[route] != OPEN:
        assert record["history_id"].encode() not in response.data.replace(path.encode(), b"")
    assert keyed.get(f"/history/{record['history_id']}", headers=mine).status_code == (
        404 if rule.startswith("/history") and (method, caller) == ("DELETE", "own key") else 200
    )
    return response


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
def test_unknown_addresses_and_methods_tell_nothing(keyed: FlaskClient, method: str) -> None:
    assert keyed.open("/nowhere", method=method).status_code == 404
    assert keyed.open("/healthz", method=method).status_code == 405


def _read(client: FlaskClient, image: bytes = b"x", **headers: str) -> TestResponse:
    return client.post("/recognize", data=image, content_type="image/png", headers=headers)


def test_keys_made_and_revoked_while_it_runs(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontend.auth.keys._FRESH_SECONDS", 0.0)
    keys = Keys(app.extensions["ocr"].mongo)
    assert client.get("/history").status_code == 200
    reader, writer = keys.make("reader", ["read"]), keys.make("writer", ["write"])
    assert client.get("/history").status_code == 401
    assert client.get("/history", headers={"Authorization": f"Bearer {reader}"}).status_code == 200
    assert _read(client, **{"X-API-Key": writer}).status_code == 200
    for response, scope in (
        (_read(client, **{"X-API-Key": reader}), "write"),
        (client.delete(f"/history/{'0' * 24}", headers={"X-API-Key": reader}), "write"),
        (client.get("/history", headers={"X-API-Key": writer}), "read"),
    ):
        assert (response.status_code, response.json["type"]) == (403, "/problems/insufficient-scope")
        assert response.json["scope"] == scope
        assert f'scope="{scope}"' in response.headers["WWW-Authenticate"]
    keys.revoke("reader")
    assert client.get("/history", headers={"X-API-Key": reader}).status_code == 401


def test_each_key_has_a_limit_and_strangers_have_that_of_their_address(
    make_app: Callable[..., Flask],
) -> None:
    names = [uuid.uuid4().hex for _ in range(2)]
    client = make_app(api_keys={name: digest(name) for name in names}, rate_limit="3/hour").test_client()
    address = {"REMOTE_ADDR": f"fd00::{uuid.uuid4().hex[:4]}"}
    for left in (2, 1, 0):
        response = client.get("/history", headers={"X-API-Key": names[0]}, environ_base=address)
        assert response.status_code == 200
        assert response.headers["RateLimit-Policy"] == '"3 per 1 hour";q=3;w=3600'
        assert re.fullmatch(rf'"3 per 1 hour";r={left};t=3\d\d\d', response.headers["RateLimit"])
        assert "Retry-After" not in response.headers
    refused = client.get("/history", headers={"X-API-Key": names[0]}, environ_base=address)
    assert (refused.status_code, refused.json["type"]) == (429, "/problems/rate-limited")
    assert refused.content_type == "application/problem+json"
    assert 3500 < int(refused.headers["Retry-After"]) <= 3601
    assert ";r=0;" in refused.headers["RateLimit"]
    assert client.get("/history", headers={"X-API-Key": names[1]}, environ_base=address).status_code == 200
    # who guesses keys is counted by the address, and so are public pages
    guesses = [
        client.get("/history", headers={"X-API-Key": f"guess {n}"}, environ_base=address) for n in range(4)
    ]
    assert [guess.status_code for guess in guesses] == [401, 401, 401, 429]
    assert client.get("/models", environ_base=address).status_code == 429
    for path in ("/healthz", "/readyz"):
        response = client.get(path, environ_base=address)
        assert response.status_code == 200
        assert "RateLimit" not in response.headers


def test_throwing_the_cookie_away_does_not_help(make_app: Callable[..., Flask]) -> None:
    app = make_app(anonymous=True, secret_key="s" * 32, rate_limit="2/hour")
    address = {"REMOTE_ADDR": f"fd01::{uuid.uuid4().hex[:4]}"}
    statuses = [app.test_client().get("/history", environ_base=address).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_the_local_owner_is_limited_only_on_request(
    client: FlaskClient, make_app: Callable[..., Flask]
) -> None:
    assert "RateLimit" not in client.get("/history").headers
    limited = make_app(rate_limit="1000/minute").test_client()
    assert "RateLimit" in limited.get("/history").headers


def test_without_redis_each_process_counts(make_app: Callable[..., Flask], valkey: Server) -> None:
    name = uuid.uuid4().hex
    client = make_app(api_keys={name: digest(name)}, rate_limit="2/hour").test_client()
    valkey.stop()
    statuses = [client.get("/history", headers={"X-API-Key": name}).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(("proxies", "address"), [(0, "10.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.7")])
def test_the_address_is_that_before_the_trusted_proxies(
    make_app: Callable[..., Flask], proxies: int, address: str
) -> None:
    """Of X-Forwarded-For as many entries count, from the right, as there are proxies."""
    app = make_app(trusted_proxies=proxies)
    seen: list[str | None] = []
    app.before_request(lambda: seen.append(request.remote_addr))
    chain = {"X-Forwarded-For": "192.0.2.1, 198.51.100.7, 203.0.113.9"}
    app.test_client().get("/healthz", headers=chain, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    assert seen == [address]


ALLOWED = "https://app.example"


def test_other_sites_get_nothing_unless_they_are_listed(
    client: FlaskClient, make_app: Callable[..., Flask]
) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    allowing = make_app(cors_origins=(ALLOWED, "http://[::1]:3000")).test_client()
    for origin, asked in (
        (ALLOWED, client),
        ("https://evil.example", allowing),
        (f"{ALLOWED}.evil", allowing),
        ("http://1:3000", allowing),
        ("null", allowing),
    ):
        for response in (
            asked.get("/history", headers={"Origin": origin}),
            asked.options("/recognize", headers={"Origin": origin, **preflight}),
        ):
            assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
        assert _read(asked, Origin=origin).status_code == 403


@pytest.mark.parametrize("origin", [ALLOWED, "http://[::1]:3000"])
def test_a_listed_site_may_call_with_a_key_and_never_with_the_cookie(
    make_app: Callable[..., Flask], origin: str
) -> None:
    client = make_app(
        cors_origins=(ALLOWED, "http://[::1]:3000"), api_keys={"anna": digest("k")}
    ).test_client()
    preflight = client.options(
        "/recognize",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, x-api-key, x-other",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == origin
    assert preflight.headers["Access-Control-Allow-Headers"] == "content-type, x-api-key"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    allowed = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    for response, status in (
        (_read(client, **allowed, **{"X-API-Key": "k"}), 200),
        (_read(client, **allowed), 401),
    ):
        assert response.status_code == status
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert "Origin" in response.headers["Vary"]
        assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("https", [False, True])
def test_the_cookie_is_for_the_server_alone(make_app: Callable[..., Flask], https: bool) -> None:
    client = make_app(anonymous=True, secret_key="s" * 32).test_client()
    response = client.get("/history", base_url=f"{'https' if https else 'http'}://localhost")
    flags = {part.strip() for part in response.headers["Set-Cookie"].split(";")}
    assert {"HttpOnly", "SameSite=Lax"} <= flags
    assert ("Secure" in flags) is https
    assert ("Strict-Transport-Security" in response.headers) is https


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # no browser
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_another_site_cannot_use_the_cookie(
    make_app: Callable[..., Flask], headers: dict[str, str], status: int
) -> None:
    client = make_app(anonymous=True, secret_key="s" * 32).test_client()
    record = _read(client).json["history_id"]
    assert _read(client, **headers).status_code == status
    assert client.delete(f"/history/{record}", headers=headers).status_code == (204 if status == 200 else 403)
    assert client.get(f"/history/{record}").status_code == (404 if status == 200 else 200)


@pytest.mark.parametrize("path", ["/", "/docs", "/history", "/nowhere", "/static/js/app.js"])
def test_every_answer_has_the_security_headers(
    client: FlaskClient, closing: list[TestResponse], path: str
) -> None:
    closing.append(response := client.get(path))
    policy = dict(
        part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_greedy_key_leaves_room_for_others(make_app: Callable[..., Flask], fake: FakeTorchServe) -> None:
    """Two places a process, of which each key gets one."""
    keys = {name: digest(name) for name in ("greedy", "modest")}
    app = make_app(api_keys=keys, threads=SPARE_THREADS + 2)
    fake.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(_read, app.test_client(), b"one", **{"X-API-Key": "greedy"})
        _wait_for(fake, 1)
        refused = _read(app.test_client(), b"two", **{"X-API-Key": "greedy"})
        assert (refused.status_code, refused.json["type"]) == (503, "/problems/busy")
        assert refused.headers["Retry-After"] == "1"
        second = pool.submit(_read, app.test_client(), b"three", **{"X-API-Key": "modest"})
        _wait_for(fake, 2)
        fake.gate.set()
        assert {first.result().status_code, second.result().status_code} == {200}


def _wait_for(fake: FakeTorchServe, predictions: int) -> None:
    deadline = time.monotonic() + 20
    while len(fake.predictions) < predictions:
        assert time.monotonic() < deadline
        time.sleep(0.01)
