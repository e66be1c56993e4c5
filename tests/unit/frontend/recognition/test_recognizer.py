"""The use case with the real client, cache and history, and a fake TorchServe at the end."""

from __future__ import annotations

import gc
import hashlib
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from prometheus_client import REGISTRY
from pymongo import MongoClient

from frontend.errors import BusyError, RecognizerDownError, UnknownModelError
from frontend.files.thumbnails import thumbnail
from frontend.recognition.answers import Options
from frontend.recognition.predictions import Prediction
from frontend.recognition.recognizer import Recognizer
from frontend.recognition.single_flight import SingleFlight
from frontend.settings import SPARE_THREADS, Canary, Settings
from tests.unit.frontend.fake_torchserve import QUEUE_FULL, FakeTorchServe, Reply, line, prediction
from tests.unit.frontend.servers import Server


@pytest.fixture
def recognizer(app: Flask) -> Recognizer:
    made: Recognizer = app.extensions["ocr"].recognizer
    return made


def test_answers_with_text_boxes_and_origin(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes
) -> None:
    fake.answer = lambda _: Reply(200, prediction(line("One", 10, 20, 0.9), line("Two!", 5, 50, 0.7)))
    found = recognizer.recognize(image, "anna", "id-1")
    assert found.text == "One\nTwo!"
    assert found.confidence == 0.7
    assert found.bbox == [[5, 20], [45, 70]]
    assert found.image_hash == "sha256:" + hashlib.sha256(image).hexdigest()
    assert (found.model, found.model_version) == ("auto", "1.0-3fa94c1b")
    assert (found.width, found.height, found.cached, found.warnings) == (640, 480, False, [])
    assert found.elapsed_ms > 0


def test_an_image_without_text(recognizer: Recognizer, fake: FakeTorchServe, image: bytes) -> None:
    fake.answer = lambda _: Reply(200, prediction())
    found = recognizer.recognize(image, "anna", "id-1")
    assert (found.text, found.lines, found.bbox, found.confidence) == ("", [], None, None)


def test_the_second_time_comes_from_the_cache_with_a_record_of_its_own(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes
) -> None:
    first = recognizer.recognize(image, "anna", "id-1")
    second = recognizer.recognize(image, "ben", "id-2")
    assert (first.cached, second.cached) == (False, True)
    assert len(fake.predictions) == 1
    assert first.lines == second.lines
    assert second.history_id
    assert first.history_id != second.history_id


def test_other_weights_and_other_options_are_other_answers(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer.recognize(image, "anna", "id-1")
    recognizer.recognize(image, "anna", "id-2", options=Options(mode="page"))
    assert len(fake.predictions) == 2
    fake.archives["auto"] = "1.0-00000000"
    monkeypatch.setattr("frontend.recognition.torchserve._FACTS_FRESH_SECONDS", 0.0)
    found = recognizer.recognize(image, "anna", "id-3")
    assert (found.cached, found.model_version) == (False, "1.0-00000000")


def test_answers_of_different_models_are_not_mixed(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes
) -> None:
    names = ("auto", "crnn_v3", "crnn_v3_lite")
    first = [recognizer.recognize(image, "anna", "id", model=name) for name in names]
    assert [(f.model, f.cached) for f in first] == [(name, False) for name in names]
    by_alias = recognizer.recognize(image, "anna", "id", model="crnn_v2")
    assert (by_alias.model, by_alias.cached) == ("crnn_v3", True)
    assert len(fake.predictions) == 3


def test_identical_requests_in_flight_share_one_inference(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes
) -> None:
    fake.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(recognizer.recognize, image, f"owner{n}", f"id-{n}") for n in range(8)]
        time.sleep(0.3)
        fake.gate.set()
        found = [future.result() for future in futures]
    assert len(fake.predictions) == 1
    assert {f.text for f in found} == {image.decode()}
    assert len({f.history_id for f in found}) == 8


def test_who_waits_gets_the_error_too(recognizer: Recognizer, fake: FakeTorchServe, image: bytes) -> None:
    fake.gate.clear()
    fake.replies.append(QUEUE_FULL)
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(recognizer.recognize, image, "anna", "id") for _ in range(4)]
        time.sleep(0.3)
        fake.gate.set()
        assert all(isinstance(future.exception(), BusyError) for future in futures)
    assert recognizer.recognize(image, "anna", "id").text == image.decode()


