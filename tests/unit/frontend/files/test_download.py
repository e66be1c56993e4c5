"""Fetching images: what is refused unasked, what is bounded, and what comes through."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import Any

import pytest

from frontend.errors import (
    BusyError,
    DownloadFailedError,
    DownloadTimeoutError,
    ImageTooLargeError,
    InvalidRequestError,
    OCRError,
    UnsupportedImageTypeError,
)
from frontend.files.download import MAX_REDIRECTS, Downloader
from frontend.logs import JsonFormatter
from tests.unit.frontend.fake_web import IMAGE, INSIDE, OUTSIDE, FakeWeb, serving
from tests.unit.frontend.servers import free_port

LIMIT = 1024 * 1024
SOON = 5.0  # of a download that may take half a second

INWARD = [
    "localhost",
    "127.0.0.1",
    "127.1",
    "127.255.255.254",
    "0.0.0.0",
    "169.254.169.254",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "2130706433",  # 127.0.0.1 as one number, octal, hexadecimal
    "0177.0.0.1",
    "017700000001",
    "0x7f.0.0.1",
    "0x7f000001",
    "2852039166",  # 169.254.169.254
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:10.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd12:3456:789a::1]",
    "[ff02::1]",
    "[2001:db8::1]",
]
"""Hosts that no public image has."""
INWARD_KINDS = [
    "localhost",
    "169.254.169.254",
    "10.1.2.3",
    "0x7f000001",
    "[::ffff:127.0.0.1]",
    "[fd12:3456:789a::1]",
]
"""One of each kind: what a redirect leads to is looked at as what was asked for is."""


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with serving() as server:
        yield server


def _downloader(*allowed: str, seconds: float = 10.0, at_once: int = 4) -> Downloader:
    return Downloader([ip_network(name) for name in allowed], LIMIT, seconds, at_once)


@pytest.fixture
def fetch() -> Callable[[str], bytes]:
    return _downloader(OUTSIDE).fetch


def _refusal(fetch: Callable[[str], bytes], url: str) -> str:
    with pytest.raises(InvalidRequestError) as raised:
        fetch(url)
    ((field, message),) = raised.value.errors
    assert field == "url"
    return message


def test_an_image_comes_as_it_is(fetch: Callable[[str], bytes], web: FakeWeb) -> None:
    assert fetch(web.address("/image.png?kind=image/png;x%3Dy")) == IMAGE
    ((_, headers),) = web.received
    assert headers["Host"] == f"{OUTSIDE}:{web.port}"
    assert "Authorization" not in headers


@pytest.mark.parametrize("kind", ["application/pdf", "application/octet-stream", "IMAGE/JPEG"])
def test_what_may_be_an_image_comes(fetch: Callable[[str], bytes], web: FakeWeb, kind: str) -> None:
    assert fetch(web.address(f"/image?kind={kind}")) == IMAGE


def test_an_untyped_file_of_unknown_length_comes(fetch: Callable[[str], bytes], web: FakeWeb) -> None:
    assert fetch(web.address("/untyped")) == IMAGE


@pytest.mark.parametrize("host", INWARD)
def test_an_address_that_is_not_public_is_not_asked(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    def connect(*_args: Any) -> None:
        raise AssertionError("this must not be asked")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    for scheme in ("http", "https"):
        assert "not on the public internet" in _refusal(_downloader().fetch, f"{scheme}://{host}/x.png")


@pytest.mark.parametrize("host", INWARD_KINDS)
def test_nor_is_it_after_a_redirect(web: FakeWeb, fetch: Callable[[str], bytes], host: str) -> None:
    assert "not on the public internet" in _refusal(fetch, web.address(f"/redirect?to=http://{host}/image"))
    assert len(web.received) == 1


def test_a_server_that_is_not_allowed_is_not_even_connected_to(fetch: Callable[[str], bytes]) -> None:
    with serving(INSIDE) as inner, serving() as web:
        _refusal(fetch, inner.address("/image"))
        _refusal(fetch, web.address(f"/redirect?to={inner.address('/image')}"))
        assert inner.received == []


def test_networks_are_allowed_by_name() -> None:
    with serving(INSIDE) as inner:
        url = inner.address("/image")
        assert _downloader("10.0.0.0/8", "127.0.0.0/8").fetch(url) == IMAGE
        _refusal(_downloader("10.0.0.0/8", "::1/128").fetch, url)


def test_ipv6_is_allowed_by_name() -> None:
    class Web6(FakeWeb):
        address_family = socket.AF_INET6

    with Web6("::1") as web:
        thread = threading.Thread(target=web.handle_request)
        thread.start()
        assert _downloader("::1/128").fetch(web.address("/image", "[::1]")) == IMAGE
        thread.join()


class _Names:
    """A name server of one name whose answers change; everything else the system answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.asked = 0
        self._answers = answers
        self._system = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, host: str, *args: Any, **options: Any) -> Any:
        if host == "images.example":
            host = self._answers[min(self.asked, len(self._answers) - 1)]
            self.asked += 1
        return self._system(host, *args, **options)


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(
    monkeypatch: pytest.MonkeyPatch, fetch: Callable[[str], bytes]
) -> None:
    with serving() as web:
        names = _Names(monkeypatch, OUTSIDE, INSIDE)
        assert fetch(web.address("/image", "images.example")) == IMAGE
        assert names.asked == 1
        ((_, headers),) = web.received
        assert headers["Host"] == f"images.example:{web.port}"
        assert "not on the public internet" in _refusal(fetch, web.address("/image", "images.example"))
        assert len(web.received) == 1


