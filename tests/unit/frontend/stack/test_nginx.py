"""nginx on one machine: it takes its configuration, and a bad certificate is refused before it starts."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest

from frontend.settings import Settings
from frontend.stack import executables
from frontend.stack.errors import StackError
from frontend.stack.nginx import configure, folder_in, refuse_bad_certificate
from frontend.stack.plan import Plan
from tests.certificates import make_certificate


def planned(folder: Path, **settings: object) -> Plan:
    return Plan(Settings(**settings), folder, folder, (), {})  # type: ignore[arg-type]


def configured(folder: Path, **settings: object) -> str:
    """nginx's configuration, with which it would start."""
    configure(planned(folder, **settings))
    nginx = executables.nginx(Path(sysconfig.get_path("purelib")))
    command = [nginx, "-t", "-p", folder_in(folder), "-c", "nginx.conf", "-g", executables.nginx_user()]
    tested = subprocess.run(command, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr
    return (folder_in(folder) / "nginx.conf").read_text()


def test_each_instance_is_a_server(tmp_path: Path) -> None:
    text = configured(tmp_path, instances=2)
    for number in (1, 2):
        assert f"server unix:{tmp_path}/frontend-{number}.sock max_fails=0;" in text


def test_bodies_are_limited_as_in_the_front_end(tmp_path: Path) -> None:
    text = configured(tmp_path, max_image_mb=1, max_batch_mb=2)
    assert f"client_max_body_size {1024 * 1024 * 4 // 3 + 64 * 1024};" in text
    assert f"client_max_body_size {2 * 1024 * 1024 + 64 * 1024};" in text


@pytest.mark.parametrize(
    ("host", "listens"),
    [("127.0.0.1", "127.0.0.1:8000"), ("::", "[::]:8000 ipv6only=off"), ("localhost", "127.0.0.1:8000")],
)
def test_it_listens_where_the_front_end_would(tmp_path: Path, host: str, listens: str) -> None:
    assert f"listen {listens};" in configured(tmp_path, host=host)


def test_behind_a_proxy_connections_are_counted_by_client(tmp_path: Path) -> None:
    assert "set_real_ip_from 0.0.0.0/0; set_real_ip_from ::/0;" in configured(tmp_path, trusted_proxies=1)


def test_a_certificate_may_lie_anywhere(tmp_path: Path) -> None:
    (folder := tmp_path / "my $key; 证").mkdir()
    certificate, key = make_certificate(folder)
    settings = {"tls_cert": str(certificate), "tls_key": str(key)}
    refuse_bad_certificate(Settings(**settings))  # type: ignore[arg-type]
    assert "listen 127.0.0.1:8000 ssl;" in configured(tmp_path, **settings)


def test_a_bad_certificate_is_refused_by_name(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    _, other_key = make_certificate(tmp_path / "other")
    missing = str(tmp_path / "none.pem")
    for cert, key_given, named in (
        (missing, str(key), "OCR_TLS_CERT"),
        (str(certificate), missing, "OCR_TLS_KEY"),
        (str(tmp_path), str(key), "OCR_TLS_CERT"),
        (str(certificate), str(other_key), "OCR_TLS_KEY"),
        (str(key), str(certificate), "OCR_TLS_CERT"),
        (str(certificate), str(locked(key)), "without a password"),
    ):
        with pytest.raises(StackError, match=named):
            refuse_bad_certificate(Settings(tls_cert=cert, tls_key=key_given))


def locked(key: Path) -> Path:
    """The key with a password."""
    path = key.with_name("locked.pem")
    command = ["openssl", "rsa", "-aes256", "-passout", "pass:secret", "-in", key, "-out", path]
    subprocess.run(command, capture_output=True, check=True)
    return path
