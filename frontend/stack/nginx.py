"""nginx before the instances: nginx.conf, which containers use too, filled in for this machine."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

from frontend.settings import Settings, variable
from frontend.stack.errors import StackError
from frontend.stack.plan import ROOT, Plan
from frontend.stack.ports import LOOPBACK

CLIENT_CONNECTIONS = 2000
"""Requests that one address may have under way: more than any client needs; nginx holds many times that."""
CERTIFICATE, _KEY = "cert.pem", "key.pem"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def configure(plan: Plan) -> None:
    """Write what nginx starts from into its folder."""
    folder = folder_in(plan.runtime_dir)
    folder.mkdir()
    settings = plan.settings
    if settings.tls_cert:
        # Links, because nginx would take some characters of a path for its own.
        (folder / CERTIFICATE).symlink_to(Path(settings.tls_cert).absolute())
        (folder / _KEY).symlink_to(Path(settings.tls_key).absolute())
    filled_in = fill_in((ROOT / "nginx.conf").read_text(), _values(settings, plan.sockets, folder))
    (folder / "nginx.conf").write_text(filled_in)


def folder_in(runtime_dir: Path) -> Path:
    """Where all of nginx's files are, as supervisord.conf says too."""
    return runtime_dir / "nginx"


def fill_in(template: str, values: Mapping[str, str]) -> str:
    """The template with `values` for its variables."""
    return _VARIABLE.sub(lambda match: values[match[1]], template)


def _values(settings: Settings, sockets: Iterable[Path], folder: Path) -> dict[str, str]:
    return {
        "NGINX_TMP": str(folder),
        "NGINX_LISTEN": listen(settings),
        "NGINX_TLS": _tls(folder) if settings.tls_cert else "",
        "NGINX_SERVERS": " ".join(f"server unix:{path} max_fails=0;" for path in sockets),
        "NGINX_LOCAL_RESOLVERS": LOOPBACK,  # never asked
        # Whose connections are counted: the clients', also behind a proxy, whose address is not known.
        "NGINX_PROXY": "0.0.0.0/0; set_real_ip_from ::/0" if settings.trusted_proxies else "unix:",
        "NGINX_CLIENT_CONNECTIONS": str(CLIENT_CONNECTIONS),
        "MAX_BODY_BYTES": str(settings.max_body_bytes),
        "MAX_BATCH_BODY_BYTES": str(settings.max_batch_body_bytes),
    }


def listen(settings: Settings) -> str:
    """The parameters of the directive `listen`."""
    # Of a name's addresses the one that launcher.py has tried: nginx would insist on all of them.
    host = f"[{settings.host}]" if ":" in settings.host else socket.gethostbyname(settings.host)
    every = " ipv6only=off" if settings.host == "::" else ""  # as other servers take it
    return f"{host}:{settings.port}{' ssl' if settings.tls_cert else ''}{every}"


def _tls(folder: Path) -> str:
    return f"ssl_certificate {folder / CERTIFICATE}; ssl_certificate_key {folder / _KEY};"


def refuse_bad_certificate(settings: Settings) -> None:
    """StackError if there is a certificate with which nginx would not start."""
    if not settings.tls_cert:
        return
    for name in ("tls_cert", "tls_key"):
        _refuse_unreadable(name, Path(getattr(settings, name)))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            settings.tls_cert, settings.tls_key, password=lambda: ""
        )
    except (ssl.SSLError, ValueError) as error:
        raise StackError(
            f"OCR_TLS_CERT={settings.tls_cert} and OCR_TLS_KEY={settings.tls_key} must be a certificate and "
            f"its key, both in PEM and the key without a password ({error})."
        ) from error


def _refuse_unreadable(name: str, path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise StackError(
            f"{variable(name)}={path} cannot be read ({error.strerror}): set it to a file in PEM."
        ) from error
