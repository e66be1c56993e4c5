"""The command `ocr` against a server that answers as the service does."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request

from frontend.app import create_app
from frontend.client import command, release, session
from frontend.client.inputs import named
from frontend.settings import Settings
from tests.unit.frontend.fake_service import (
    RENDERED,
    FakeService,
    Received,
    Reply,
    answer,
    document,
    line,
    problem,
)
from tests.unit.frontend.fake_torchserve import FakeTorchServe
from tests.unit.frontend.servers import free_port

ROOT = Path(__file__).parents[4]
BUSY = problem(503, "Too many images are waiting.", {"Retry-After": "0"}, request_id="a1")

File = Callable[[str, str], str]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    for name in ("OCR_PORT", "OCR_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with FakeService() as server:
        monkeypatch.setenv("OCR_URL", server.address)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Makes an image file in the current folder."""
    monkeypatch.chdir(tmp_path)

    def make(name: str, content: str) -> str:
        Path(name).write_text(content, encoding="utf-8")
        return name

    return make


@contextmanager
def _front_end(**settings: Any) -> Iterator[str]:
    """The address of the real application."""
    app = create_app(Settings(**settings))
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["ocr"].close()


def test_the_front_end_understands_it(
    fake: FakeTorchServe, nothing_there: dict[str, str], mongo_url: str, file: File, capsys: Capture
) -> None:
    keys = {"anna": hashlib.sha256(b"secret").hexdigest()}
    torchserve = {"torchserve_url": fake.url, "torchserve_management_url": fake.url}
    common = ["--model", "crnn_v2_lite", "--mode", "line", file("a.png", "Sum 48.60")]
    with _front_end(**(nothing_there | {"mongo_url": mongo_url}), **torchserve, api_keys=keys) as address:
        assert command.main(["--url", address, "--key", "wrong", *common]) == 1
    with _front_end(**nothing_there, **torchserve, api_keys=keys) as address:
        assert command.main(["--url", address, "--key", "secret", "--hocr", *common]) == 0
    output, errors = capsys.readouterr()
    assert re.findall(r'class="ocrx_word"[^>]*>([^<]*)<', output) == ["Sum", "48.60"]
    assert "This API key is not known." in errors
    assert "history" in errors


def test_the_text_is_printed(service: FakeService, file: File, capsys: Capture) -> None:
    assert command.main([file("a.png", "總計 48.60")]) == 0
    assert capsys.readouterr() == ("總計 48.60\n", "")
    (received,) = service.received
    assert (received.path, received.options, received.body.decode()) == (
        "/recognize",
        {"async": ["false"], "name": ["a.png"]},
        "總計 48.60",
    )
    assert received.headers["Content-Type"] == "application/octet-stream"
    assert "Authorization" not in received.headers


def test_several_images_get_headings(service: FakeService, file: File, capsys: Capture) -> None:
    service.replies.append(Reply(200, answer()))  # no text at all
    assert command.main([file("a.png", "A"), file("b.png", "B")]) == 0
    assert capsys.readouterr().out == "==> a.png <==\n\n==> b.png <==\nB\n"


def test_options_and_key_reach_the_service(service: FakeService, file: File) -> None:
    options = (
        "--model crnn_v3 --mode line --pages 2-3 --allowlist 0+&é --threshold 0.5 --pdf-text --chars --json"
    )
    options += " --text-format code --allowlist-mode force --fields invoice"
    assert command.main([*options.split(), "--key", "secret", file("a.png", "A")]) == 0
    (received,) = service.received
    assert {name: value for name, (value,) in received.options.items()} == {
        "name": "a.png",
        "model": "crnn_v3",
        "mode": "line",
        "pages": "2-3",
        "allowlist": "0+&é",
        "allowlist_mode": "force",
        "threshold": "0.5",
        "text_format": "code",
        "fields": "invoice",
        "pdf_text": "true",
        "detail": "chars",
        "async": "false",
    }
    assert received.headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("form", "shape", "title"), [("--md", "markdown", "# a.png\n"), ("--csv", "csv", "a.png")]
)
def test_shapes_are_made_by_the_service(
    service: FakeService, file: File, capsys: Capture, form: str, shape: str, title: str
) -> None:
    assert command.main([form, file("a.png", "A"), file("b.png", "B")]) == 0
    assert [received.options["text_format"] for received in service.received] == [[shape]] * 2
    assert capsys.readouterr().out.startswith(f"{title}\nA\n\n")


