"""TorchServe's client against a server that speaks its HTTP."""

from __future__ import annotations

import json
import time

import pytest

from frontend import errors
from frontend.recognition.torchserve import TorchServe
from tests.unit.frontend.fake_torchserve import (
    CASCADE,
    FACTS,
    HANDLER_CRASHED,
    QUEUE_FULL,
    TIMED_OUT,
    UNFINISHED,
    WORKER_DIED,
    FakeTorchServe,
    Reply,
    line,
    prediction,
)
from tests.unit.frontend.servers import free_port


def test_sends_the_bytes_as_they_are(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    found = torchserve.predict("auto", b"\x89PNG\x00", "id-1", {"mode": "page", "allowlist": "0年"})
    received = fake.predictions[0]
    assert found["pages"][0]["lines"][0]["chars"]
    options = {"mode": "page", "allowlist": "0年", "model": "auto"}
    assert json.loads(received.headers["X-OCR-Options"]) == options
    assert (received.path, received.body) == ("/predictions/auto", b"\x89PNG\x00")
    assert received.headers["Content-Type"] == "application/octet-stream"
    assert received.headers["X-Request-Id"] == "id-1"


def test_options_too_long_for_a_header_come_in_a_form(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    words = [f"word {number}" for number in range(5000)]
    torchserve.predict("auto", b"\x89PNG\x00", "id-1", {"lexicon": words})
    received = fake.predictions[0]
    assert "X-OCR-Options" not in received.headers
    assert received.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b"\x89PNG\x00" in received.body
    assert json.dumps({"lexicon": words, "model": "auto"}).encode() in received.body


def test_a_document_has_several_pages(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    fake.replies.append(Reply(200, {"pages": [prediction(line("one")), prediction(line("two"))]}))
    found = torchserve.predict("auto", b"%PDF-", "id-1")
    assert found["is_document"]
    assert [page["lines"][0]["text"] for page in found["pages"]] == ["one", "two"]


@pytest.mark.parametrize(
    ("asked", "network"),
    [
        ("auto", "auto"),
        ("crnn_v3", "crnn_v3"),
        ("crnn_v3_lite", "crnn_v3_lite"),
        ("crnn_v1", "crnn_v3"),
        ("crnn_v2", "crnn_v3"),
        ("crnn_v2_lite", "crnn_v3_lite"),
    ],
)
def test_an_archive_is_told_which_of_its_networks_is_to_read(
    fake: FakeTorchServe, torchserve: TorchServe, asked: str, network: str
) -> None:
    (page,) = torchserve.predict(asked, b"hello", "id-1")["pages"]
    received = fake.predictions[0]
    assert received.path == "/predictions/auto"
    assert json.loads(received.headers["X-OCR-Options"]) == {"model": network}
    assert page["lines"][0]["model"] == ("crnn_v3_lite" if asked == "auto" else network)


def test_an_archive_of_one_network_is_told_nothing(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    fake.archives["own"] = "1.0-12345678"
    torchserve.predict("own", b"hello", "id-1")
    received = fake.predictions[0]
    assert (received.path, received.headers["X-OCR-Options"]) == ("/predictions/own", "{}")


def test_a_name_that_is_none_of_a_models_is_never_sent(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    with pytest.raises(errors.UnknownModelError):
        torchserve.predict("../models?x=", b"image", "id-1")
    assert fake.predictions == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, {"code": 404, "type": "ModelNotFoundException"}),
        Reply(400, {"code": "unknown-model", "detail": "There is none.", "field": "model"}),
    ],
)
def test_a_model_that_went_is_unknown(fake: FakeTorchServe, torchserve: TorchServe, reply: Reply) -> None:
    fake.replies.append(reply)
    with pytest.raises(errors.UnknownModelError) as raised:
        torchserve.predict("crnn_v3", b"hello", "id-1")
    assert raised.value.extensions["models"] == ["auto", "crnn_v3_lite"]


@pytest.mark.parametrize("failure", [WORKER_DIED, TIMED_OUT, None])
def test_tries_again_when_a_worker_died(
    fake: FakeTorchServe, torchserve: TorchServe, failure: Reply | None
) -> None:
    fake.replies.append(failure)
    assert torchserve.predict("auto", b"hello", "id-1")["pages"][0]["lines"][0]["text"] == "hello"
    assert len(fake.predictions) == 2


def test_asks_for_the_rest_of_an_image_of_many_lines(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    fake.replies.extend([UNFINISHED, WORKER_DIED, UNFINISHED])
    assert torchserve.predict("auto", b"hello", "id-1")["pages"][0]["lines"][0]["text"] == "hello"
    torchserve.predict("auto", b"hello", "id-1")
    tokens = [received.headers["X-OCR-Token"] for received in fake.predictions]
    assert len(set(tokens[:4])) == 1
    assert tokens[4] not in tokens[:4]
    assert {received.body for received in fake.predictions} == {b"hello"}


@pytest.mark.parametrize("failure", [WORKER_DIED, None])
def test_tries_only_twice(fake: FakeTorchServe, torchserve: TorchServe, failure: Reply | None) -> None:
    fake.replies.extend([failure] * 3)
    with pytest.raises(errors.RecognizerDownError) as raised:
        torchserve.predict("auto", b"hello", "id-1")
    assert len(fake.predictions) == 2
    assert raised.value.status == 503
    assert int(raised.value.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (QUEUE_FULL, errors.BusyError),
        (HANDLER_CRASHED, errors.RecognizerDownError),
        (Reply(413, None), errors.ImageTooLargeError),
        (Reply(418, {"code": 418}), errors.RecognizerFailedError),
        (Reply(200, {"unexpected": True}), errors.RecognizerFailedError),
        (Reply(200, [1, 2]), errors.RecognizerFailedError),
    ],
)
def test_torchserves_own_errors_are_translated(
    fake: FakeTorchServe, torchserve: TorchServe, reply: Reply, error: type[errors.OCRError]
) -> None:
    fake.replies.append(reply)
    with pytest.raises(error):
        torchserve.predict("auto", b"hello", "id-1")
    assert len(fake.predictions) == 1


@pytest.mark.parametrize("workers", [[], ["UNLOADING"]])
def test_without_a_worker_it_is_down_and_not_busy(
    fake: FakeTorchServe, torchserve: TorchServe, workers: list[str]
) -> None:
    assert torchserve.model("auto").ready
    fake.workers = workers
    fake.replies.append(QUEUE_FULL)
    with pytest.raises(errors.RecognizerDownError):
        torchserve.predict("auto", b"hello", "id-1")


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "invalid-image", errors.InvalidImageError),
        (413, "image-too-large", errors.ImageTooLargeError),
        (415, "unsupported-image-type", errors.UnsupportedImageTypeError),
        (422, "invalid-request", errors.InvalidRequestError),
        (400, "never-heard-of", errors.RecognizerFailedError),
    ],
)
def test_the_handlers_errors_keep_their_sentence(
    fake: FakeTorchServe, torchserve: TorchServe, status: int, code: str, error: type[errors.OCRError]
) -> None:
    fake.replies.append(Reply(status, {"code": code, "detail": "Do this."}))
    with pytest.raises(error) as raised:
        torchserve.predict("auto", b"hello", "id-1")
    assert "Do this." in raised.value.detail or error is errors.RecognizerFailedError


