"""The decisions of `make run` before it starts anything, and the promises of the configuration files."""

from __future__ import annotations

import os
import re
import socket
import zipfile
from pathlib import Path

import pytest

from frontend.recognition.serving import ServingRecord, write_record
from frontend.settings import Settings
from frontend.stack import plan, rollout
from frontend.stack.errors import StackError
from frontend.stack.launcher import why_not
from frontend.stack.plan import SERVING, TORCHSERVE, TORCHSERVE_2, Plan, make_plan
from frontend.stack.ports import free_ports

EPHEMERAL = 32_768


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    add_archive(folder, "auto", "crnn_v3", "crnn_v3_lite")
    return folder


def add_archive(store: Path, name: str, *networks: str) -> None:
    with zipfile.ZipFile(store / f"{name}.mar", "w") as archive:
        for network in networks:
            archive.writestr(f"{network}.safetensors", b"weights")


def make(tmp_path: Path, given: dict[str, str] | None = None) -> Plan:
    settings = Settings.from_env({"OCR_MODEL_STORE": str(tmp_path / "store"), **(given or {})})
    return make_plan(settings, given or {}, tmp_path, tmp_path)


def properties() -> dict[str, str]:
    lines = (plan.ROOT / "config.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_ports_are_free_different_and_below_the_ephemeral_ones() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < EPHEMERAL
    for port in ports:
        # Sets SO_REUSEADDR, as servers do: closed connections in TIME_WAIT are no listeners.
        socket.create_server(("127.0.0.1", port)).close()


def test_a_database_whose_address_is_given_is_not_started(tmp_path: Path) -> None:
    assert make(tmp_path).parts == (
        "databases:mongod",
        "databases:valkey",
        TORCHSERVE,
        "worker",
        "web:frontend-1",
        "web:nginx",
    )
    given = {"OCR_MONGO_URL": "mongodb://db.example/ocr", "OCR_REDIS_URL": "redis://cache.example/0"}
    planned = make(tmp_path, given)
    assert planned.parts == (TORCHSERVE, "worker", "web:frontend-1", "web:nginx")
    assert given.items() <= planned.environ(given).items()


def test_a_torchserve_whose_addresses_are_given_is_not_started(tmp_path: Path, store: Path) -> None:
    given = {
        "OCR_TORCHSERVE_URL": "http://10.0.0.1:18080,http://10.0.0.2:18080",
        "OCR_TORCHSERVE_MANAGEMENT_URL": "http://10.0.0.1:18081,http://10.0.0.2:18081",
    }
    (store / "auto.mar").unlink()  # none of ours is needed
    planned = make(tmp_path, given)
    assert TORCHSERVE not in planned.parts
    assert planned.environ(given)["OCR_SERVING_FILE"] == ""
    assert given["OCR_TORCHSERVE_URL"] in why_not(planned, TORCHSERVE)
    assert given.items() <= planned.environ(given).items()


def test_instances_listen_where_nginx_alone_reaches_them(tmp_path: Path) -> None:
    planned = make(tmp_path, {"OCR_INSTANCES": "2"})
    assert planned.parts[-3:] == ("web:frontend-1", "web:frontend-2", "web:nginx")
    assert planned.sockets == [tmp_path / "frontend-1.sock", tmp_path / "frontend-2.sock"]
    environ = planned.environ({})
    assert (environ["STACK_INSTANCES"], environ["STACK_SOCKETS"]) == ("2", str(tmp_path))


@pytest.mark.parametrize(("given", "trusted"), [({}, "1"), ({"OCR_TRUSTED_PROXIES": "2"}, "3")])
def test_nginx_is_one_more_proxy(tmp_path: Path, given: dict[str, str], trusted: str) -> None:
    assert make(tmp_path, given).environ(given)["OCR_TRUSTED_PROXIES"] == trusted
    without = given | {"OCR_NGINX": "false"}
    alone = make(tmp_path, without).environ(without)
    assert alone["OCR_TRUSTED_PROXIES"] == given.get("OCR_TRUSTED_PROXIES", "0")


def test_without_nginx_gunicorn_takes_requests_itself(tmp_path: Path) -> None:
    planned = make(tmp_path, {"OCR_NGINX": "false"})
    assert planned.parts[-1] == "web:frontend-1"
    assert planned.environ({})["STACK_SOCKETS"] == ""


def test_parts_are_told_where_the_others_are(tmp_path: Path) -> None:
    planned = make(tmp_path)
    environ = planned.environ({})
    assert environ["OCR_MONGO_URL"] == f"mongodb://127.0.0.1:{planned.ports['mongod']}/ocr"
    assert environ["OCR_TORCHSERVE_URL"] == environ["TS_INFERENCE_ADDRESS"]
    assert environ["OCR_TORCHSERVE_MANAGEMENT_URL"] == environ["TS_MANAGEMENT_ADDRESS"]


def test_the_workers_metrics_have_the_port_that_is_asked_for_or_a_free_one(tmp_path: Path) -> None:
    chosen = make(tmp_path)
    assert chosen.environ({})["OCR_WORKER_METRICS_PORT"] == str(chosen.ports["worker_metrics"]) != "0"
    given = {"OCR_WORKER_METRICS_PORT": "9808"}
    assert make(tmp_path, given).environ(given)["OCR_WORKER_METRICS_PORT"] == "9808"


def test_the_archive_and_not_the_repository_is_on_torchserves_path(tmp_path: Path) -> None:
    assert "PYTHONPATH" not in make(tmp_path).environ({"PYTHONPATH": "."})


def test_every_archive_in_the_store_is_loaded_by_name(tmp_path: Path, store: Path) -> None:
    add_archive(store, "own", "own")
    (store / "weights").mkdir()
    assert make(tmp_path).environ({})["TS_LOAD_MODELS"] == "auto.mar,own.mar,auto-lines=auto.mar"


@pytest.mark.parametrize("model", ["auto", "crnn_v3_lite", "crnn_v2"])
def test_the_default_model_may_be_an_archive_a_network_in_it_or_an_alias(tmp_path: Path, model: str) -> None:
    loaded = make(tmp_path, {"OCR_DEFAULT_MODEL": model}).environ({})["TS_LOAD_MODELS"]
    assert loaded == "auto.mar,auto-lines=auto.mar"


def test_a_default_model_that_is_not_packaged_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="make models"):
        make(tmp_path, {"OCR_DEFAULT_MODEL": "crnn_v9"}).environ({})


