"""The application starts whatever is there, unless its settings are unsafe."""

from __future__ import annotations

import time

import pytest

from frontend.app import create_app
from frontend.settings import Settings, SettingsError


def test_starts_without_any_server(nothing_there: dict[str, str]) -> None:
    started = time.monotonic()
    app = create_app(Settings(**nothing_there))
    assert time.monotonic() - started < 10
    assert app.test_client().get("/models").status_code == 503
    app.extensions["ocr"].close()


def test_refuses_unsafe_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_ANONYMOUS", "true")
    with pytest.raises(SettingsError):
        create_app()
