"""Keys, limits and shares in the real stack, with its two processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e import lines
from tests.e2e.service import ROOT, Service, request, wait_for

LIMIT = 200
WITHIN_SECONDS = 15  # generous; a process asks for the keys every 2 seconds
EVERY_PROCESS = 12  # requests at once, enough to meet both: nginx sends those that follow each other to one


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A stack of its own, because its keys would lock the other tests out."""
    settings = {"OCR_RATE_LIMIT": f"{LIMIT}/hour", "OCR_THREADS": "12", "OCR_OWNER_SHARE": "0.25"}
    with Service(tmp_path_factory.mktemp("guarded") / "data", **settings) as service:
        yield service


def _command(service: Service, *arguments: str) -> str:
    """The output of `python -m frontend.stack.key_command`."""
    run = subprocess.run(
        [sys.executable, "-m", "frontend.stack.key_command", *arguments],
        cwd=ROOT,
        env={**os.environ, "OCR_DATA_DIR": str(service.data_dir)},
        check=True,
        capture_output=True,
        text=True,
    )
    return run.stdout.strip()


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _history(service: Service, key: str | None = None) -> requests.Response:
    return request("GET", f"{service.address}/history", headers=_bearer(key))


def _post(service: Service, key: str, text: str) -> requests.Response:
    files = {"image": lines.png(text)}
    return request("POST", f"{service.address}/recognize", files=files, headers=_bearer(key))


def _everywhere(service: Service, key: str | None, status: int) -> bool:
    """Whether every process answers with `status`."""
    with ThreadPoolExecutor(EVERY_PROCESS) as pool:
        answers = pool.map(lambda _: _history(service, key), range(EVERY_PROCESS))
        return all(answer.status_code == status for answer in answers)


def test_a_key_from_its_making_to_its_end(guarded: Service) -> None:
    assert _everywhere(guarded, None, 200)
    key, admin = _command(guarded, "make", "anna"), _command(guarded, "make", "admin")
    wait_for(lambda: _everywhere(guarded, None, 401), WITHIN_SECONDS)
    assert _everywhere(guarded, key, 200)
    assert _everywhere(guarded, f"{key}x", 401)

    guarded.headers = _bearer(admin)
    with guarded.without("databases:mongod"):
        assert _post(guarded, key, "known all the same").json()["text"] == "known all the same"
        assert _history(guarded).status_code == 401

    listed = _command(guarded, "list")
    assert "anna" in listed
    assert key not in listed + (guarded.data_dir / "logs" / "frontend-1.log").read_text()
    _command(guarded, "revoke", "anna")
    wait_for(lambda: _everywhere(guarded, key, 401), WITHIN_SECONDS)
    assert _everywhere(guarded, admin, 200)


def test_a_forwarded_scheme_is_not_believed_without_a_proxy(guarded: Service) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    answer = request("GET", f"{guarded.address}/healthz", headers=headers)
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers


def test_all_processes_count_together(guarded: Service) -> None:
    key, other = _command(guarded, "make", "eager"), _command(guarded, "make", "calm")
    wait_for(lambda: _history(guarded, other).status_code == 200, WITHIN_SECONDS)
    wait_for(lambda: _everywhere(guarded, other, 200), WITHIN_SECONDS)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _history(guarded, key), range(LIMIT + 20)))
    assert Counter(answer.status_code for answer in answers) == {200: LIMIT, 429: 20}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= 3601
    assert refused.headers["RateLimit-Policy"].endswith(f";q={LIMIT};w=3600")
    assert _history(guarded, other).status_code == 200


def test_a_flood_of_one_key_does_not_keep_another_waiting(guarded: Service) -> None:
    greedy, modest = _command(guarded, "make", "greedy"), _command(guarded, "make", "modest")
    wait_for(lambda: _everywhere(guarded, modest, 200), WITHIN_SECONDS)
    wait_for(lambda: _everywhere(guarded, greedy, 200), WITHIN_SECONDS)
    with ThreadPoolExecutor(16) as pool:
        flood = [pool.submit(_post, guarded, greedy, f"flood {number}") for number in range(64)]
        answers = [_post(guarded, modest, f"one of mine {number}") for number in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    got = Counter(future.result().status_code for future in flood)
    assert set(got) == {200, 503}
