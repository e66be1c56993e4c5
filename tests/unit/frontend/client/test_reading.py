"""The client package: what a program gets, and that it stands alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import threading
import tomllib
import venv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontend.client import Client, UnreachableError, UnreadImageError, release
from tests.e2e.service import ROOT
from tests.unit.frontend.fake_service import RENDERED, FakeService, Reply, answer, line, problem
from tests.unit.frontend.servers import free_port

PACKAGE = ROOT / "frontend" / "client"
REQUESTS = [
    pattern
    for name in ("requests", "certifi", "charset_normalizer", "idna", "urllib3")
    for pattern in (name, f"{name}-[0-9]*")
]
ALONE = """
import sys
from ocr_client import Client
with Client(sys.argv[1]) as client:
    print(client.read(b"Sum 48.60").text)
"""


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_tasks_give_what_was_read_in_order(service: FakeService) -> None:
    for name in ("one", "two"):
        service.replies.append(Reply(202, {"task_id": name, "status_url": f"/tasks/{name}"}))
        item = {"item": "0000", "name": f"{name}.png", "state": "success", "result": answer(line(name))}
        done = {"state": "success", "items": [item], "next_cursor": None}
        service.tasks[f"/tasks/{name}"] = deque([Reply(200, done)])
    with Client(service.address) as client:
        readings = list(client.read_all([b"1", b"2"], detail="words"))
    assert [(reading.name, reading.text) for reading in readings] == [("one.png", "one"), ("two.png", "two")]
    assert {value for received in service.received for value in received.options["async"]} == {"true"}


def test_a_part_of_a_task_that_could_not_be_read_is_raised(service: FakeService) -> None:
    service.replies.append(Reply(202, {"task_id": "a", "status_url": "/tasks/a"}))
    item = {"item": "0000", "name": "a.png", "state": "failure", "error": {"detail": "Send an image."}}
    failed = {"state": "failure", "items": [item], "next_cursor": None}
    service.tasks["/tasks/a"] = deque([Reply(200, failed)] * 2)
    with Client(service.address) as client:
        task = client.read_later(b"x")
        with pytest.raises(UnreadImageError, match="Send an image"):
            list(task.results())
        assert list(task.items()) == [item]


def test_a_file_its_bytes_and_an_address_are_read(service: FakeService, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("Sum 48.60")
    with Client(service.address, "secret") as client:
        readings = [client.read(source) for source in (path, str(path), b"Sum 48.60")]
        assert [reading.text for reading in readings] == ["Sum 48.60"] * 3
        assert (readings[0].confidence, readings[0].lines[0]["text"]) == (0.98, "Sum 48.60")
        client.read("https://example.com/a.png", pdf_text=True, text_format="markdown", model=None)
    *_, received = service.received
    assert {name: value for name, (value,) in received.options.items()} == {
        "url": "https://example.com/a.png",
        "pdf_text": "true",
        "text_format": "markdown",
        "async": "false",
    }
    assert received.headers["Authorization"] == "Bearer secret"


def test_what_is_wrong_is_raised(service: FakeService) -> None:
    service.replies.append(problem(400, "Send another."))
    with Client(service.address) as client, pytest.raises(UnreadImageError, match="Send another"):
        client.read(b"x")
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(UnreachableError):
        client.read(b"x")


def test_an_address_needs_no_scheme(service: FakeService) -> None:
    service.replies.append(Reply(200, answer(line("hello"))))
    with Client(service.address.removeprefix("http://")) as client:
        assert client.read(b"x").text == "hello"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with this package and what it asks for, and no more."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copytree(PACKAGE, folder / "client", ignore=shutil.ignore_patterns("__pycache__"))
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(folder / "client"))
    venv.create(folder / "venv", symlinks=True)
    (libraries,) = (folder / "venv").glob("lib/python*/site-packages")
    for pattern in REQUESTS:
        for found in Path(sysconfig.get_path("purelib")).glob(pattern):
            (libraries / found.name).symlink_to(found)
    (wheel,) = folder.glob("*.whl")
    _pip("--python", str(folder / "venv"), "install", str(wheel))
    return folder / "venv" / "bin"


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--no-index"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env={}, cwd="/", capture_output=True, text=True)


@pytest.mark.slow
def test_it_stands_alone(installed: Path, service: FakeService, tmp_path: Path) -> None:
    done = _run(installed / "python", "-c", ALONE, service.address)
    assert done.stdout == "Sum 48.60\n", done.stderr
    image, written = tmp_path / "a.png", tmp_path / "a.pdf"
    image.write_text("Sum 48.60")
    ocr = (installed / "ocr", "--url", service.address)
    assert _run(*ocr, image).stdout == "Sum 48.60\n"
    assert _run(installed / "ocr", "--version").stdout == f"ocr {release.version()}\n"
    done = _run(*ocr, "--pdf", "-o", written, image)
    assert (done.returncode, done.stderr, written.read_bytes()) == (0, "", RENDERED)


def test_it_has_the_version_of_the_release() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == release.version()