@pytest.mark.parametrize(
    ("canary", "loaded"),
    [
        ("own", "auto.mar,own.mar,auto-lines=auto.mar,own-lines=own.mar"),
        ("crnn_v3_lite", "auto.mar,own.mar,auto-lines=auto.mar"),
    ],
)
def test_a_canary_reads_lines_in_a_queue_of_their_own(
    tmp_path: Path, store: Path, canary: str, loaded: str
) -> None:
    add_archive(store, "own", "own")
    assert make(tmp_path, {"OCR_CANARY": f"{canary}:0.1"}).environ({})["TS_LOAD_MODELS"] == loaded


def test_a_canary_that_is_not_packaged_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"make models.*OCR_CANARY"):
        make(tmp_path, {"OCR_CANARY": "crnn_v9:0.1"}).environ({})


def test_a_file_that_is_no_archive_is_named(tmp_path: Path, store: Path) -> None:
    (store / "half.mar").write_bytes(b"PK")
    with pytest.raises(StackError, match=r"half\.mar"):
        make(tmp_path).environ({})


@pytest.fixture
def rolled_out(tmp_path: Path, store: Path) -> None:
    """What a rollout of an earlier run has left."""
    add_archive(store, "shop", "shop")
    gone = "http://127.0.0.1:20001"
    record = ServingRecord("shop", gone, gone, gone, TORCHSERVE_2, previous="auto", configured="auto")
    write_record(tmp_path / SERVING, record)


