"""Starting and stopping: in order, side by side, and leaving nothing behind."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from frontend.stack.ports import free_ports
from tests.e2e import lines
from tests.e2e.service import STOP_SECONDS, Service, wait_for
from tests.e2e.test_stream import address, closing
from tests.stream_client import open_stream


def gone(processes: list[psutil.Process]) -> bool:
    return not any(_runs(process) for process in processes)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_second_stack_runs_beside_the_first_and_leaves_nothing_behind(
    service: Service, data_dir: Path
) -> None:
    second = Service(data_dir).wait_until_ready()
    started = second.processes()
    assert {process.pid for process in started}.isdisjoint(process.pid for process in service.processes())
    listening = {
        connection.laddr.port
        for process in started
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert second.port in listening
    assert max(listening) < 32_768

    assert second.post(lines.png("beside")).json()["cached"] is False
    assert service.post(lines.png("beside")).json()["cached"] is False

    with open_stream(address(second)) as client, ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(second.stop)
        assert closing(client)[0] == 1001
        assert stopping.result() < STOP_SECONDS
    assert second.process.returncode == 0
    assert gone(started)
    assert service.is_well()


def test_databases_that_are_given_are_used(service: Service, data_dir: Path) -> None:
    ports = service.facts["ports"]
    second = Service(
        data_dir,
        OCR_NGINX="false",  # a part that is not wanted
        OCR_MONGO_URL=f"mongodb://127.0.0.1:{ports['mongod']}/ocr",
        OCR_REDIS_URL=f"redis://127.0.0.1:{ports['valkey']}/0",
    ).wait_until_ready()
    try:
        names = {process.name() for process in second.processes()}
        assert not {name for name in names if name.startswith(("mongod", "valkey", "nginx"))}
        image = lines.png("shared by two front ends")
        assert service.post(image).json()["cached"] is False
        assert second.post(image).json()["cached"] is True
    finally:
        second.stop()


def test_one_data_folder_serves_one_stack(service: Service) -> None:
    second = Service(service.data_dir, OCR_PORT=str(service.port + 1))
    assert second.process.wait(20) == 1
    assert "already runs" in second.output.read_text()
    assert service.is_well()


def test_a_taken_port_is_refused_at_once(data_dir: Path) -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", port)):
        second = Service(data_dir, OCR_PORT=str(port))
        assert second.process.wait(20) == 1
    assert "in use" in second.output.read_text()
    assert "OCR_PORT" in second.output.read_text()


def test_a_killed_stack_takes_its_parts_along_and_starts_again(data_dir: Path) -> None:
    """Its first process killed, supervisord, and both; each time the next one begins where the last ended."""
    running = Service(data_dir)
    try:
        running.wait_until_ready()
        text = running.post(lines.png("before the kill")).json()["text"]
        for victim in ("stack", "supervisord", "both"):
            started = stack, supervisord, *_parts = running.processes()
            for process in {"stack": [stack], "supervisord": [supervisord]}.get(victim, [supervisord, stack]):
                process.kill()
            running.process.wait(STOP_SECONDS)
            if victim != "both":  # then nobody is left to do it before the next start
                wait_for(lambda killed=started: gone(killed), STOP_SECONDS)
            running = Service(data_dir, OCR_PORT=str(running.port))
            running.wait_until_ready()
            assert gone(started), victim
            assert running.get("/history").json()["items"][0]["text"] == text
    finally:
        running.stop()