def test_a_name_that_changes_between_redirects_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, fetch: Callable[[str], bytes]
) -> None:
    with serving() as web:
        names = _Names(monkeypatch, OUTSIDE, "169.254.169.254")
        _refusal(fetch, web.address("/redirect?to=/image", "images.example"))
        assert names.asked == 2


def test_tls_is_for_the_name_not_for_its_address(
    monkeypatch: pytest.MonkeyPatch, fetch: Callable[[str], bytes]
) -> None:
    _Names(monkeypatch, OUTSIDE)
    hello = []

    def take_the_hello() -> None:
        connection, _ = server.accept()
        with connection:
            hello.append(connection.recv(4096))

    with socket.create_server((OUTSIDE, 0)) as server:
        thread = threading.Thread(target=take_the_hello)
        thread.start()
        with pytest.raises(DownloadFailedError):
            fetch(f"https://images.example:{server.getsockname()[1]}/x.png")
        thread.join()
    assert b"images.example" in hello[0]


def test_redirects_are_followed(fetch: Callable[[str], bytes], web: FakeWeb) -> None:
    assert fetch(web.address("/redirect?to=image.png")) == IMAGE
    assert fetch(web.address(f"/redirect?to={web.address('/image')}")) == IMAGE


def test_redirects_come_to_an_end(fetch: Callable[[str], bytes], web: FakeWeb) -> None:
    with pytest.raises(DownloadFailedError, match="redirects"):
        fetch(web.address("/loop"))
    assert len(web.received) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://example.com/x", "//[::1", "http://a:b@127.0.0.9/"]
)
def test_redirects_lead_to_the_web(fetch: Callable[[str], bytes], web: FakeWeb, target: str) -> None:
    _refusal(fetch, web.address(f"/redirect?to={target}"))


