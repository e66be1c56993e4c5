"""Connections to the public internet, and to nothing else but networks that are named.

requests-hardened looks each name up once, refuses addresses that are not public, and connects to the very
address that it looked at (docs/decisions/0010-urls.md).
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.connection import HTTPConnection

__all__ = ["ForbiddenPortError", "InvalidIPAddress", "Network", "PublicWeb"]

Network = IPv4Network | IPv6Network
Watch = Callable[[socket.socket], None]

PUBLIC_PORTS = frozenset({None, 80, 443})
"""None: the scheme's own. Elsewhere than where the web is we would be somebody's port scanner."""

logging.getLogger("requests_hardened.ip_filter").disabled = True  # it warns of allowed networks, too


class ForbiddenPortError(requests.RequestException):
    """A port of a public address that is not the web's."""


class PublicWeb(requests.Session):
    """A session for one address, without the proxies and passwords of the environment."""

    def __init__(self, allowed: Sequence[Network], watch: Watch) -> None:
        super().__init__()
        self.trust_env = False
        for scheme in ("http", "https"):
            self.mount(f"{scheme}://", _Adapter(scheme, allowed, watch))

    def look_up(self, request: requests.PreparedRequest) -> None:
        """Look at where a request would go.

        Raises InvalidIPAddress, ForbiddenPortError or ConnectionError.
        """
        adapter: Any = self.get_adapter(request.url or "")
        adapter.build_connection_pool_key_attributes(request, verify=True)

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - as requests has it
        """Follows no redirect: requests would read the whole body of each, however long, before the next."""


class _Adapter(IPFilterAdapter):  # type: ignore[misc]  # it comes without types
    """Lets connections through to public addresses and to `allowed` networks, and shows them to `watch`."""

    def __init__(self, scheme: str, allowed: Sequence[Network], watch: Watch) -> None:
        super().__init__(is_https_proto=scheme == "https")
        self._allowed = allowed
        self._watch = watch

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Where to connect: the library has looked the name up, and puts the address in its place."""
        try:
            host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
            address = ip_address(host["host"].strip("[]"))
            if _is_beyond_the_library(address):
                raise InvalidIPAddress(address)
        except InvalidIPAddress as refusal:
            (address,) = refusal.args
            if not any(address in network for network in self._allowed):
                raise
            return self._pinned(request, verify, cert, address)
        if host["port"] not in PUBLIC_PORTS:
            raise ForbiddenPortError
        return host, tls

    @staticmethod
    def _pinned(
        request: requests.PreparedRequest, verify: Any, cert: Any, address: IPv4Address | IPv6Address
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The same for an allowed address that the library refuses; the Host header is already the name's."""
        plain: Any = HTTPAdapter()
        host, tls = plain.build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            tls |= {"assert_hostname": host["host"], "server_hostname": host["host"]}
        return host | {"host": f"[{address}]" if address.version == 6 else str(address)}, tls

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = _watched(pool.ConnectionCls, self._watch)
        return pool


def _is_beyond_the_library(address: IPv4Address | IPv6Address) -> bool:
    """Of those that it takes for public: IPv6's old local addresses, and those that hold one of IPv4."""
    return address.is_reserved or (address.version == 6 and address.is_site_local)


def _watched(kind: type[HTTPConnection], watch: Watch) -> type[HTTPConnection]:
    class Watched(kind):  # type: ignore[misc, valid-type]
        def connect(self) -> None:
            super().connect()
            watch(self.sock)

    return Watched
