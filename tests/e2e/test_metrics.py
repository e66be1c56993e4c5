"""Metrics and logs of the real stack: what is read is told by each part that had to do with it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e import lines
from tests.e2e.service import Service, get, wait_for


def samples(text: str) -> Counter[str]:
    """The sums of all samples by name."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] += sample.value  # type: ignore[assignment]
    return found


def of_frontend(service: Service) -> Counter[str]:
    return samples(service.get("/metrics").text)


def of_worker(service: Service) -> Counter[str]:
    return samples(get(service.private("worker_metrics", "/metrics")).text)


def entries(service: Service, part: str) -> list[dict[str, Any]]:
    """Every line of the log is JSON."""
    log = service.data_dir / "logs" / f"{part}.log"
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_read_is_told_by_metrics_and_logs(service: Service) -> None:
    image, before = lines.png("metrics and logs"), of_frontend(service)
    answer = service.post(image).json()
    assert answer["cached"] is False
    after = of_frontend(service)
    for name in ("ocr_images_total", "ocr_pages_total", "ocr_torchserve_seconds_count"):
        assert after[name] - before[name] == 1
    assert after["ocr_lines_total"] - before["ocr_lines_total"] == len(answer["lines"])
    assert after["ocr_stage_seconds_sum"] > before["ocr_stage_seconds_sum"]
    assert after["ocr_part_up"] == len(service.get("/readyz").json()["parts"])

    said = reversed(entries(service, "frontend-1"))
    entry = next(each for each in said if each.get("path") == "/recognize")
    told = {
        "owner": "local", "client": "127.0.0.1", "bytes": len(image), "model": "auto", "cached": False,
        "pixels": answer["width"] * answer["height"], "pages": 1, "lines": len(answer["lines"]),
    }  # fmt: skip
    assert told.items() <= entry.items()
    assert set(entry["ms"]) == {"queue", "find", "read"}
    assert entry["ms"]["find"] > 0
    assert entry["ms"]["read"] > 0
    assert sum(entry["ms"].values()) <= entry["elapsed_ms"]
    assert answer["text"] not in json.dumps(entry)


def test_the_worker_tells_what_it_has_read(service: Service) -> None:
    before = of_worker(service)
    accepted = service.post(lines.png("read by a task"), **{"async": "true"}).json()
    wait_for(lambda: service.get(accepted["status_url"]).json()["state"] == "success", 60)
    wait_for(lambda: of_worker(service)["ocr_task_items_total"] == before["ocr_task_items_total"] + 1, 10)
    after = of_worker(service)
    for name in ("ocr_images_total", "ocr_torchserve_seconds_count"):
        assert after[name] - before[name] == 1
    read = next(each for each in reversed(entries(service, "worker")) if each["message"] == "read")
    assert read["item"].startswith(accepted["task_id"])
    assert read["ms"]["read"] > 0
    polls = [each for each in entries(service, "frontend-1") if each.get("path") == accepted["status_url"]]
    assert polls == []


def test_torchserve_is_scraped_beside_it(service: Service) -> None:
    service.post(lines.png("counted by torchserve, too"))
    names = samples(get(service.private("metrics", "/metrics")).text)
    assert {"ts_inference_requests_total", "ts_queue_latency_microseconds_total"} <= set(names)


def test_the_release_and_its_models(service: Service) -> None:
    answer = service.get("/version").json()
    models = {model["name"]: model["version"] for model in service.get("/models").json()["models"]}
    assert answer["models"] == models
    assert answer["version"]
