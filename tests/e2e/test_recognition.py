"""The main path: an image goes in, its text comes out, is remembered and can be forgotten."""

from __future__ import annotations

import base64
import json
import re

import pytest

from tests.e2e import lines
from tests.e2e.service import Service, request, wait_for
from tests.golden import GOLDEN, PAGE, WIDE, Golden
from tests.plain import MODEL, read_plainly

NETWORKS = ("crnn_v3", "crnn_v3_lite")


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.path.name)
def test_the_served_model_reads_what_plain_python_reads(service: Service, golden: Golden) -> None:
    image = golden.path.read_bytes()
    assert service.post(image, model=MODEL).json()["text"] == read_plainly([image])[0]


@pytest.mark.parametrize("model", NETWORKS)
@pytest.mark.parametrize("golden", WIDE, ids=lambda golden: golden.path.name)
def test_a_model_is_chosen_by_name(service: Service, golden: Golden, model: str) -> None:
    image = golden.path.read_bytes()
    answer = service.post(image, model=model).json()
    assert answer["model"] == model
    assert {line["model"] for line in answer["lines"]} == {model}
    assert answer["text"] == read_plainly([image], model)[0]
    assert answer["text"].replace(" ", "") == golden.text.replace(" ", "")  # narrow spaces: see the cards


def test_by_default_the_fast_network_reads_and_the_accurate_one_what_is_unsure(service: Service) -> None:
    answers = [service.post(golden.path.read_bytes()).json() for golden in [*GOLDEN, *WIDE, PAGE]]
    assert {answer["model"] for answer in answers} == {"auto"}
    read = [line for answer in answers for line in answer["lines"]]
    assert {line["model"] for line in read} == set(NETWORKS)
    (auto,) = (model for model in service.get("/models").json()["models"] if model["name"] == "auto")
    threshold = auto["about"]["cascade"]["threshold"]
    assert all(line["confidence"] >= threshold for line in read if line["model"] == "crnn_v3_lite")


@pytest.mark.parametrize(
    ("alias", "model"), [("crnn_v1", "crnn_v3"), ("crnn_v2", "crnn_v3"), ("crnn_v2_lite", "crnn_v3_lite")]
)
def test_names_of_former_models_stand_for_those_that_took_their_place(
    service: Service, alias: str, model: str
) -> None:
    image = lines.png(f"former {alias}")
    answer = service.post(image, model=alias).json()
    assert (answer["model"], {line["model"] for line in answer["lines"]}) == (model, {model})
    by_name = service.post(image, model=model).json()
    assert (by_name["cached"], by_name["text"]) == (True, answer["text"])
    assert service.post(image).json()["cached"] is False  # auto's answer is another


def test_an_answer_is_complete(service: Service) -> None:
    image = lines.draw("Total 42.50")
    answer = service.post(lines.encode(image), detail="chars").json()
    assert (answer["width"], answer["height"]) == image.size
    assert 0 <= answer["confidence"] <= 1
    assert answer["model"] == "auto"
    assert re.fullmatch(r"[\d.]+-[0-9a-f]{8}\.[0-9a-f]{4}", answer["model_version"])
    (line,) = answer["lines"]
    assert "".join(char["char"] for char in line["chars"]) == line["text"] == answer["text"]
    starts = [char["bbox"][0][0] for char in line["chars"]]
    assert starts == sorted(starts)
    for (x0, y0), (x1, y1) in [answer["bbox"], line["bbox"], *(char["bbox"] for char in line["chars"])]:
        assert 0 <= x0 <= x1 <= image.width
        assert 0 <= y0 <= y1 <= image.height


def test_every_kind_of_file_reads_the_same(service: Service) -> None:
    images = lines.encodings("Invoice 2031")
    read = {kind: service.post(image).json().get("text") for kind, image in images.items()}
    assert read == dict.fromkeys(images, "Invoice 2031")