def test_a_run_begins_with_the_default_model_in_the_first_torchserve(tmp_path: Path) -> None:
    planned = make(tmp_path, {"OCR_DEFAULT_MODEL": "crnn_v3"})
    environ = planned.environ({})
    assert planned.serving == ServingRecord(
        *("crnn_v3", environ["TS_INFERENCE_ADDRESS"], environ["TS_MANAGEMENT_ADDRESS"]),
        *(environ["TS_METRICS_ADDRESS"], TORCHSERVE, "", "crnn_v3"),
    )
    assert environ["OCR_SERVING_FILE"] == str(tmp_path / SERVING)


@pytest.mark.usefixtures("rolled_out")
def test_a_model_that_was_rolled_out_serves_again_after_a_restart(tmp_path: Path) -> None:
    planned = make(tmp_path)
    assert planned.serving
    assert (planned.serving.model, planned.serving.previous) == ("shop", "auto")
    environ = planned.environ({})
    assert (planned.serving.url, planned.serving.part) == (environ["TS_INFERENCE_ADDRESS"], TORCHSERVE)
    assert environ["TS_LOAD_MODELS"] == "auto.mar,shop.mar,shop-lines=shop.mar,auto-lines=auto.mar"


@pytest.mark.usefixtures("rolled_out")
def test_another_default_model_ends_a_rollout(tmp_path: Path) -> None:
    planned = make(tmp_path, {"OCR_DEFAULT_MODEL": "crnn_v3"})
    assert planned.serving
    assert (planned.serving.model, planned.serving.previous) == ("crnn_v3", "")


@pytest.mark.usefixtures("rolled_out")
def test_there_is_no_going_back_to_a_model_whose_archive_is_gone(tmp_path: Path, store: Path) -> None:
    (store / "auto.mar").unlink()
    planned = make(tmp_path)
    assert planned.serving
    assert (planned.serving.model, planned.serving.previous) == ("shop", "")


@pytest.mark.usefixtures("rolled_out")
def test_a_rolled_out_model_whose_archive_is_gone_is_rolled_back(
    tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (store / "shop.mar").unlink()
    with pytest.raises(StackError, match="make rollback"):
        make(tmp_path).environ({})
    rollout.roll_back(tmp_path)
    assert "auto serves again" in capsys.readouterr().out
    assert make(tmp_path).environ({})["TS_LOAD_MODELS"] == "auto.mar,auto-lines=auto.mar"


def test_torchserve_is_private_by_its_own_configuration() -> None:
    config = properties()
    addresses = [value for key, value in config.items() if key.endswith("_address")]
    assert len(addresses) == 5
    assert all("127.0.0.1" in address for address in addresses)
    assert config["enable_model_api"] == "false"
    assert "file:" not in config["allowed_urls"]


def test_torchserve_takes_what_the_front_end_lets_through(tmp_path: Path) -> None:
    assert int(properties()["max_request_size"]) >= Settings().max_body_bytes
    larger = {"OCR_MAX_IMAGE_MB": "40"}
    assert int(make(tmp_path, larger).environ(larger)["TS_MAX_REQUEST_SIZE"]) >= 40 * 1024 * 1024


def test_torchserves_heap_holds_what_is_under_way_twice() -> None:
    heap = re.search(r"-Xmx(\d+)g", properties()["vmargs"])
    assert heap
    for settings in (Settings(), Settings(instances=3)):
        assert int(heap[1]) * 1024**3 > 2 * settings.processes * settings.max_bytes_in_flight


def test_torchserve_has_as_many_workers_as_set_or_as_the_cores_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def workers(cores: int, **given: str) -> str:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: range(cores))
        return make(tmp_path, given).environ(given)["TS_DEFAULT_WORKERS_PER_MODEL"]

    assert [workers(cores) for cores in (1, 2, 3, 4, 8, 64)] == ["1", "1", "1", "2", "4", "4"]
    assert [workers(2, OCR_RECOGNIZERS=number) for number in ("0", "2", "16")] == ["1", "2", "16"]
    assert properties()["default_workers_per_model"] == "1"


def test_a_worker_computes_on_one_thread_unless_told_otherwise(tmp_path: Path) -> None:
    planned = make(tmp_path)
    assert planned.environ({})["OMP_NUM_THREADS"] == "1"
    assert planned.environ({"OMP_NUM_THREADS": "4"})["OMP_NUM_THREADS"] == "4"