def test_nobody_listening_is_unavailable_at_once() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    client = TorchServe(nowhere, nowhere, timeout_seconds=60, connections=1)
    started = time.monotonic()
    with pytest.raises(errors.RecognizerDownError):
        client.predict("auto", b"hello", "id-1")
    with pytest.raises(errors.RecognizerDownError):
        client.models()
    assert time.monotonic() - started < 30
    client.close()


def test_no_answer_ends_at_the_timeout(fake: FakeTorchServe) -> None:
    client = TorchServe(fake.url, fake.url, timeout_seconds=60, connections=1)
    fake.gate.clear()
    started = time.monotonic()
    with pytest.raises(errors.RecognizerDownError):
        client.predict("auto", b"hello", "id-1", timeout_seconds=0.3)
    assert time.monotonic() - started < 30
    assert len(fake.predictions) == 1
    client.close()


def test_facts_of_the_models_are_asked_once(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    facts = torchserve.models()["auto"]
    assert (facts.version, facts.ready) == ("1.0-3fa94c1b", True)
    assert facts.about == CASCADE["auto"]
    asked = len(fake.management)
    torchserve.model("auto")
    assert len(fake.management) == asked


def test_the_networks_of_an_archive_share_its_version(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    fake.archives["own"] = "1.0-12345678"
    found = torchserve.models()
    assert {name: facts.about for name, facts in found.items()} == {**CASCADE, "own": FACTS}
    versions = {name: facts.version for name, facts in found.items()}
    assert versions == dict.fromkeys(CASCADE, "1.0-3fa94c1b") | {"own": "1.0-12345678"}


def test_an_alias_gives_way_to_a_model_of_this_name(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    assert torchserve.models()["crnn_v3"].aliases == ("crnn_v1", "crnn_v2")
    fake.archives["crnn_v1"] = "1.0-12345678"
    later = TorchServe(fake.url, fake.url, timeout_seconds=2.0, connections=1)
    assert later.models()["crnn_v3"].aliases == ("crnn_v2",)
    assert later.model("crnn_v1").name == "crnn_v1"
    later.close()


def test_no_model_is_unknown_while_an_archive_is_being_loaded(
    fake: FakeTorchServe, torchserve: TorchServe, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.workers = []
    assert not torchserve.model("auto").ready
    for name in ("crnn_v3", "crnn_v2", "crnn_v9"):
        with pytest.raises(errors.RecognizerDownError, match="loading"):
            torchserve.model(name)
    fake.workers = ["READY"]
    monkeypatch.setattr("frontend.recognition.torchserve._FACTS_RETRY_SECONDS", 0.0)
    assert torchserve.model("crnn_v2").name == "crnn_v3"
    with pytest.raises(errors.UnknownModelError):
        torchserve.model("crnn_v9")


@pytest.mark.parametrize("about", [{"height": 32}, "", None, "no JSON", "[1]", {"models": {"auto": 1}}])
def test_what_the_handler_says_of_a_model_may_be_missing(
    fake: FakeTorchServe, torchserve: TorchServe, about: object
) -> None:
    fake.about["auto"] = about
    assert torchserve.model("auto").about == (about if about == {"height": 32} else {})


def test_facts_outlive_torchserve(
    fake: FakeTorchServe, torchserve: TorchServe, monkeypatch: pytest.MonkeyPatch
) -> None:
    torchserve.models()
    monkeypatch.setattr("frontend.recognition.torchserve._FACTS_FRESH_SECONDS", 0.0)
    fake.stop()
    assert torchserve.model("auto").version == "1.0-3fa94c1b"
    fake.start()
    fake.archives["auto"] = "1.1-00000000"
    assert torchserve.model("auto").version == "1.1-00000000"


def test_a_model_that_came_later_is_found(
    fake: FakeTorchServe, torchserve: TorchServe, monkeypatch: pytest.MonkeyPatch
) -> None:
    torchserve.models()
    fake.archives["own"] = "2.0-abcdef01"
    monkeypatch.setattr("frontend.recognition.torchserve._FACTS_RETRY_SECONDS", 0.0)
    assert torchserve.model("own").version == "2.0-abcdef01"


def test_an_unknown_model_names_those_there_are(torchserve: TorchServe) -> None:
    with pytest.raises(errors.UnknownModelError) as raised:
        torchserve.model("crnn_v9")
    assert raised.value.extensions["models"] == ["auto", "crnn_v3", "crnn_v3_lite"]
    assert "crnn_v3" in raised.value.detail


def test_short_work_has_a_queue_of_its_own(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    fake.archives["auto-lines"] = fake.archives["auto"]
    assert "auto-lines" not in torchserve.models()
    for is_short in (True, False):
        (page,) = torchserve.predict("auto", b"a line", "id-1", is_short=is_short)["pages"]
        assert page["lines"][0]["text"] == "a line"
    assert [received.path for received in fake.predictions] == [
        "/predictions/auto-lines",
        "/predictions/auto",
    ]


@pytest.mark.parametrize(
    "reply",
    [QUEUE_FULL, Reply(413, {"code": "image-too-large", "detail": "It takes over 1 s.", "field": "image"})],
)
def test_what_the_queue_for_lines_cannot_take_goes_to_the_other(
    fake: FakeTorchServe, torchserve: TorchServe, reply: Reply
) -> None:
    fake.archives["auto-lines"] = fake.archives["auto"]
    fake.replies.append(reply)
    (page,) = torchserve.predict("auto", b"a line", "id-1", is_short=True)["pages"]
    assert page["lines"][0]["text"] == "a line"
    assert [received.path for received in fake.predictions] == [
        "/predictions/auto-lines",
        "/predictions/auto",
    ]


def test_what_takes_too_long_to_read_is_told_so(fake: FakeTorchServe, torchserve: TorchServe) -> None:
    fake.replies.append(Reply(503, {"code": "reading-timeout", "detail": "Cut it.", "field": "image"}))
    with pytest.raises(errors.ReadingTimeoutError, match="Cut it"):
        torchserve.predict("auto", b"a page", "id-1")
