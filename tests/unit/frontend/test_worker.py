"""Tasks from HTTP to their end: the real worker, broker and database; the recognizer is told what to do."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest
from bson import ObjectId
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from frontend.app import create_app
from frontend.settings import Settings
from frontend.stack import plan
from frontend.web.response_schemas import AcceptedAnswer, RecordAnswer, TaskAnswer, TasksAnswer
from tests.e2e import pages
from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply, line, prediction, read_as_text
from tests.unit.frontend.servers import Server

pytestmark = pytest.mark.slow

LIMIT_SECONDS = 4.0
PATIENCE_SECONDS = 60.0
ENDED = {"success", "failure", "cancelled"}
ALICE, BOB = {"X-API-Key": "alice's key"}, {"X-API-Key": "bob's key"}


class Worker:
    """The Celery worker as supervisord starts it."""

    def __init__(self, settings: Settings, log: Path) -> None:
        names = ("mongo_url", "redis_url", "torchserve_url", "torchserve_management_url")
        given = {f"OCR_{name.upper()}": str(getattr(settings, name)) for name in names}
        given["OCR_TASK_TIMEOUT_SECONDS"] = str(LIMIT_SECONDS)
        given["OCR_MAX_IMAGE_MB"] = str(settings.max_image_mb)
        self._environ, self._log = {**os.environ, **given}, log
        self.start()

    def start(self) -> None:
        command = "celery --quiet --app frontend.worker worker --without-gossip --without-mingle"
        with self._log.open("ab") as log:
            self.process = psutil.Popen(
                [sys.executable, "-m", *command.split()],
                cwd=plan.ROOT,
                env=self._environ,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        """At once, with its children."""
        children = self.process.children(recursive=True)
        for process in (self.process, *children):
            process.kill()
        self.process.wait()
        psutil.wait_procs(children, timeout=5)


@pytest.fixture(scope="module")
def torchserve() -> Iterator[FakeTorchServe]:
    fake = FakeTorchServe()
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def settings(torchserve: FakeTorchServe, shared_mongod: Server, shared_valkey: Server) -> Settings:
    keys = {name: hashlib.sha256(f"{name}'s key".encode()).hexdigest() for name in ("alice", "bob")}
    return Settings(
        mongo_url=f"mongodb://127.0.0.1:{shared_mongod.port}/tasks_{uuid.uuid4().hex}",
        redis_url=f"redis://127.0.0.1:{shared_valkey.port}/1",
        torchserve_url=torchserve.url,
        torchserve_management_url=torchserve.url,
        max_image_mb=0.125,
        async_megapixels=0.01,
        api_keys=keys,
    )


@pytest.fixture(scope="module")
def worker(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(settings, tmp_path_factory.mktemp("worker") / "worker.log")
    yield worker
    worker.stop()


@pytest.fixture(scope="module")
def shared_client(settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    app.extensions["ocr"].close()


@pytest.fixture
def client(shared_client: FlaskClient, worker: Worker, torchserve: FakeTorchServe) -> Iterator[FlaskClient]:
    assert worker.process.is_running()
    yield shared_client
    torchserve.answer = read_as_text


def unique(name: str = "image") -> bytes:
    """An "image" that reads as its own bytes."""
    return f"{name} {uuid.uuid4().hex[:12]}".encode()


def post(client: FlaskClient, *files: bytes | tuple[str, bytes], **options: str) -> TestResponse:
    """POST /recognize/batch as a form."""
    named = [file if isinstance(file, tuple) else ("", file) for file in files]
    parts = [(io.BytesIO(data), name or "image.png") for name, data in named]
    return client.post("/recognize/batch", data={"image": parts, **options}, headers=ALICE)


def accepted(response: TestResponse) -> str:
    """The address of the task that was accepted."""
    assert response.status_code == 202, response.text
    answer = AcceptedAnswer.model_validate(response.json)
    assert response.headers["Location"] == answer.status_url == f"/tasks/{answer.task_id}"
    return answer.status_url


def look(client: FlaskClient, address: str) -> dict[str, Any]:
    response = client.get(address, headers=ALICE)
    assert response.status_code == 200, response.text
    assert TaskAnswer.model_validate(response.json)
    return response.json


def until(client: FlaskClient, address: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The task as soon as `condition` holds for it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition(task := look(client, address)):
        assert time.monotonic() < deadline, task
        time.sleep(0.1)
    return task


def ended(client: FlaskClient, address: str) -> dict[str, Any]:
    return until(client, address, lambda task: task["state"] in ENDED)


def outcomes(task: dict[str, Any]) -> dict[str, Any]:
    """By the item's name its text, or the type of its error."""
    return {
        item["name"]: item["result"]["text"] if "result" in item else item["error"]["type"]
        for item in task["items"]
    }


