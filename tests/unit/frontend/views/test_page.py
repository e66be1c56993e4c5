"""The page, the documentation and the kinds of problems: all of it is there, nothing comes from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
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


def test_scripts_write_text_and_no_markup(app: Flask) -> None:
    markup = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    )
    scripts = {path: path.read_text("utf-8") for path in Path(str(app.static_folder), "js").rglob("*.js")}
    assert len(scripts) > 50
    assert [path.name for path, script in scripts.items() if markup.search(script)] == []


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


def test_files_of_pages_are_kept_for_ever_under_addresses_that_change_with_them(client: FlaskClient) -> None:
    for page in ("/", "/docs"):
        addresses = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get(page).text))
        assert addresses
        for address in addresses:
            response = client.get(address)
            said = set(response.headers["Cache-Control"].split(", "))
            assert said == {"public", "max-age=31536000", "immutable"}, address
            response.close()


def test_a_file_of_another_release_is_there_but_not_kept(client: FlaskClient) -> None:
    for name in ("js/app.js", "words.js", "swagger/css/swagger-ui.css"):
        response = client.get(f"/static/0123456789ab/{name}")
        assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-cache"), name
        response.close()
    assert client.get("/static/0123456789ab/nothing.js").status_code == 404
