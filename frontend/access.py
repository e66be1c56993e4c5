"""Who is asking: trusted hosts, own origins, and the owner of records. Plain values in, no Flask."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from itsdangerous import BadSignature, URLSafeSerializer

from frontend.errors import ForeignOriginError, UnauthorizedError, UntrustedHostError

LOCAL_OWNER = "local"
ANY_HOST = "*"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_host(host: str, trusted: Collection[str]) -> None:
    """Raises UntrustedHostError unless the Host header's name is trusted; its port does not matter."""
    name, _ = _split_host(host, 0)
    if ANY_HOST not in trusted and name not in trusted:
        raise UntrustedHostError


def check_origin(method: str, origin: str | None, host: str) -> None:
    """Raises ForeignOriginError when another site's page sends a method that changes things."""
    if method not in _SAFE_METHODS:
        check_own_origin(origin, host)


def check_own_origin(origin: str | None, host: str) -> None:
    """Raises ForeignOriginError when another site's page asks; programs send no Origin."""
    if origin is None:
        return
    scheme, _, address = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    if port is None or _split_host(address, port) != _split_host(host, port):
        raise ForeignOriginError


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
    """An owner of records, and the cookie to give to a browser that came without one."""

    owner: str
    new_cookie: str | None = None


class Owners:
    """Decides whose records a request sees: the key's, else the cookie's, else everything is `local`."""

    def __init__(self, api_keys: Mapping[str, str], *, anonymous: bool, secret_key: str) -> None:
        self._api_keys = api_keys
        self._cookies = URLSafeSerializer(secret_key, salt="ocr-owner") if anonymous else None

    def identify(self, authorization: str | None, x_api_key: str | None, cookie: str | None) -> Caller:
        """Raises UnauthorizedError when a key is wrong, or missing where one is needed."""
        presented = _presented_key(authorization, x_api_key)
        if self._api_keys and presented is not None:
            return Caller(self._owner_of_key(presented))
        if self._cookies:
            return self._browser(self._cookies, cookie)
        if self._api_keys:
            raise UnauthorizedError
        return Caller(LOCAL_OWNER)

    def _owner_of_key(self, key: str) -> str:
        """Looks at every key, so that the time taken says nothing."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        owners = [owner for owner, known in self._api_keys.items() if hmac.compare_digest(digest, known)]
        if not owners:
            raise UnauthorizedError("This API key is not known. Check it, or ask for a new one.")
        return owners[0]

    @staticmethod
    def _browser(cookies: URLSafeSerializer, cookie: str | None) -> Caller:
        try:
            return Caller(f"browser:{cookies.loads(cookie or '')}")
        except BadSignature:
            name = secrets.token_urlsafe(16)
            return Caller(f"browser:{name}", str(cookies.dumps(name)))


def _presented_key(authorization: str | None, x_api_key: str | None) -> str | None:
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return x_api_key