@contextmanager
def stuck(torchserve: FakeTorchServe, *images: bytes) -> Iterator[None]:
    """These images are not read for as long as this lasts."""
    free = threading.Event()

    def answer(body: bytes) -> Reply:
        if body in images:
            free.wait(PATIENCE_SECONDS)
        return read_as_text(body)

    torchserve.answer = answer
    try:
        yield
    finally:
        free.set()


def history(client: FlaskClient) -> list[str]:
    return [item["text"] for item in client.get("/history?limit=100", headers=ALICE).json["items"]]


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def waiting_files(settings: Settings) -> int:
    with pymongo.MongoClient(settings.mongo_url) as mongo:
        database = mongo.get_default_database()
        return database["uploads.files"].count_documents({}) + database["uploads.chunks"].count_documents({})


def test_one_image_by_each_way_of_sending_it(client: FlaskClient, settings: Settings) -> None:
    raw, form = unique(), unique()
    addresses = [
        accepted(client.post("/recognize?async=true", data=raw, content_type="image/png", headers=ALICE)),
        accepted(
            client.post(
                "/recognize", data={"image": (io.BytesIO(form), "x.png"), "async": "true"}, headers=ALICE
            )
        ),
        accepted(client.post("/recognize", json={"image": "YWJj", "async": True}, headers=ALICE)),
    ]
    texts = []
    for address in addresses:
        task = ended(client, address)
        assert (task["state"], task["progress"]) == ("success", {"done": 1, "total": 1, "failed": 0})
        texts.append(task["items"][0]["result"]["text"])
    assert texts == [raw.decode(), form.decode(), "abc"]
    assert waiting_files(settings) == 0


def test_the_result_is_that_of_a_plain_request(client: FlaskClient) -> None:
    image, options = unique(), {"detail": "chars", "threshold": "0.9"}
    task = ended(client, accepted(post(client, image, **options)))
    plain = client.post(
        "/recognize", query_string=options, data=image, content_type="image/png", headers=ALICE
    ).json
    for answer in (plain, task["items"][0]["result"]):
        for name in ("cached", "history_id", "elapsed_ms"):
            del answer[name]
    assert task["items"][0]["result"] == plain
    assert plain["lines"][0]["chars"]


def test_what_was_not_looked_at_is_told_in_the_result(
    client: FlaskClient, torchserve: FakeTorchServe
) -> None:
    image = unique()
    told = ["Small print may be missing."]
    torchserve.replies.append(Reply(200, prediction(line("A")) | {"warnings": told}))
    result = ended(client, accepted(post(client, image, detail="chars")))["items"][0]["result"]
    assert result["warnings"] == told
    assert result["lines"][0]["chars"]


def test_a_large_image_is_left_to_a_task_unless_told_otherwise(client: FlaskClient) -> None:
    large, small = io.BytesIO(), io.BytesIO()
    Image.new("L", (101, 100), 255).save(large, "PNG")
    Image.new("L", (100, 100), 255).save(small, "PNG")

    def answer(image: io.BytesIO, query: str = "") -> TestResponse:
        return client.post(
            f"/recognize{query}", data=image.getvalue(), content_type="image/png", headers=ALICE
        )

    assert ended(client, accepted(answer(large)))["state"] == "success"
    assert answer(large, "?async=false").status_code == 200
    assert answer(small).status_code == 200


