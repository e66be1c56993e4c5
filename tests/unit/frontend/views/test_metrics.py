"""/metrics and /version of the front end, through its routes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from frontend.auth.keys import digest
from frontend.client import release
from frontend.web.response_schemas import VersionAnswer
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply, line, prediction

PUBLISHED = {
    "ocr_requests", "ocr_request_seconds", "ocr_rejected", "ocr_in_flight", "ocr_in_flight_limit",
    "ocr_streams", "ocr_frames", "ocr_images", "ocr_pages", "ocr_lines", "ocr_confidence",
    "ocr_cache_requests", "ocr_torchserve_seconds", "ocr_stage_seconds", "ocr_task_items",
    "ocr_tasks_queued", "ocr_tasks_running", "ocr_tasks_oldest_seconds",
    "ocr_part_up", "ocr_model_info", "ocr_build_info", "ocr_reviewed_lines",
    "ocr_journal_documents",
}  # fmt: skip


class Scrape:
    """All samples by their names and labels."""

    def __init__(self, client: FlaskClient, **headers: str) -> None:
        response = client.get("/metrics", headers=headers)
        assert response.status_code == 200, response.text
        assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
        self.text = response.text
        families = list(text_string_to_metric_families(response.text))
        self.names = {family.name for family in families}
        samples = (sample for family in families for sample in family.samples)
        self._values = {(s.name, frozenset(s.labels.items())): s.value for s in samples}

    def __call__(self, name: str, **labels: str) -> float:
        return self._values.get((name, frozenset(labels.items())), 0.0)


def _read(client: FlaskClient, image: bytes) -> int:
    return client.post("/recognize", data=image, content_type="image/png").status_code


def test_every_metric_is_there_from_the_beginning(client: FlaskClient) -> None:
    names = Scrape(client).names
    assert {name for name in names if name.startswith("ocr_")} == PUBLISHED


def test_reads_are_counted_once_with_their_lines(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    fake.answer = lambda _: Reply(200, prediction(line("one"), line("two", top=60)))
    before = Scrape(client)
    assert [_read(client, image), _read(client, image)] == [200, 200]
    after = Scrape(client)

    def more(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    assert [more(f"ocr_{kind}_total", model="auto") for kind in ("images", "pages", "lines")] == [1, 1, 2]
    assert [more("ocr_cache_requests_total", result=r) for r in ("miss", "hit", "down")] == [1, 1, 0]
    route = {"route": "/recognize", "method": "POST"}
    assert more("ocr_requests_total", **route, status="200") == 2
    assert more("ocr_request_seconds_count", **route) == 2
    assert more("ocr_torchserve_seconds_count", model="auto") == 1
    assert [more("ocr_stage_seconds_count", stage=s) for s in ("queue", "find", "read")] == [1, 1, 1]
    assert after("ocr_in_flight", work="reading") == 0
    assert after("ocr_in_flight_limit", work="reading") > 0


def test_what_is_refused_is_counted_by_its_reason(client: FlaskClient, fake: FakeTorchServe) -> None:
    before = Scrape(client)
    fake.replies.append(Reply(503, {"code": 503, "type": "InternalServerException"}))
    assert _read(client, b"not now") == 503
    assert _read(client, b"") == 400
    assert client.get("/nowhere/42").status_code == 404
    assert client.put("/recognize").status_code == 405
    after = Scrape(client)
    reasons = ("recognizer-unavailable", "invalid-image", "not-found", "method-not-allowed")
    for reason in reasons:
        assert after("ocr_rejected_total", reason=reason) == before("ocr_rejected_total", reason=reason) + 1


def test_labels_are_bounded(client: FlaskClient) -> None:
    record = client.post("/recognize", data=b"x", content_type="image/png").json["history_id"]
    for method, path in (("GET", f"/history/{record}"), ("GET", "/nowhere/43"), ("BREW", "/coffee")):
        client.open(path, method=method)
    scrape = Scrape(client)
    assert scrape("ocr_requests_total", route="other", method="GET", status="404")
    assert scrape("ocr_requests_total", route="other", method="other", status="404")
    assert not re.search(f"{record}|nowhere|BREW|coffee", scrape.text)


def test_without_redis_and_mongodb_it_says_so(
    make_app: Callable[..., Flask], nothing_there: dict[str, str]
) -> None:
    client = make_app(**nothing_there, api_keys={"anna": digest("k")}).test_client()
    key = {"X-API-Key": "k"}
    before = Scrape(client, **key)("ocr_cache_requests_total", result="down")
    assert client.post("/recognize", data=b"x", content_type="image/png", headers=key).status_code == 200
    scrape = Scrape(client, **key)
    assert scrape("ocr_cache_requests_total", result="down") == before + 1
    assert {part: scrape("ocr_part_up", part=part) for part in ("torchserve", "redis", "mongodb")} == {
        "torchserve": 1,
        "redis": 0,
        "mongodb": 0,
    }
    assert "\nocr_tasks_queued " not in scrape.text


def test_the_queue_is_counted(client: FlaskClient) -> None:
    """No worker runs here."""
    assert Scrape(client)("ocr_tasks_queued") == 0
    for body in (b"x", b"y"):
        assert client.post("/recognize?async=true", data=body, content_type="image/png").status_code == 202
    scrape = Scrape(client)
    assert (scrape("ocr_tasks_queued"), scrape("ocr_tasks_running")) == (2, 0)
    assert 0 <= scrape("ocr_tasks_oldest_seconds") < 60


def test_the_models_and_the_release(client: FlaskClient, fake: FakeTorchServe) -> None:
    scrape = Scrape(client)
    version = fake.archives["auto"]
    assert scrape("ocr_model_info", model="crnn_v3", version=version) == 1
    assert scrape("ocr_build_info", version=release.version(), build="unknown") == 1
    answer = client.get("/version").json
    assert VersionAnswer.model_validate(answer)
    assert answer == {
        "version": release.version(),
        "build": "unknown",
        "models": dict.fromkeys(("auto", "crnn_v3", "crnn_v3_lite"), version),
    }


def test_version_answers_without_torchserve(client: FlaskClient, fake: FakeTorchServe) -> None:
    fake.stop()
    assert client.get("/version").json["models"] == {}
    fake.start()


class TestGuard:
    """The routes' matrix has /metrics with and without keys."""

    def test_scrapers_come_by_any_address_with_a_key(self, make_app: Callable[..., Flask]) -> None:
        client = make_app(api_keys={"prometheus": digest("k")}).test_client()
        pod = {"Host": "10.1.2.3:8000"}
        assert client.get("/metrics", headers=pod | {"Authorization": "Bearer k"}).status_code == 200
        assert client.get("/metrics", headers=pod).status_code == 401
        assert client.get("/history", headers=pod | {"X-API-Key": "k"}).status_code == 400

    def test_another_sites_name_leads_nowhere_without_keys(self, client: FlaskClient) -> None:
        """A page that has its own name point here (DNS rebinding) may send any header, and reads nothing."""
        response = client.get("/metrics", headers={"Host": "evil.example", "X-API-Key": "any"})
        assert (response.status_code, response.json["type"]) == (400, "/problems/untrusted-host")

    def test_a_cookie_is_not_enough(self, make_app: Callable[..., Flask]) -> None:
        client = make_app(
            anonymous=True, secret_key="s" * 32, api_keys={"prometheus": digest("k")}
        ).test_client()
        assert client.get("/history").status_code == 200
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"X-API-Key": "k"}).status_code == 200

    @pytest.mark.parametrize("changes", [{}, {"anonymous": True, "secret_key": "s" * 32}])
    def test_public_for_who_wants_it(
        self, make_app: Callable[..., Flask], changes: dict[str, object]
    ) -> None:
        app = make_app(metrics_public=True, api_keys={"anna": digest("k")}, **changes)
        client = app.test_client()
        assert client.get("/metrics", headers={"Host": "10.1.2.3:8000"}).status_code == 200
        assert client.get("/metrics", headers={"X-API-Key": "wrong"}).status_code == 200