@pytest.mark.usefixtures("service")
def test_the_output_goes_to_a_file(file: File, capsys: Capture, tmp_path: Path) -> None:
    written = tmp_path / "out.txt"
    assert command.main(["-o", str(written), file("a.png", "總計 48.60")]) == 0
    assert (written.read_text("utf-8"), capsys.readouterr().out) == ("總計 48.60\n", "")


def test_a_file_that_cannot_be_written_is_said_before_anything_is_read(
    service: FakeService, file: File, capsys: Capture
) -> None:
    assert command.main(["-o", "nowhere/out.txt", file("a.png", "A")]) == 2
    assert "nowhere/out.txt cannot be written: No such file or directory." in capsys.readouterr().err
    assert not service.received


def test_the_version_is_that_of_the_release(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"ocr {release.version()}\n")


def test_options_may_stand_between_images(service: FakeService, file: File, capsys: Capture) -> None:
    assert command.main([file("a.png", "A"), "--json", "--", file("-b.png", "B")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(service.received) == 2


@pytest.mark.parametrize(
    "arguments", [["--", "-scan.png"], ["--mode", "line", "--", "-scan.png"], ["./-scan.png"]]
)
def test_a_name_may_begin_with_a_dash(
    service: FakeService, file: File, capsys: Capture, arguments: list[str]
) -> None:
    file("-scan.png", "text")
    assert command.main(arguments) == 0
    assert len(service.received) == 1
    assert capsys.readouterr().out == "text\n"


def test_json_has_an_answer_on_each_line(service: FakeService, file: File, capsys: Capture) -> None:
    recorded = document("one", "two")
    service.replies.append(Reply(200, recorded))
    assert command.main(["--json", file("a.pdf", "A"), file("b.png", "文字\nB")]) == 0
    first, second = map(json.loads, capsys.readouterr().out.split("\n")[:-1])
    assert (list(first)[0], first) == ("file", {"file": "a.pdf", **recorded})
    assert (second["file"], second["text"]) == ("b.png", "文字\nB")


def test_a_table_has_a_row_for_each_line(service: FakeService, file: File, capsys: Capture) -> None:
    lines = [line("Tea\t2\u2028x"), line("9.90", left=300), line("Sum", top=60, row=1)]
    older = line("old")
    del older["row"], older["angle"], older["model"]
    service.replies += [
        Reply(200, answer(*lines)),
        Reply(200, document("i", "ii")),
        Reply(200, answer(older)),
    ]
    assert command.main(["--tsv", *(file(name, name) for name in ("a\tb.png", "c.pdf", "d.png"))]) == 0
    rows = [row.split("\t") for row in capsys.readouterr().out.splitlines()]
    header = "file page row line confidence left top right bottom text model"
    assert rows == [
        header.split(),
        ["a b.png", "1", "0", "0", "0.98", "10.4", "20", "80.4", "40", "Tea 2 x", "crnn_v3"],
        ["a b.png", "1", "0", "1", "0.98", "300", "20", "340", "40", "9.90", "crnn_v3"],
        ["a b.png", "1", "1", "2", "0.98", "10.4", "60", "40.4", "80", "Sum", "crnn_v3"],
        ["c.pdf", "1", "0", "0", "0.98", "10.4", "20", "20.4", "40", "i", "crnn_v3"],
        ["c.pdf", "2", "0", "0", "0.98", "10.4", "20", "30.4", "40", "ii", "crnn_v3"],
        ["d.png", "1", "", "0", "0.98", "10.4", "20", "40.4", "40", "old", ""],
    ]


def test_fields_are_a_row_for_each_image(service: FakeService, file: File, capsys: Capture) -> None:
    total = {"value": "5.00", "text": "RM 5.00", "confidence": 0.9, "bbox": [[0, 0], [1, 1]], "lines": [0]}
    fields = {"kind": "receipt", "date": None, "total": total, "items": []}
    service.replies += [
        Reply(200, answer(line("A"), fields=fields)),
        Reply(200, answer(line("B"), fields=fields)),
    ]
    assert command.main(["--fields", "receipt", "--csv", file("a.png", "A"), file("b.png", "B")]) == 0
    out = capsys.readouterr().out.replace("\r", "")
    assert out.splitlines() == [
        "document,kind,date,total,items",
        "a.png,receipt,,5.00,",
        "b.png,receipt,,5.00,",
    ]


def test_one_that_fails_does_not_stop_the_others(service: FakeService, file: File, capsys: Capture) -> None:
    errors = [{"field": "mode", "message": "Use line."}, {"field": "model", "message": "Use another."}]
    service.replies.append(problem(422, "mode: Use line.", errors=errors))
    Path("folder").mkdir()
    file("folder/notes.txt", "no image")
    assert command.main([file("a.png", "A"), "missing.png", "", "folder", file("b.png", "B")]) == 1
    assert capsys.readouterr() == (
        "==> b.png <==\nB\n",
        "ocr: a.png: mode: Use line. model: Use another.\n"
        "ocr: missing.png: There is no such file. Check the name.\n"
        "ocr: : There is no such file. Check the name.\n"
        "ocr: folder: There are no images in this folder or below it.\n",
    )


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (problem(401, "Send your API key."), "Send your API key. Give your key with --key or OCR_API_KEY."),
        (problem(502, "Try again.", request_id="a1"), "Try again. (Request id: a1)"),
        (
            Reply(301, b"", {"Location": "https://elsewhere.example/"}),
            "answered 301 Moved Permanently and no",
        ),
        (Reply(200, b"<html>"), "correct --url or OCR_URL."),
        (Reply(200, ["another", "service"]), "correct --url or OCR_URL."),
        (problem(503, "Later.", {"Retry-After": "86400"}), "Later."),
        (problem(503, "Later.", {"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"}), "Later."),
        (None, "The connection broke off. Try again"),
    ],
)
def test_an_error_says_what_to_do(
    service: FakeService, file: File, capsys: Capture, reply: Reply | None, message: str
) -> None:
    service.replies.append(reply)
    assert command.main([file("a.png", "A")]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("ocr: a.png: ")
    assert message in errors
    assert len(errors.splitlines()) == len(service.received) == 1


@pytest.mark.usefixtures("service")
def test_a_folder_stands_for_the_images_in_and_below_it(file: File, capsys: Capture) -> None:
    for folder in ("scans", "scans/b", "scans/.hidden"):
        Path(folder).mkdir()
    for name in ("scans/c.PDF", "scans/a.png", "scans/b/z.tiff", "scans/b/y.heic", "scans/notes.txt"):
        file(name, Path(name).stem)
    for name in ("scans/.hidden/x.png", "scans/.x.png"):
        file(name, "hidden")
    assert command.main(["--tsv", "scans", file("last.png", "last")]) == 0
    rows = [row.split("\t") for row in capsys.readouterr().out.splitlines()[1:]]
    assert [(row[0], row[-2]) for row in rows] == [
        ("scans/a.png", "a"),
        ("scans/c.PDF", "c"),
        ("scans/b/y.heic", "y"),
        ("scans/b/z.tiff", "z"),
        ("last.png", "last"),
    ]


def test_an_address_is_for_the_service_to_fetch(service: FakeService, capsys: Capture) -> None:
    service.replies += [Reply(200, answer(line("A"))), problem(422, "url: It is not asked.")]
    urls = ["https://example.com/a b.png?x=1&y=2", "HTTP://10.0.0.1/"]
    assert command.main(["--mode", "line", *urls]) == 1
    assert [received.body for received in service.received] == [b"", b""]
    assert [received.options["url"] for received in service.received] == [[urls[0]], [urls[1]]]
    assert service.received[0].options["mode"] == ["line"]
    assert capsys.readouterr() == (
        f"==> {urls[0]} <==\nA\n",
        f"ocr: {urls[1]}: url: It is not asked.\n",
    )


def _accepted(task: str) -> Reply:
    return Reply(202, {"task_id": task, "status_url": f"/tasks/{task}"})


def _task(state: str, *items: dict[str, Any], cursor: str | None = None) -> Reply:
    return Reply(200, {"state": state, "items": list(items), "next_cursor": cursor})


@pytest.mark.parametrize(
    ("image", "given", "shown"),
    [
        ("scans/a.zip", "a.zip/b/c.png", "scans/a.zip/b/c.png"),
        ("scans/a.png", "a.png", "scans/a.png"),
        ("-", "b.png", "-/b.png"),
        ("a", "ab.png", "a/ab.png"),
    ],
)
def test_parts_are_shown_below_the_file_they_are_of(image: str, given: str, shown: str) -> None:
    assert command.name_within(image, given) == shown


def test_a_name_on_disk_that_is_no_text_is_sent_as_one(service: FakeService, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.png")
    path.write_text("A")
    assert command.main([str(path)]) == 0
    assert service.received[0].options["name"] == ["?.png"]


def test_standard_input_has_no_name() -> None:
    assert named("-", {"mode": "line"}) == {"mode": "line"}


def _page(number: int, text: str) -> dict[str, Any]:
    return {"name": "", "page": number, "state": "success", "result": answer(line(text, page=number))}


def test_tasks_read_what_is_sent_first_all_of_it(
    service: FakeService, file: File, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SHORTEST_POLL_SECONDS", 0.01)
    service.replies += [_accepted("a"), BUSY, _accepted("b")]
    one = {"name": "", "state": "success", "result": answer(line("ONE"))}
    service.tasks["/tasks/a"] = deque([_task("pending"), _task("running"), _task("success", one)])
    pages = [_page(1, "FIRST"), _page(2, "SECOND")]
    service.tasks["/tasks/b"] = deque([_task("success", pages[0], cursor="0001"), _task("success", pages[1])])
    assert command.main(["--async", file("a.png", "x"), file("b.pdf", "y")]) == 0
    printed = capsys.readouterr().out
    assert [printed.find(text) for text in ("ONE", "FIRST", "SECOND")] == sorted(
        printed.index(text) for text in ("ONE", "FIRST", "SECOND")
    )
    assert [received.options["async"] for received in service.received] == [["true"]] * 3


def test_what_a_task_could_not_read_is_told_and_the_rest_printed(
    service: FakeService, file: File, capsys: Capture
) -> None:
    service.replies += [_accepted("a"), problem(415, "This is no image."), _accepted("c")]
    broken = {"name": "a.zip/b.png", "state": "failure", "error": {"detail": "It is damaged."}}
    good = {"name": "a.zip/c.png", "state": "success", "result": answer(line("GOOD"))}
    service.tasks["/tasks/a"] = deque([_task("success", broken, good)])
    service.tasks["/tasks/c"] = deque([problem(404, "There is no such task.")])
    assert command.main(["--async", file("a.zip", "x"), file("b.txt", "y"), file("c.png", "z")]) == 1
    printed = capsys.readouterr()
    assert "GOOD" in printed.out
    assert "ocr: a.zip/b.png: It is damaged." in printed.err
    assert "ocr: b.txt: This is no image." in printed.err
    assert "ocr: c.png: There is no such task." in printed.err


@pytest.mark.parametrize(("content", "sent"), [("PK\x03\x04", "true"), ("PK", "false")])
def test_what_is_in_a_zip_is_read_without_being_asked_to(
    service: FakeService, file: File, capsys: Capture, content: str, sent: str
) -> None:
    if sent == "true":
        service.replies.append(_accepted("a"))
    inside = {"name": "in.png", "state": "success", "result": answer(line("INSIDE"))}
    service.tasks["/tasks/a"] = deque([_task("success", inside)])
    assert command.main([file("a.zip", content)]) == 0
    assert capsys.readouterr().out == ("INSIDE\n" if sent == "true" else f"{content}\n")
    assert service.received[0].options["async"] == [sent]


@pytest.mark.parametrize("form", [[], ["--tsv"]])
def test_a_threshold_marks_characters_in_every_form_of_text(
    service: FakeService, file: File, capsys: Capture, form: list[str]
) -> None:
    reviewed = line("Tea 2", reviewed_text="T\ufffda 2")
    service.replies.append(Reply(200, answer(reviewed, reviewed_text="T\ufffda 2")))
    assert command.main([*form, "--threshold", "0.5", file("a.png", "A")]) == 0
    assert "T\ufffda 2" in capsys.readouterr().out


def test_the_address_needs_no_scheme(service: FakeService, file: File, capsys: Capture) -> None:
    address = service.address.removeprefix("http://")
    assert command.main(["--url", address, file("a.png", "A")]) == 0
    assert capsys.readouterr().out == "A\n"


def test_a_warning_is_passed_on(service: FakeService, file: File, capsys: Capture) -> None:
    service.replies.append(Reply(200, answer(line("A"), warnings=["The history is not available."])))
    assert command.main([file("a.png", "A")]) == 0
    assert capsys.readouterr() == ("A\n", "ocr: a.png: The history is not available.\n")


def test_a_busy_service_is_asked_again(service: FakeService, file: File, capsys: Capture) -> None:
    service.replies += [BUSY, BUSY._replace(status=429)]
    assert command.main([file("a.png", "A")]) == 0
    assert [received.body for received in service.received] == [b"A"] * 3
    assert capsys.readouterr() == ("A\n", "")


def test_a_service_that_stays_busy_is_not_asked_for_ever(
    service: FakeService, file: File, capsys: Capture
) -> None:
    service.replies += [BUSY] * session.ATTEMPTS
    assert command.main([file("a.png", "A"), file("b.png", "B")]) == 1
    assert len(service.received) == session.ATTEMPTS + 1
    assert capsys.readouterr() == (
        "==> b.png <==\nB\n",
        "ocr: a.png: Too many images are waiting. (Request id: a1)\n",
    )


@pytest.mark.parametrize("form", ["--tsv", "--hocr"])
def test_nobody_answers(file: File, capsys: Capture, form: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert command.main([form, "--url", url, file("a.png", "A"), file("b.png", "B")]) == 3
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith(f"ocr: The service at {url} cannot be reached")
    assert "`make run`" in message
    assert "--url" in message


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--json", "--tsv", "a.png"],
        ["--threshold", "1.5", "a.png"],
        ["--threshold", "nan", "a.png"],
        ["--mode", "word", "a.png"],
        ["--url", "not an address", "a.png"],
        ["--url", "ftp://127.0.0.1", "a.png"],
        ["--chars", "a.png"],
        ["--fields", "auto", "a.png"],
        ["--chars", "--tsv", "a.png"],
        ["--threshold", "0.5", "--hocr", "a.png"],
        ["--threshold", "0.5", "--pdf", "a.png"],
        ["--text-format", "code", "--xlsx", "a.png"],
        ["--url", "http://127.0.0.1:http", "a.png"],
        ["--key", "clé", "a.png"],
        ["--unknown", "a.png"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert "usage: ocr" in capsys.readouterr().err


def test_the_address_and_the_key_come_from_the_environment() -> None:
    def given(**environ: str) -> tuple[str, str | None]:
        options = command.parse(["a.png"], environ)
        return options.url, options.key

    assert given() == (f"http://127.0.0.1:{Settings().port}", None)
    assert given(OCR_PORT="8100", OCR_API_KEY="k") == ("http://127.0.0.1:8100", "k")
    assert given(OCR_PORT="8100", OCR_URL="https://ocr.example/api") == ("https://ocr.example/api", None)


def _start(
    *arguments: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE, **environ: str
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "frontend.client.command", *arguments]
    streams = {"stdin": subprocess.PIPE, "stdout": stdout, "stderr": stderr}
    # A shell starts what runs in its background deaf to Ctrl-C, and a test run hands that on.
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environ, preexec_fn=_hear_control_c, **streams
    )


def _hear_control_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_image_comes_from_standard_input(service: FakeService) -> None:
    """In any locale the output is UTF-8."""
    with _start("-", "missing.png", PYTHONIOENCODING="ascii") as process:
        output, errors = process.communicate("從管道".encode())
    assert (process.returncode, output.decode()) == (1, "==> standard input <==\n從管道\n")
    assert errors == b"ocr: missing.png: There is no such file. Check the name.\n"
    assert service.received[0].body.decode() == "從管道"


def _shown_on_a_terminal(*arguments: str) -> str:
    """The text on standard error when that alone is a terminal."""
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (24, 80))
    process = _start(*arguments, stderr=end)
    os.close(end)
    shown = b""
    with suppress(OSError):  # EIO: nobody writes to it any more
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    process.communicate()
    return shown.decode()


@pytest.mark.usefixtures("service")
def test_progress_is_shown_on_a_terminal(file: File, tmp_path: Path) -> None:
    images = [str(tmp_path / file(name, "A")) for name in ("a.png", "b.png")]
    assert "0/3" in (shown := _shown_on_a_terminal(images[0], "missing.png", images[1]))
    assert "\r\x1b[Kocr: missing.png: There is no such file." in shown
    assert _shown_on_a_terminal(images[0]) == ""
    with _start(*images) as process:
        assert process.communicate()[1] == b""


def test_who_stops_reading_the_output_hears_nothing(service: FakeService) -> None:
    with _start("-") as process:
        process.stdout.close()
        process.stdin.write(b"A")
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
    assert len(service.received) == 1


def test_control_c_ends_it(service: FakeService) -> None:
    asked, over = threading.Event(), threading.Event()

    def hold(_received: Received) -> None:
        asked.set()
        over.wait(10)

    service.reply = hold
    with _start("-") as process:
        process.stdin.close()
        assert asked.wait(10)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
    over.set()
    assert process.returncode == 130


def test_a_folder_is_watched(service: FakeService, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "a.png").write_text("first")
    with _start("--watch", str(scans), "--json", PYTHONUNBUFFERED="1") as process:
        assert json.loads(process.stdout.readline())["file"] == str(scans / "a.png")
        (scans / "b.png").write_text("second")
        assert json.loads(process.stdout.readline())["text"] == "second"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
    assert (process.returncode, len(service.received)) == (130, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--watch", ".", "a.png"],
        ["--watch", ".", "--pdf"],
        ["--watch", ".", "--xlsx"],
        ["--watch", ".", "--async"],
    ],
)
def test_it_reads_images_or_watches_a_folder(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2


def test_only_folders_are_watched(capsys: Capture) -> None:
    assert command.main(["--watch", "nowhere"]) == 2
    assert capsys.readouterr().err == "ocr: nowhere is not a folder.\n"


def _rendered(service: FakeService) -> tuple[str, list[dict[str, Any]], list[bytes]]:
    """The form that POST /render was asked for, the answers, and the files."""
    received = service.received[-1]
    assert received.path == "/render"
    kind = received.headers["Content-Type"]
    with Request.from_values(
        method="POST", input_stream=io.BytesIO(received.body), content_type=kind
    ) as sent:
        images = [image.read() for image in sent.files.getlist("image")]
        return sent.form["format"], json.load(sent.files["answers"]), images


@pytest.mark.parametrize("form", ["hocr", "xlsx", "pdf"])
def test_what_needs_libraries_is_made_by_the_service(
    service: FakeService, file: File, tmp_path: Path, form: str
) -> None:
    written = tmp_path / f"out.{form}"
    assert command.main([f"--{form}", "-o", str(written), file("a.png", "A"), file("b.png", "第二")]) == 0
    assert written.read_bytes() == RENDERED
    asked, answers, images = _rendered(service)
    texts = [(named["name"], named["answer"]["text"]) for named in answers]
    assert (asked, texts) == (form, [("a.png", "A"), ("b.png", "第二")])
    assert images == ([b"A", "第二".encode()] if form == "pdf" else [])
    details = [received.options.get("detail") for received in service.received[:2]]
    assert details == [None if form == "xlsx" else ["chars"]] * 2


def test_why_it_cannot_be_made_is_said(service: FakeService, file: File, capsys: Capture) -> None:
    service.replies += [Reply(200, answer(line("A"))), problem(400, "This is not the image that was read.")]
    assert command.main(["--pdf", file("a.png", "A")]) == 1
    assert capsys.readouterr() == ("", "ocr: This is not the image that was read.\n")


def test_addresses_cannot_be_in_the_pdf(service: FakeService, file: File, capsys: Capture) -> None:
    assert command.main(["--pdf", file("a.png", "A"), "http://example.com/a.png"]) == 1
    printed = capsys.readouterr()
    assert printed.out.encode() == RENDERED
    assert printed.err.startswith("ocr: http://example.com/a.png: --pdf embeds")
    assert len(_rendered(service)[1]) == 1
    service.received.clear()
    assert command.main(["--pdf", "http://example.com/a.png"]) == 1
    assert (service.received, capsys.readouterr().out) == ([], "")


def test_pages_of_a_task_are_those_of_the_file(service: FakeService, file: File, capsys: Capture) -> None:
    service.replies += [_accepted("0"), _accepted("1")]
    items = [_page(n, text) for n, text in ((2, "two"), (3, "three"))]
    for item in items:
        item["result"]["pages"] = [{"page": item["page"], "lines": item["result"]["lines"]}]
    inside = {"name": "in.png", "state": "success", "result": answer(line("zip"))}
    service.tasks |= {
        "/tasks/0": deque([_task("success", *items)]),
        "/tasks/1": deque([_task("success", inside)]),
    }
    assert command.main(["--pdf", "--async", file("fax.tiff", "fax"), file("a.zip", "x")]) == 1
    _, ((named), *others), images = _rendered(service)
    assert [page["page"] for page in named["answer"]["pages"]] == [2, 3]
    assert [read["text"] for read in named["answer"]["lines"]] == ["two", "three"]
    assert (others, images) == ([], [b"fax"])
    errors = capsys.readouterr().err
    assert errors == "ocr: a.zip/in.png: --pdf takes no ZIP. Unpack it, and give the folder.\n"


def test_an_image_from_a_pipe_becomes_a_pdf(service: FakeService) -> None:
    with _start("--pdf", "-") as process:
        output, errors = process.communicate(b"from a pipe")
    assert (process.returncode, errors, output) == (0, b"", RENDERED)
    assert _rendered(service)[2] == [b"from a pipe"]


@pytest.mark.parametrize("form", ["pdf", "xlsx"])
def test_a_terminal_gets_no_bytes(service: FakeService, form: str) -> None:
    terminal, end = pty.openpty()
    with _start(f"--{form}", "a.png", stdout=end) as process:
        os.close(end)
        errors = process.communicate()[1].decode()
    os.close(terminal)
    assert (process.returncode, service.received) == (2, [])
    assert errors == (
        "ocr: This form cannot be shown in a terminal. "
        f"Send it to a file: ocr --{form} -o text.{form} scan.jpg\n"
    )