@pytest.mark.parametrize("same_image", [True, False])
def test_who_finds_no_place_is_told_at_once_while_others_wait(
    make_app: Callable[..., Flask], fake: FakeTorchServe, image: bytes, same_image: bool
) -> None:
    recognizer = make_app(threads=SPARE_THREADS + 4, owner_share=1.0).extensions["ocr"].recognizer
    known = recognizer.recognize(image + b" known", "anna", "id")
    fake.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        images = [image + (b"" if same_image else f"{n}".encode()) for n in range(4)]
        waiting = [pool.submit(recognizer.recognize, i, "anna", "id") for i in images]
        deadline = time.monotonic() + 20
        while recognizer._admission._images.total() < len(images) and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(BusyError):
            recognizer.recognize(image + b" more", "anna", "id")
        assert recognizer.recognize(image + b" known", "anna", "id").text == known.text
        fake.gate.set()
        assert all(future.result().history_id for future in waiting)
    assert not recognizer.recognize(image + b" more", "anna", "id").cached


def test_different_images_are_not_mixed_up(recognizer: Recognizer, image: bytes) -> None:
    images = [image + f" {n}".encode() for n in range(64)]
    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(lambda i: recognizer.recognize(i, "anna", "id").text, images))
    assert texts == [i.decode() for i in images]


def test_single_flight_leaves_nothing_behind() -> None:
    single_flight = SingleFlight()
    found = prediction(line("x"))

    def fail() -> Prediction:
        raise BusyError

    assert single_flight.do("key", lambda: found) == found
    with pytest.raises(BusyError):
        single_flight.do("key", fail)
    assert single_flight._calls == {}


def test_an_error_lets_go_of_the_image_at_once() -> None:
    """In a cycle it would hold 20 MB until the collector comes by."""

    def fail() -> Prediction:
        raise BusyError

    gc.disable()
    try:
        SingleFlight().do("key", fail)
    except BusyError as error:
        held = weakref.ref(error)
    finally:
        gc.enable()
    assert held() is None


def test_the_record_holds_what_was_read(recognizer: Recognizer, settings: Settings, image: bytes) -> None:
    found = recognizer.recognize(image, "anna", "id-1")
    with MongoClient(settings.mongo_url) as mongo:
        stored = mongo.get_default_database()["history"].find_one()
    assert stored
    assert str(stored["_id"]) == found.history_id
    names = ("image_hash", "text", "model", "model_version", "confidence", "bbox", "angle", "lines", "width")
    for name in (*names, "height"):
        assert stored[name] == getattr(found, name)
    assert found.image_hash in stored["cache_key"]


def test_the_record_tells_what_was_not_looked_at_and_zones(
    recognizer: Recognizer, fake: FakeTorchServe, settings: Settings, image: bytes
) -> None:
    told = {"warnings": ["It is coarse."], "mrz": [{"format": "TD3"}]}
    fake.answer = lambda _: Reply(200, prediction(line("One", 10, 20, 0.9)) | told)
    recognizer.recognize(image, "anna", "id-1")
    fake.answer = lambda _: Reply(200, prediction(line("Two", 10, 20, 0.9)))
    recognizer.recognize(image + b" ", "anna", "id-2")
    with MongoClient(settings.mongo_url) as mongo:
        first, second = mongo.get_default_database()["history"].find().sort("_id")
    assert {name: first[name] for name in told} == told
    assert not set(told) & set(second)


def test_without_redis_it_is_only_slower(
    make_app: Callable[..., Flask], nothing_there: dict[str, str], fake: FakeTorchServe, image: bytes
) -> None:
    recognizer = make_app(redis_url=nothing_there["redis_url"]).extensions["ocr"].recognizer
    for _ in range(2):
        found = recognizer.recognize(image, "anna", "id")
        assert (found.cached, found.warnings) == (False, [])
        assert found.history_id
    assert len(fake.predictions) == 2


def test_without_mongodb_and_redis_it_warns(
    make_app: Callable[..., Flask], nothing_there: dict[str, str], image: bytes
) -> None:
    recognizer = make_app(**nothing_there).extensions["ocr"].recognizer
    started = time.monotonic()
    for _ in range(5):
        found = recognizer.recognize(image, "anna", "id")
        assert found.history_id is None
        assert "not stored" in found.warnings[0]
    assert time.monotonic() - started < 4, "asking each time takes a second each"


