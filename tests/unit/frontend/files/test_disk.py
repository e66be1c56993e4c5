"""Room on the disk."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from frontend.errors import DiskFullError
from frontend.files.disk import check_room


def test_a_full_disk_is_told_before_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024**2))
    with pytest.raises(DiskFullError, match="Less than 16 MiB"):
        check_room()


def test_there_is_room() -> None:
    check_room()


def test_readiness_names_it(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json["parts"]["disk"]["state"] == "down"


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 503), (errno.EDQUOT, 503), (errno.EIO, 500)])
def test_what_finds_no_room_is_refused(make_app: Callable[..., Flask], number: int, status: int) -> None:
    app = make_app()

    @app.get("/write")
    def write() -> str:
        raise OSError(number, os.strerror(number))

    answer = app.test_client().get("/write")
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status == 503)
