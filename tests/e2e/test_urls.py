"""Images that the service fetches, and clients of other services, against the real stack."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.e2e import lines
from tests.e2e.service import ROOT, Service, request
from tests.e2e.test_bad_input import assert_problem
from tests.unit.frontend.fake_web import FakeWeb, serving

TEXT = "Fetched for 48.60"


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    """Where the stack of these tests may go."""
    with serving() as server:
        server.image = lines.png(TEXT)
        yield server


def test_an_image_is_fetched_and_read(service: Service, web: FakeWeb) -> None:
    fetched = service.post_json(url=web.address("/redirect?to=/image.png")).json()
    sent = service.post(web.image).json()
    assert fetched["text"] == sent["text"] == TEXT
    assert fetched["image_hash"] == sent["image_hash"]
    assert sent["cached"] is True


def test_nobody_reaches_the_stack_s_own_servers(service: Service, web: FakeWeb) -> None:
    private = service.private("management", "/models")
    for url in (private, web.address(f"/redirect?to={private}"), f"{service.address}/healthz"):
        problem = assert_problem(service.post_json(url=url), 422, "private-address")
        assert "OCR_URL_ALLOW" in problem["detail"]


def test_the_command_line_names_an_address(service: Service, web: FakeWeb) -> None:
    command = [
        sys.executable,
        "-m",
        "frontend.client.command",
        "--url",
        service.address,
        web.address("/image.png"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (f"{TEXT}\n", "")


def test_clients_of_umi_ocr_and_of_paddlex(service: Service, web: FakeWeb) -> None:
    encoded = base64.b64encode(web.image).decode()
    options = {"data.format": "text"}
    umi = request("POST", f"{service.address}/api/ocr", json={"base64": encoded, "options": options}).json()
    assert (umi["code"], umi["data"]) == (100, TEXT)
    for file in (encoded, web.address("/image.png")):
        paddlex = request("POST", f"{service.address}/ocr", json={"file": file, "fileType": 1}).json()
        assert paddlex["errorCode"] == 0
        (result,) = paddlex["result"]["ocrResults"]
        assert result["prunedResult"]["rec_texts"] == [TEXT]