def test_cached_answers_outlive_torchserve(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer.recognize(image, "anna", "id-1")
    fake.stop()
    monkeypatch.setattr("frontend.recognition.torchserve._FACTS_FRESH_SECONDS", 0.0)
    assert recognizer.recognize(image, "anna", "id-2").cached
    with pytest.raises(RecognizerDownError):
        recognizer.recognize(image + b"!", "anna", "id-3")
    fake.start()


@pytest.mark.slow
def test_both_servers_may_vanish_and_return(
    recognizer: Recognizer, mongod: Server, valkey: Server, image: bytes
) -> None:
    assert recognizer.recognize(image, "anna", "id").history_id
    mongod.stop()
    valkey.stop()
    assert recognizer.recognize(image, "anna", "id").history_id is None
    mongod.start()
    valkey.start()
    deadline = time.monotonic() + 10
    while not (found := recognizer.recognize(image, "anna", "id")).history_id or not found.cached:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_an_unknown_model_is_asked_nothing(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes
) -> None:
    with pytest.raises(UnknownModelError):
        recognizer.recognize(image, "anna", "id", model="crnn_v9")
    assert fake.predictions == []


def test_a_waiting_thread_does_not_hold_up_others(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes
) -> None:
    recognizer.recognize(image, "anna", "id")
    fake.gate.clear()
    waiting = threading.Thread(target=recognizer.recognize, args=(image + b"!", "anna", "id"))
    waiting.start()
    assert recognizer.recognize(image, "anna", "id").cached
    fake.gate.set()
    waiting.join()


class TestCanary:
    """A model that reads a share of the images for which none is named."""

    @pytest.fixture
    def recognizer(self, make_app: Callable[..., Flask]) -> Recognizer:
        made: Recognizer = make_app(canary=Canary("crnn_v3", 0.3)).extensions["ocr"].recognizer
        return made

    def test_it_reads_its_share(self, recognizer: Recognizer) -> None:
        images = [f"shared {number}".encode() for number in range(100)]
        models = [recognizer.recognize(image, "anna", "id", entry=None).model for image in images]
        assert set(models) == {"crnn_v3", "auto"}
        assert 15 <= models.count("crnn_v3") <= 45
        again = [recognizer.recognize(image, "anna", "id", entry=None) for image in images]
        assert [each.model for each in again] == models
        assert all(each.cached for each in again)
        others = [recognizer.recognize(image, "ben", "id", entry=None).model for image in images]
        assert others != models

    def test_it_reads_nothing_that_names_another(self, recognizer: Recognizer) -> None:
        images = [f"named {number}".encode() for number in range(20)]
        named = {recognizer.recognize(each, "anna", "id", "auto", entry=None).model for each in images}
        assert named == {"auto"}

    def test_one_that_is_not_there_costs_no_answer(self, make_app: Callable[..., Flask]) -> None:
        recognizer = make_app(canary=Canary("crnn_v9", 1.0)).extensions["ocr"].recognizer
        assert recognizer.recognize(b"no canary", "anna", "id", entry=None).model == "auto"


def test_confidences_are_told_by_model_and_version(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes
) -> None:
    fake.answer = lambda _: Reply(200, prediction(line("One", confidence=0.5), line("Two", confidence=0.7)))
    labels = {"model": "crnn_v3", "version": "1.0-3fa94c1b"}

    def told() -> tuple[float, float]:
        count, total = (
            REGISTRY.get_sample_value(f"ocr_confidence_{of}", labels) or 0.0 for of in ("count", "sum")
        )
        return count, total

    before = told()
    for _ in range(2):  # the second one is cached
        recognizer.recognize(image, "anna", "id", "crnn_v3")
    after = told()
    assert after[0] - before[0] == 1
    assert after[1] - before[1] == pytest.approx(0.6)


def test_a_thumbnail_is_drawn_while_the_image_is_read(
    recognizer: Recognizer, fake: FakeTorchServe, image: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = threading.Event()

    def draw(data: bytes, number: int) -> bytes | None:
        drawn.set()
        return thumbnail(data, number)

    def read(_: object) -> Reply:
        assert drawn.wait(10)
        return Reply(200, prediction(line("One", 10, 20, 0.9)))

    monkeypatch.setattr("frontend.recognition.recognizer.thumbnail", draw)
    fake.answer = read
    assert recognizer.recognize(image, "anna", "id-1").text == "One"
