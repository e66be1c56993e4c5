"""The page, the documentation and the kinds of problems: all of it is there, nothing comes from elsewhere."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from frontend.errors import error_types


@pytest.mark.parametrize("path", ["/", "/docs", "/problems/", "/problems/busy", "/static/js/app.js"])
def test_pages_take_nothing_from_elsewhere(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "//cdn" not in response.text
    assert "https://" not in re.sub(r'placeholder="[^"]*"', "", response.text)
    assert "<script>" not in response.text
    assert "style=" not in response.text
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    response.close()


def test_what_pages_name_is_there(client: FlaskClient) -> None:
    for page in ("/", "/docs"):
        text = client.get(page).text
        for address in re.findall(r'(?:href|src|data-url)="([^"]+)"', text):
            if address.startswith("#"):
                assert f'id="{address[1:]}"' in text
                continue
            response = client.get(address)
            assert response.status_code == 200, address
            response.close()


def test_every_kind_of_problem_has_its_page(client: FlaskClient) -> None:
    codes = [kind.code for kind in error_types()]
    assert len(set(codes)) == len(codes)
    for kind in error_types():
        assert escape(kind.title) in client.get(f"/problems/{kind.code}").text
    assert client.get("/problems/unheard-of").status_code == 404
