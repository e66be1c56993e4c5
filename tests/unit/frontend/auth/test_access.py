"""Hosts, origins and owners."""

from __future__ import annotations

import hashlib

import pytest

from frontend.auth.access import Owners, check_host, check_origin, check_scope, offered_key
from frontend.auth.keys import Key, KeyRing
from frontend.errors import (
    ForeignOriginError,
    InsufficientScopeError,
    KeysDownError,
    UnauthorizedError,
    UntrustedHostError,
)

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
    for fetch_site in (None, "same-origin", "none"):
        check_origin("POST", origin, fetch_site, host)


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
            check_origin(method, origin, None, "localhost:8000")
    check_origin("GET", origin, None, "localhost:8000")


@pytest.mark.parametrize("fetch_site", ["cross-site", "same-site", "x", ""])
def test_what_a_browser_says_of_a_page_without_a_name_counts_too(fetch_site: str) -> None:
    """A form that posts under Referrer-Policy: no-referrer, for one, may come without Origin."""
    for origin in (None, "http://localhost:8000"):
        with pytest.raises(ForeignOriginError):
            check_origin("POST", origin, fetch_site, "localhost:8000")
    check_origin("GET", None, fetch_site, "localhost:8000")


def test_origins_that_are_allowed() -> None:
    allowed = ("https://app.example", "http://localhost:3000")
    for origin in (*allowed, "https://APP.example"):
        check_origin("POST", origin, "cross-site", "ocr.example", allowed)
    for origin in (
        "https://app.example.evil",
        "http://app.example",
        "https://app.example:8443",
        "null",
        None,
    ):
        with pytest.raises(ForeignOriginError):
            check_origin("POST", origin, "cross-site", "ocr.example", allowed)


def test_scopes() -> None:
    check_scope("GET", {"read"})
    check_scope("HEAD", {"read"})
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        check_scope(method, {"write"})
        with pytest.raises(InsufficientScopeError) as raised:
            check_scope(method, {"read"})
        assert 'scope="write"' in raised.value.headers["WWW-Authenticate"]
    with pytest.raises(InsufficientScopeError):
        check_scope("GET", {"write"})


def _owners(keys: dict[str, str], *, needed: bool = False, secret_key: str = "") -> Owners:
    ring = KeyRing(keys, list)
    return Owners(ring, keys_needed=needed, anonymous=bool(secret_key), secret_key=secret_key)


def test_without_keys_everything_is_local() -> None:
    owners = _owners({})
    assert owners.identify(None, None, None).owner == "local"
    assert owners.identify("Bearer x", "y", "z").owner == "local"


def test_a_key_names_its_owner() -> None:
    owners = _owners(KEYS)
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
        _owners(KEYS).identify(authorization, x_api_key, None)


def test_where_keys_are_needed_there_is_no_local_owner() -> None:
    for key in (None, "x"):
        with pytest.raises(UnauthorizedError):
            _owners({}, needed=True).identify(None, key, None)


def test_whoever_cannot_be_told_from_a_stranger_waits() -> None:
    """MongoDB has not answered yet, so it may have keys; those configured, and browsers, need it not."""

    def down() -> list[Key]:
        raise KeysDownError

    for presented in (None, "somebody's key"):
        with pytest.raises(KeysDownError):
            Owners(KeyRing({}, down), keys_needed=False, anonymous=False, secret_key="").identify(
                None, presented, None
            )
    owners = Owners(KeyRing(KEYS, down), keys_needed=False, anonymous=True, secret_key="s" * 32)
    assert owners.identify(None, "anna's key", None).owner == "anna"
    assert owners.identify(None, None, None).owner.startswith("browser:")
    assert not owners.is_alone()


def test_only_the_local_owner_is_alone() -> None:
    assert _owners({}).is_alone()
    for owners in (_owners(KEYS), _owners({}, needed=True), _owners({}, secret_key="s" * 32)):
        assert not owners.is_alone()


def test_keys_account_for_themselves_and_browsers_by_their_address() -> None:
    """For a cookie can be thrown away."""
    owners = _owners(KEYS, secret_key="s" * 32)
    assert owners.identify(None, "anna's key", None).account == "anna"
    assert owners.identify(None, None, None).account is None


def test_a_browser_keeps_its_cookie() -> None:
    owners = _owners({}, secret_key="s" * 32)
    first = owners.identify(None, None, None)
    again = owners.identify(None, None, first.new_cookie)
    assert first.new_cookie
    assert (again.owner, again.new_cookie) == (first.owner, None)
    assert owners.identify(None, None, None).owner != first.owner


def test_a_forged_cookie_is_a_new_browser() -> None:
    owners = _owners({}, secret_key="s" * 32)
    foreign = _owners({}, secret_key="t" * 32).identify(None, None, None)
    caller = owners.identify(None, None, foreign.new_cookie)
    assert caller.new_cookie
    assert caller.owner != foreign.owner


def test_keys_and_browsers_side_by_side() -> None:
    owners = _owners(KEYS, secret_key="s" * 32)
    assert owners.identify(None, "anna's key", None).owner == "anna"
    assert owners.identify(None, None, None).owner.startswith("browser:")
    with pytest.raises(UnauthorizedError):
        owners.identify(None, "wrong", None)


def test_a_key_among_the_subprotocols() -> None:
    assert offered_key("") is None
    assert offered_key("ocr") is None
    assert offered_key("ocr, ocr.key.dGhlIGtleQ") == "the key"
    with pytest.raises(UnauthorizedError, match="Base64"):
        offered_key("ocr, ocr.key.x")
