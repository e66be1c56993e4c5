"""Hosts, origins and owners."""

from __future__ import annotations

import hashlib

import pytest

from frontend.access import Owners, check_host, check_origin
from frontend.errors import ForeignOriginError, UnauthorizedError, UntrustedHostError

TRUSTED = ("localhost", "127.0.0.1", "[::1]")
KEYS = {"anna": hashlib.sha256(b"anna's key").hexdigest(), "ben": hashlib.sha256(b"ben's key").hexdigest()}


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"]
)
def test_trusted_hosts(host: str) -> None:
    check_host(host, TRUSTED)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "localhost.evil.example", "evil@localhost", "localhost/x", "localhost:x", "::1"],
)
def test_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(UntrustedHostError):
        check_host(host, TRUSTED)


def test_any_host_on_request() -> None:
    check_host("evil.example", ("*",))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "localhost:8000"),
        ("http://localhost:8000", "localhost:8000"),
        ("https://ocr.example", "ocr.example"),
        ("https://ocr.example", "ocr.example:443"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_own_origins(origin: str | None, host: str) -> None:
    check_origin("POST", origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:9000",
        "null",
        "",
        "file://",
        "http://localhost:8000.evil.example",
    ],
)
def test_foreign_origins_are_refused_where_something_changes(origin: str) -> None:
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        with pytest.raises(ForeignOriginError):
            check_origin(method, origin, "localhost:8000")
    check_origin("GET", origin, "localhost:8000")


def test_without_keys_everything_is_local() -> None:
    owners = Owners({}, anonymous=False, secret_key="")
    assert owners.identify(None, None, None).owner == "local"
    assert owners.identify("Bearer x", "y", "z").owner == "local"


def test_a_key_names_its_owner() -> None:
    owners = Owners(KEYS, anonymous=False, secret_key="")
    assert owners.identify("Bearer anna's key", None, None).owner == "anna"
    assert owners.identify("bearer  ben's key ", None, None).owner == "ben"
    assert owners.identify(None, "ben's key", None).owner == "ben"


@pytest.mark.parametrize(
    ("authorization", "x_api_key"),
    [
        (None, None),
        ("Bearer wrong", None),
        ("Bearer ", "anna's key"),
        (None, ""),
        (None, "kéy"),
        ("Basic eDp5", None),
    ],
)
def test_no_right_key_no_entry(authorization: str | None, x_api_key: str | None) -> None:
    with pytest.raises(UnauthorizedError):
        Owners(KEYS, anonymous=False, secret_key="").identify(authorization, x_api_key, None)


def test_a_browser_keeps_its_cookie() -> None:
    owners = Owners({}, anonymous=True, secret_key="s" * 32)
    first = owners.identify(None, None, None)
    again = owners.identify(None, None, first.new_cookie)
    assert first.new_cookie
    assert (again.owner, again.new_cookie) == (first.owner, None)
    assert owners.identify(None, None, None).owner != first.owner


def test_a_forged_cookie_is_a_new_browser() -> None:
    owners = Owners({}, anonymous=True, secret_key="s" * 32)
    foreign = Owners({}, anonymous=True, secret_key="t" * 32).identify(None, None, None)
    caller = owners.identify(None, None, foreign.new_cookie)
    assert caller.new_cookie
    assert caller.owner != foreign.owner


def test_keys_and_browsers_side_by_side() -> None:
    owners = Owners(KEYS, anonymous=True, secret_key="s" * 32)
    assert owners.identify(None, "anna's key", None).owner == "anna"
    assert owners.identify(None, None, None).owner.startswith("browser:")
    with pytest.raises(UnauthorizedError):
        owners.identify(None, "wrong", None)