@pytest.mark.parametrize(
    "url",
    [
        "x.png", "//example.com/x.png", "/etc/passwd", "file:///etc/passwd", "ftp://example.com/x.png",
        "gopher://127.0.0.1:6379/x", "data:image/png;base64,YQ==", "http://", "http:///x.png", "http://[::1/x",
        "http://example.com:port/x", "http://example.com:99999/x", f"http://{'a' * 70}.example/", " ", "http://.",
        "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_told_so(fetch: Callable[[str], bytes], url: str) -> None:
    assert "https://example.com" in _refusal(fetch, url)


@pytest.mark.parametrize("who", ["anna:secret", "anna", ":secret"])
def test_credentials_are_refused(fetch: Callable[[str], bytes], web: FakeWeb, who: str) -> None:
    assert "password" in _refusal(fetch, web.address("/image", f"{who}@{OUTSIDE}"))
    assert web.received == []


@pytest.mark.parametrize("address", ["93.184.215.14:22", "93.184.215.14:6379", "[2606:4700::1111]:8080"])
def test_public_addresses_are_asked_at_the_ports_of_the_web(address: str) -> None:
    assert "80 and 443" in _refusal(_downloader().fetch, f"http://{address}/x.png")


def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, fetch: Callable[[str], bytes], web: FakeWeb
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert fetch(web.address("/image")) == IMAGE


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/status?code=404", DownloadFailedError),
        ("/status?code=500", DownloadFailedError),
        ("/status?code=204", DownloadFailedError),
        ("/announced?size=2000", DownloadFailedError),  # and half of it comes
        ("/rude", DownloadFailedError),
        ("/contradictory", DownloadFailedError),
        ("/announced?size=1073741824", ImageTooLargeError),
        ("/endless", ImageTooLargeError),
        ("/image?kind=text/html", UnsupportedImageTypeError),
        ("/image?kind=video/mp4", UnsupportedImageTypeError),
    ],
)
def test_what_cannot_be_had(
    fetch: Callable[[str], bytes], web: FakeWeb, path: str, error: type[OCRError]
) -> None:
    with pytest.raises(error) as raised:
        fetch(web.address(path))
    assert "secret" not in raised.value.detail


def test_nobody_there(fetch: Callable[[str], bytes]) -> None:
    with pytest.raises(DownloadFailedError):
        fetch(f"http://{OUTSIDE}:{free_port()}/x.png")
    with pytest.raises(DownloadFailedError):
        fetch("http://no-such-host.invalid/x.png")


@pytest.mark.parametrize(
    "path", ["/slow-head", "/slow-body", "/slow-chunks", "/silent", "/redirect?to=/silent"]
)
def test_all_of_it_has_to_come_in_time(web: FakeWeb, path: str) -> None:
    """Between two bytes, each of these is in time."""
    started = time.monotonic()
    with pytest.raises(DownloadTimeoutError):
        _downloader(OUTSIDE, seconds=0.5).fetch(web.address(path))
    assert time.monotonic() - started < SOON


def test_what_is_not_awaited_any_more_ends_within_a_second(web: FakeWeb) -> None:
    fetch = _downloader(OUTSIDE, seconds=60, at_once=1).fetch
    with ThreadPoolExecutor(1) as pool:
        left = pool.submit(fetch, web.address("/slow-body"), lambda: not web.received)
        assert isinstance(left.exception(SOON), DownloadTimeoutError)
    assert fetch(web.address("/image")) == IMAGE


def test_so_many_at_once(web: FakeWeb) -> None:
    fetch = _downloader(OUTSIDE, at_once=2).fetch
    web.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(fetch, web.address("/held")) for _ in range(2)]
        while len(web.received) < 2:
            time.sleep(0.01)
        with pytest.raises(BusyError):
            fetch(web.address("/image"))
        web.gate.set()
        assert [download.result() for download in held] == [IMAGE, IMAGE]
    for _ in range(3):
        with pytest.raises(DownloadFailedError):  # which gives the place back, too
            fetch(web.address("/status?code=404"))
    assert fetch(web.address("/image")) == IMAGE


@pytest.mark.parametrize(
    ("url", "address", "reason"),
    [
        ("http://10.1.2.3/a?token=SECRET", "10.1.2.3", "10.1.2.3"),
        ("https://localhost:8443/a?token=SECRET", "localhost:8443", "127.0.0.1"),
        ("http://93.184.215.14:8080/a?token=SECRET", "93.184.215.14:8080", "80 and 443"),
        (f"http://{OUTSIDE}:0/a?token=SECRET", f"{OUTSIDE}:0", "no port 0"),
        ("http://anna:SECRET@example.com/a", "example.com", "password"),
    ],
)
def test_the_operator_is_told_what_was_refused_and_nothing_secret(
    fetch: Callable[[str], bytes], caplog: pytest.LogCaptureFixture, url: str, address: str, reason: str
) -> None:
    _refusal(fetch, url)
    (record,) = [record for record in caplog.records if record.message == "address refused"]
    line = JsonFormatter().format(record)
    assert (record.levelname, json.loads(line)["address"]) == ("WARNING", address)
    assert reason in json.loads(line)["reason"]
    assert "SECRET" not in line