def test_results_come_as_they_are_there(client: FlaskClient, torchserve: FakeTorchServe) -> None:
    first, last = unique(), unique()
    with stuck(torchserve, last):
        address = accepted(post(client, ("1.png", first), ("2.png", last)))
        task = until(client, address, lambda task: task["progress"]["done"] == 1)
        assert (task["state"], task["progress"]["total"]) == ("running", 2)
        assert task["items"][0]["result"]["text"] == first.decode()
        assert task["items"][1]["state"] in {"pending", "running"}
        assert "result" not in task["items"][1]
    assert outcomes(ended(client, address)) == {"1.png": first.decode(), "2.png": last.decode()}


def test_what_cannot_be_read_does_not_stop_the_others(client: FlaskClient, settings: Settings) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = packed(
        ("folder/good.png", b"good in a zip"),
        ("../../etc/passwd", b"x"),
        ("/root.png", b"x"),
        ("C:\\windows.png", b"x"),
        (link, b"/etc/passwd"),
        ("inner.zip", packed(("a.png", b"x"))),
        ("disguised.png", packed(("a.png", b"x"))),
        ("bomb.png", bytes(settings.max_image_bytes + 1)),
        ("__MACOSX/._good.png", b"x"),
    )
    damaged = bytearray(packed(("a.png", b"some bytes that are packed")))
    damaged[35] ^= 0xFF
    address = accepted(
        post(
            client,
            ("a.zip", archive),
            ("damaged.zip", bytes(damaged)),
            ("torn.zip", archive[: len(archive) // 2]),
            ("broken.pdf", b"%PDF-1.7\nnothing"),
            ("large.png", bytes(settings.max_image_bytes + 1)),
            ("good.png", b"good"),
        )
    )
    task = ended(client, address)
    assert outcomes(task) == {
        "a.zip/folder/good.png": "good in a zip",
        "a.zip/../../etc/passwd": "/problems/invalid-image",
        "a.zip//root.png": "/problems/invalid-image",
        "a.zip/C:\\windows.png": "/problems/invalid-image",
        "a.zip/link.png": "/problems/invalid-image",
        "a.zip/inner.zip": "/problems/unsupported-image-type",
        "a.zip/disguised.png": "/problems/unsupported-image-type",
        "a.zip/bomb.png": "/problems/image-too-large",
        "damaged.zip/a.png": "/problems/invalid-image",
        "torn.zip": "/problems/invalid-image",
        "broken.pdf": "/problems/invalid-image",
        "large.png": "/problems/image-too-large",
        "good.png": "good",
    }
    assert (task["state"], task["progress"]) == ("success", {"done": 13, "total": 13, "failed": 11})
    assert all(item["error"]["detail"] for item in task["items"] if "error" in item)
    assert waiting_files(settings) == 0


def test_a_zip_as_the_body_itself(client: FlaskClient) -> None:
    archive = packed(*[(f"{number}.png", f"entry {number}".encode()) for number in range(5)])
    address = accepted(
        client.post("/recognize/batch", data=archive, content_type="application/zip", headers=ALICE)
    )
    assert outcomes(ended(client, address)) == {f"/{n}.png": f"entry {n}" for n in range(5)}


def test_a_task_takes_an_alias_and_names_the_model(client: FlaskClient) -> None:
    task = ended(client, accepted(post(client, unique(), model="crnn_v2_lite")))
    (result,) = (item["result"] for item in task["items"])
    assert (result["model"], result["lines"][0]["model"]) == ("crnn_v3_lite", "crnn_v3_lite")


def test_a_document_is_read_page_by_page(client: FlaskClient, torchserve: FakeTorchServe) -> None:
    document = pages.pdf(*[Image.new("L", (8, 8), 255)] * 30)
    known = len(torchserve.predictions)
    task = ended(client, accepted(post(client, packed(("a.pdf", document)), pages="3-28")))
    assert [item["page"] for item in task["items"]] == list(range(3, 29))
    assert task["state"] == "success"
    asked = [received.headers["X-OCR-Options"] for received in torchserve.predictions[known:]]
    assert len({options for options in asked if '"pages": ' in options}) == len(asked) == 26


def test_a_document_is_one_record(client: FlaskClient, torchserve: FakeTorchServe) -> None:
    document, name = pages.pdf(*map(pages.draw, range(4))), f"{uuid.uuid4().hex}.pdf"
    torchserve.answer = lambda _: Reply(200, {"pages": [prediction(line("Total"))]})
    packed_too = ("all.zip", packed((f"folder/{name}", document), ("b.png", b"b")))
    task = ended(client, accepted(post(client, (f"scans/{name}", document), packed_too, pages="2-4")))
    found = client.get("/history", query_string={"q": name}, headers=ALICE).json["items"]
    assert len({item["result"]["history_id"] for item in task["items"] if "page" in item}) == len(found) == 2
    for summary in found:
        assert (summary["name"], summary["page_count"], summary["has_thumbnail"]) == (name, 3, True)
        assert summary["text"] == "Total\n\nTotal\n\nTotal"
        record = client.get(f"/history/{summary['id']}", headers=ALICE).json
        assert RecordAnswer.model_validate(record)
        assert [page["page"] for page in record["pages"]] == [line["page"] for line in record["lines"]]
        assert [page["page"] for page in record["pages"]] == [2, 3, 4]
    client.delete(f"/history?ids={','.join(summary['id'] for summary in found)}", headers=ALICE)
    known = len(torchserve.predictions)
    ended(client, accepted(post(client, (name, document), pages="2-4")))
    assert len(torchserve.predictions) == known + 3, "the cached answers of all pages went with the record"


def test_a_task_leaves_no_record_where_none_is_wanted(client: FlaskClient) -> None:
    image = unique()
    result = ended(client, accepted(post(client, image, history="false")))["items"][0]["result"]
    assert (result["text"], result["history_id"]) == (image.decode(), None)
    assert image.decode() not in history(client)


def test_a_document_may_have_a_hundred_pages(client: FlaskClient) -> None:
    blank = Image.new("L", (8, 8), 255)
    task = ended(client, accepted(post(client, ("a.pdf", pages.pdf(*[blank] * 101)), ("b.png", b"b"))))
    assert outcomes(task) == {"a.pdf": "/problems/image-too-large", "b.png": "b"}
    assert "pages=1-100" in task["items"][0]["error"]["detail"]


def test_a_batch_has_its_limits(client: FlaskClient) -> None:
    many = post(client, *[b"x"] * 201)
    assert (many.status_code, many.json["errors"][0]["field"]) == (422, "image")
    assert "200" in many.json["detail"]
    full = packed(*[(f"{number}.png", b"x") for number in range(201)])
    task = ended(client, accepted(post(client, full)))
    assert (task["state"], task["items"][0]["error"]["status"]) == ("failure", 413)
    none = client.post("/recognize/batch", data={}, content_type="multipart/form-data", headers=ALICE)
    assert (none.status_code, none.json["errors"][0]["field"]) == (422, "image")
    unknown = post(client, b"x", model="crnn_v9")
    assert (unknown.status_code, unknown.json["type"]) == (404, "/problems/unknown-model")
    text = client.post("/recognize/batch", data="x", content_type="text/plain", headers=ALICE)
    assert (text.status_code, text.json["type"]) == (415, "/problems/unsupported-body-type")


def test_a_task_is_its_owners(client: FlaskClient) -> None:
    addresses = [accepted(post(client, unique())) for _ in range(3)]
    for address in addresses:
        ended(client, address)
        for other in (client.get(address, headers=BOB), client.delete(address, headers=BOB)):
            assert (other.status_code, other.json["type"]) == (404, "/problems/task-not-found")
    assert client.get("/tasks", headers=BOB).json == {"items": [], "next_cursor": None}
    listed: list[str] = []
    cursor = ""
    while len(listed) < 3:
        page = client.get(f"/tasks?limit=2{cursor}", headers=ALICE).json
        assert TasksAnswer.model_validate(page)
        listed += [f"/tasks/{item['task_id']}" for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert listed[:3] == addresses[::-1]
    for address in ("/tasks/nonsense", f"/tasks/{'0' * 24}"):
        assert client.get(address, headers=ALICE).status_code == 404


def test_items_come_page_by_page(client: FlaskClient) -> None:
    address = accepted(post(client, *[(f"{number}.png", unique()) for number in range(5)]))
    ended(client, address)
    first = look(client, f"{address}?limit=3")
    rest = look(client, f"{address}?limit=3&cursor={first['next_cursor']}")
    assert [item["name"] for item in first["items"] + rest["items"]] == [f"{n}.png" for n in range(5)]
    assert rest["next_cursor"] is None


def test_results_are_kept_for_a_day(client: FlaskClient, settings: Settings) -> None:
    task = ended(client, accepted(post(client, unique())))
    with pymongo.MongoClient(settings.mongo_url, tz_aware=True) as mongo:
        database = mongo.get_default_database()
        for name in ("tasks", "task_items"):
            (document,) = database[name].find({"$or": [{"task": _id(task)}, {"_id": _id(task)}]})
            assert 86_300 < (document["expires_at"] - _id(task).generation_time).total_seconds() < 86_500
            indexes = database[name].index_information().values()
            assert [index["key"] for index in indexes if index.get("expireAfterSeconds") == 0] == [
                [("expires_at", 1)]
            ]


def _id(task: dict[str, Any]) -> Any:
    return ObjectId(task["task_id"])


def test_cancelling_ends_what_waits_and_what_runs(
    client: FlaskClient, torchserve: FakeTorchServe, settings: Settings
) -> None:
    images = [unique() for _ in range(6)]
    with stuck(torchserve, *images):
        address = accepted(post(client, *images))
        until(client, address, lambda task: [i["state"] for i in task["items"]].count("running") == 2)
        assert client.delete(address, headers=ALICE).status_code == 204
        task = look(client, address)
        assert task["state"] == "cancelled"
        assert {item["state"] for item in task["items"]} == {"cancelled"}
        assert waiting_files(settings) == 0
        # Both processes are free again, well before the time limit.
        started = time.monotonic()
        assert ended(client, accepted(post(client, unique(), unique())))["state"] == "success"
        assert time.monotonic() - started < LIMIT_SECONDS
    assert client.delete(address, headers=ALICE).status_code == 204
    assert look(client, address)["state"] == "cancelled"
    assert not {image.decode() for image in images} & set(history(client))


def test_waiting_for_a_busy_recognizer_is_not_an_items_time(
    client: FlaskClient, torchserve: FakeTorchServe
) -> None:
    image, other = unique(), unique()
    with stuck(torchserve, image):
        address = accepted(post(client, ("waits.png", image), ("other.png", other)))
        until(client, address, lambda task: task["progress"]["done"] == 1)
        time.sleep(2 * LIMIT_SECONDS)
    assert outcomes(ended(client, address)) == {"waits.png": image.decode(), "other.png": other.decode()}


def test_a_time_limit_ends_an_item(client: FlaskClient, torchserve: FakeTorchServe, worker: Worker) -> None:
    """Its process is held up, and hears of the limit when it goes on."""
    image = unique()
    with stuck(torchserve, image):
        address = accepted(post(client, ("held.png", image)))
        until(client, address, lambda task: task["state"] == "running")
        for child in worker.process.children():
            child.suspend()
        time.sleep(LIMIT_SECONDS + 1)
        for child in worker.process.children():
            child.resume()
        task = ended(client, address)
    assert outcomes(task) == {"held.png": "/problems/item-timeout"}
    assert f"over {LIMIT_SECONDS:g} s" in task["items"][0]["error"]["detail"]


def test_a_process_that_does_not_hear_the_time_limit_is_killed(
    client: FlaskClient, torchserve: FakeTorchServe, worker: Worker
) -> None:
    image, other = unique(), unique()
    children = worker.process.children()
    with stuck(torchserve, image):
        address = accepted(post(client, ("deaf.png", image)))
        until(client, address, lambda task: task["state"] == "running")
        for child in children:
            child.suspend()
        task = ended(client, address)
    assert outcomes(task) == {"deaf.png": "/problems/item-timeout"}
    for child in children:
        if child.is_running():
            child.resume()
    assert ended(client, accepted(post(client, other)))["state"] == "success"


def test_a_recognizer_that_is_away_is_waited_for(client: FlaskClient, torchserve: FakeTorchServe) -> None:
    image = unique()
    torchserve.stop()
    address = accepted(post(client, image))
    time.sleep(2)
    assert look(client, address)["state"] in {"pending", "running"}
    torchserve.start()
    assert list(outcomes(ended(client, address)).values()) == [image.decode()]


@pytest.mark.parametrize("victim", ["a child", "the worker"])
def test_a_killed_worker_loses_nothing(
    client: FlaskClient, torchserve: FakeTorchServe, worker: Worker, victim: str
) -> None:
    images = [unique() for _ in range(20)]
    with stuck(torchserve, *images[4:]):
        address = accepted(post(client, *images))
        until(client, address, lambda task: task["progress"]["done"] >= 4)
        if victim == "a child":
            for child in worker.process.children():
                child.kill()
        else:
            worker.stop()
            worker.start()
    task = ended(client, address)
    assert list(outcomes(task).values()) == [images[-1].decode()]
    assert [item["result"]["text"] for item in task["items"]] == [image.decode() for image in images]
    assert sorted(history(client)[:20]) == sorted(image.decode() for image in images)


def test_nothing_is_kept_where_the_broker_is_away(
    client: FlaskClient, torchserve: FakeTorchServe, settings: Settings, nothing_there: dict[str, str]
) -> None:
    app = create_app(replace(settings, redis_url=nothing_there["redis_url"]))
    try:
        refused = post(app.test_client(), unique())
        assert (refused.status_code, refused.json["type"]) == (503, "/problems/tasks-unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert waiting_files(settings) == 0
        image = unique()
        with stuck(torchserve, image):
            address = accepted(post(client, image))
            until(client, address, lambda task: task["state"] == "running")
            assert app.test_client().delete(address, headers=ALICE).status_code == 204
        assert look(client, address)["state"] == "cancelled"
    finally:
        app.extensions["ocr"].close()


def test_nothing_is_accepted_where_the_database_is_away(
    settings: Settings, nothing_there: dict[str, str]
) -> None:
    app = create_app(replace(settings, mongo_url=nothing_there["mongo_url"]))
    try:
        client = app.test_client()
        for refused in (post(client, unique()), client.get("/tasks", headers=ALICE)):
            assert (refused.status_code, refused.json["type"]) == (503, "/problems/tasks-unavailable")
    finally:
        app.extensions["ocr"].close()


def test_readyz_names_a_worker_that_is_away(
    client: FlaskClient, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen, it takes nothing from the queue, though Redis and it are there."""
    monkeypatch.setattr("frontend.tasks.heartbeat.SILENCE_SECONDS", 4)

    def state() -> str:
        return str(client.get("/readyz").json["parts"]["worker"]["state"])

    _wait(lambda: state() == "ok")
    worker.process.suspend()
    try:
        _wait(lambda: state() == "down")
        assert client.get("/readyz").status_code == 200
        accepted(post(client, unique()))
    finally:
        worker.process.resume()
    _wait(lambda: state() == "ok")


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
