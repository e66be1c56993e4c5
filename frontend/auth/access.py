"""Who is asking: trusted hosts, own origins, the owner of records, and scopes. Plain values in, no Flask."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from itsdangerous import BadSignature, URLSafeSerializer

from frontend.auth.keys import READ, SCOPES, WRITE, KeyRing
from frontend.errors import (
    ForeignOriginError,
    InsufficientScopeError,
    KeysDownError,
    UnauthorizedError,
    UntrustedHostError,
)

LOCAL_OWNER = "local"
ANY_HOST = "*"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
KEY_PROTOCOL = "ocr.key."
"""Before a key in URL-safe Base64: a browser, which can set no header, sends it as a subprotocol."""
_OWN_SITE = frozenset({None, "same-origin", "none"})
"""Values of Sec-Fetch-Site in requests that no other page has sent; programs do not send it."""


def check_host(host: str, trusted: Collection[str]) -> None:
    """Raises UntrustedHostError unless the Host header's name is trusted; its port does not matter."""
    name, _ = _split_host(host, 0)
    if ANY_HOST not in trusted and name not in trusted:
        raise UntrustedHostError


def check_origin(
    method: str, origin: str | None, fetch_site: str | None, host: str, allowed: Collection[str] = ()
) -> None:
    """Raises ForeignOriginError when a page neither ours nor `allowed` sends a method that changes things.

    A browser names the page in Origin or its kind in Sec-Fetch-Site; who sends neither is a program.
    """
    if method in _SAFE_METHODS or (origin or "").lower() in allowed:
        return
    if fetch_site not in _OWN_SITE or (origin is not None and not _is_own(origin, host)):
        raise ForeignOriginError


def check_scope(method: str, scopes: Collection[str]) -> None:
    """Raises InsufficientScopeError unless `scopes` allow to read, or with other methods to write."""
    needed = READ if method in _SAFE_METHODS else WRITE
    if needed not in scopes:
        raise InsufficientScopeError(needed)


def check_reader(caller: Caller) -> None:
    """Raises UnauthorizedError or InsufficientScopeError unless it may read what is about everybody.

    A browser's cookie, which anybody gets, is not enough.
    """
    if caller.account is None:
        raise UnauthorizedError
    check_scope("GET", caller.scopes)


def _is_own(origin: str, host: str) -> bool:
    scheme, _, address = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and _split_host(address, port) == _split_host(host, port)


def _split_host(text: str, default_port: int) -> tuple[str, int]:
    """'Example.com:8000' -> ('example.com', 8000); the name of an IPv6 address keeps its brackets."""
    try:
        parts = urlsplit(f"//{text}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return "", -1
    if parts.netloc != text or "@" in text:
        return "", -1
    return (f"[{name}]" if ":" in name else name), default_port if port is None else port


@dataclass(frozen=True)
class Caller:
    """An owner of records, and what it may do.

    `account` is whose share of the service it uses up: the owner, or, for browsers, which can have as many
    cookies as they like, the address (None). `new_cookie` is for a browser that came without one.
    """

    owner: str
    account: str | None
    scopes: Collection[str] = SCOPES
    new_cookie: str | None = None


class Owners:
    """Decides whose records a request sees: the key's, else the cookie's, else everything is `local`."""

    def __init__(self, keys: KeyRing, *, keys_needed: bool, anonymous: bool, secret_key: str) -> None:
        self._keys = keys
        self._keys_needed = keys_needed
        self._cookies = URLSafeSerializer(secret_key, salt="ocr-owner") if anonymous else None

    def identify(self, authorization: str | None, x_api_key: str | None, cookie: str | None) -> Caller:
        """Raises UnauthorizedError when a key is wrong, or missing where one is needed; KeysDownError."""
        presented = _presented_key(authorization, x_api_key)
        if presented is not None and (key := self._keys.find(presented)):
            return Caller(key.name, key.name, key.scopes)
        if presented is not None and self._are_needed():
            raise UnauthorizedError("This API key is not known. Check it, or ask for a new one.")
        if self._cookies:
            return self._browser(self._cookies, cookie)
        if self._are_needed():
            raise UnauthorizedError
        return Caller(LOCAL_OWNER, LOCAL_OWNER)

    def is_alone(self) -> bool:
        """Whether everything belongs to the local owner, with nobody to be kept apart from."""
        try:
            return not (self._cookies or self._are_needed())
        except KeysDownError:
            return False

    def _are_needed(self) -> bool:
        return self._keys_needed or not self._keys.is_empty()

    @staticmethod
    def _browser(cookies: URLSafeSerializer, cookie: str | None) -> Caller:
        try:
            return Caller(f"browser:{cookies.loads(cookie or '')}", None)
        except BadSignature:
            name = secrets.token_urlsafe(16)
            return Caller(f"browser:{name}", None, new_cookie=str(cookies.dumps(name)))


def _presented_key(authorization: str | None, x_api_key: str | None) -> str | None:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return x_api_key


def offered_key(protocols: str) -> str | None:
    """The key among the subprotocols that a client offers. Raises UnauthorizedError if it is not Base64."""
    names = (name.strip() for name in protocols.split(","))
    encoded = next((n.removeprefix(KEY_PROTOCOL) for n in names if n.startswith(KEY_PROTOCOL)), None)
    if encoded is None:
        return None
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, UnicodeError) as error:
        raise UnauthorizedError(f"What follows {KEY_PROTOCOL} is not URL-safe Base64.") from error
