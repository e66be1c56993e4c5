"""Known weaknesses are found, with and without pip-audit's database, and are refused without a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.audit import advisories, bundled, command
from tests.audit.dependencies import pinned
from tests.unit.k8s.serving import serving

NOWHERE = ["-s", "osv", "--osv-url", "http://127.0.0.1:9/"]


class Database(BaseHTTPRequestHandler):
    """Answers as OSV does: of each package what `weak` says."""

    weak: dict[str, str] = {}

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        found = [self.weakness(name, self.weak[name])] if name in self.weak else []
        body = json.dumps({"vulns": found} if found else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def weakness(name: str, number: str) -> dict[str, Any]:
        events = [{"introduced": "0"}, {"fixed": "9999"}]
        ranges = [{"type": "ECOSYSTEM", "events": events}]
        affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
        return {"id": number, "summary": "weak", "details": "weak", "affected": affected}

    def log_message(self, *_args: object) -> None:
        """Silent."""


@pytest.fixture
def database() -> Iterator[list[str]]:
    """Options with which pip-audit asks a database of this machine."""
    Database.weak = {"pip": "CVE-2023-5752"}
    with serving(Database) as port:
        yield ["-s", "osv", "--osv-url", f"http://127.0.0.1:{port}/"]


def test_what_is_pinned_has_no_weakness_without_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(NOWHERE) == 0
    said = capsys.readouterr().out
    assert "was NOT reached" in said
    assert f"gathered on {advisories.gathered()}" in said
    assert "accepted: torchserve 0.12.0" in said
    assert "REFUSED" not in said


def test_the_list_finds_an_old_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "pinned", lambda *_: pinned() | {"urllib3": "2.6.3"})
    assert command.main(NOWHERE) == 1
    assert "REFUSED: urllib3 2.6.3: CVE-2026-21441" in capsys.readouterr().out


@pytest.mark.slow
def test_the_database_is_asked_for_every_package(
    database: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(database) == 0
    said = capsys.readouterr().out
    assert "pip-audit's database was asked" in said
    assert "does not know" not in said
    Database.weak |= {"flask": "CVE-2030-1", "torchserve": "CVE-2030-2"}
    assert command.main(database) == 1
    said = capsys.readouterr().out
    assert f"REFUSED: flask {pinned()['flask']}: CVE-2030-1\n    fixed in 9999" in said
    assert "REFUSED: torchserve 0.12.0: CVE-2030-2" in said


def test_a_database_that_knows_nothing_was_not_reached(database: list[str]) -> None:
    """pip-audit itself says “No known vulnerabilities found”, and ends with 0, where an index answers 404."""
    Database.weak = {}
    with pytest.raises(advisories.UnreachedError, match="does not answer"):
        advisories.in_database(database)


def test_a_reason_is_for_one_version_that_is_still_pinned() -> None:
    versions = pinned() | bundled.versions()
    found = list(advisories.in_list(versions))
    for acceptance in advisories.accepted():
        assert versions[acceptance.package] == acceptance.version
        assert len(acceptance.reason) > 20
        assert any(acceptance.covers(finding) for finding in found), acceptance