def test_every_way_of_sending_reads_the_same(service: Service) -> None:
    image = lines.png("one of three ways")
    encoded = base64.b64encode(image).decode()
    raw = request("POST", f"{service.address}/recognize", data=image, headers={"Content-Type": "image/png"})
    answers = [
        service.post(image),
        service.post_json(image=encoded),
        service.post_json(image=f"data:image/png;base64,{encoded}"),
        raw,
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({(answer.json()["text"], answer.json()["image_hash"]) for answer in answers}) == 1


def test_the_request_id_travels_to_torchserve_and_back(service: Service) -> None:
    image = lines.png("follow me")
    sent = {"X-Request-Id": "follow-me-1", "Content-Type": "image/png"}
    answer = request("POST", f"{service.address}/recognize", data=image, headers=sent)
    assert answer.headers["X-Request-Id"] == "follow-me-1"
    log = service.data_dir / "logs" / "torchserve-1.log"
    wait_for(lambda: '"follow-me-1"' in log.read_text(), 5)
    (entry,) = [json.loads(line) for line in log.read_text().splitlines() if '"follow-me-1"' in line]
    assert entry["status"][entry["request_ids"].index("follow-me-1")] == 200
    assert "follow me" not in log.read_text()


def test_an_image_without_text_is_no_error(service: Service) -> None:
    answer = service.post(lines.encode(lines.draw(" ").resize((200, 40)))).json()
    assert (answer["text"], answer["lines"], answer["bbox"]) == ("", [], None)


def test_the_same_image_again_comes_from_the_cache_and_is_remembered_again(service: Service) -> None:
    image = lines.png("cache me")
    first, second = service.post(image).json(), service.post(image).json()
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["text"] == second["text"]
    assert first["history_id"] != second["history_id"]


def test_deleting_a_record_forgets_the_cached_answer(service: Service) -> None:
    image = lines.png("forget me 77")
    answer = service.post(image).json()
    record = f"/history/{answer['history_id']}"
    assert service.get(record).json()["text"] == answer["text"]

    assert service.delete(record).status_code == 204
    assert service.get(record).status_code == 404
    assert service.post(image).json()["cached"] is False


def test_an_image_is_kept_as_long_as_its_record(service: Service) -> None:
    image = lines.png("keep me")
    record = f"/history/{service.post(image).json()['history_id']}"
    kept = service.get(f"{record}/image")
    assert (kept.headers["Content-Type"], kept.content) == ("image/png", image)
    assert service.delete(record).status_code == 204
    assert service.get(f"{record}/image").status_code == 404


def test_the_history_is_exported_and_deleted_by_what_it_says(service: Service) -> None:
    answers = [service.post(lines.png(f"export {word}")).json() for word in ("one", "two", "three")]
    exported = service.get("/history/export?q=export").content.decode().splitlines()
    assert [json.loads(record)["text"] for record in exported] == ["export three", "export two", "export one"]
    rows = service.get("/history/export?q=export&format=csv").content.decode("utf-8-sig").splitlines()
    assert len(rows) == 4
    ids = ",".join(answer["history_id"] for answer in answers[:2])
    assert service.delete(f"/history?ids={ids}").json() == {"deleted": 2}
    assert service.delete("/history?q=export").json() == {"deleted": 1}
    assert service.delete("/history").status_code == 422


def test_history_is_newest_first_in_pages(service: Service) -> None:
    answers = [service.post(lines.png(f"page {number}")).json() for number in range(3)]
    newest = service.get("/history?limit=2").json()
    older = service.get(f"/history?limit=1&cursor={newest['next_cursor']}").json()
    found = [record["id"] for record in newest["items"] + older["items"]]
    assert found == [answer["history_id"] for answer in reversed(answers)]


def test_history_is_found_by_hash_and_by_text(service: Service) -> None:
    answer = service.post(lines.png("needle 4711")).json()
    by_hash = service.get(f"/history?image_hash={answer['image_hash']}").json()["items"]
    by_text = service.get(f"/history?q={answer['text'].split()[0]}").json()["items"]
    assert [record["id"] for record in by_hash] == [answer["history_id"]]
    assert answer["history_id"] in [record["id"] for record in by_text]


def test_models_are_listed_with_what_they_say_of_themselves(service: Service) -> None:
    models = {model["name"]: model for model in service.get("/models").json()["models"]}
    assert [name for name, model in models.items() if model["default"]] == ["auto"]
    assert all(model["ready"] for model in models.values())
    languages = {name: model["about"]["languages"] for name, model in models.items()}
    assert languages.keys() == {"auto", *NETWORKS}
    assert all({"en", "zh", "ja"} <= set(spoken) for spoken in languages.values())
    assert len({model["version"] for model in models.values()}) == 1  # one archive
    aliases = {name: model["aliases"] for name, model in models.items()}
    assert aliases == {"auto": [], "crnn_v3": ["crnn_v1", "crnn_v2"], "crnn_v3_lite": ["crnn_v2_lite"]}
    for name in NETWORKS:
        assert models[name]["about"].keys() >= {"parameters", "alphabet_size", "accuracy"}
