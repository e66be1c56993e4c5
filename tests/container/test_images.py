"""The images by themselves."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.container import engine
from tests.container.engine import FRONTEND, TORCHSERVE

MEGABYTES = 1_000_000
ALONE = ("--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none")


@pytest.mark.parametrize(("image", "limit"), [(FRONTEND, 450), (TORCHSERVE, 2000)])
def test_size(image: str, limit: int) -> None:
    assert engine.image_bytes(image) < limit * MEGABYTES


@pytest.mark.parametrize("image", [FRONTEND, TORCHSERVE])
def test_user_and_health_check(image: str) -> None:
    (facts,) = json.loads(engine.run("image", "inspect", image))
    assert facts["Config"]["User"] == "10001:10001"
    assert facts["Config"].get("Healthcheck") or facts.get("Healthcheck")


@pytest.mark.parametrize(("image", "package"), [(FRONTEND, "Flask"), (TORCHSERVE, "torchserve")])
def test_it_has_the_bill_of_its_materials(image: str, package: str) -> None:
    bill = json.loads(engine.run("run", *ALONE, image, "cat", "/app/bom.cdx.json"))
    assert package.lower() in {part["name"].lower() for part in bill["components"]}
    assert "cyclonedx-bom" not in {part["name"] for part in bill["components"]}


@pytest.mark.parametrize("image", [FRONTEND, TORCHSERVE])
def test_no_file_in_it_is_a_way_to_root(image: str) -> None:
    command = ["sh", "-c", "find /opt /app -xdev -perm /6000 -o -xdev -writable -not -type l | head"]
    assert engine.run("run", *ALONE, image, *command) == ""


@pytest.mark.parametrize(
    "command", [(), ("python", "-m", "celery", "--quiet", "--app", "frontend.worker", "worker")]
)
def test_a_wrong_secret_ends_with_what_to_do(command: tuple[str, ...]) -> None:
    wrong = ("--env", "OCR_ANONYMOUS=true", "--env", "OCR_SECRET_KEY=short")
    done = subprocess.run(
        [engine.PROGRAM, "run", *ALONE, *wrong, FRONTEND, *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode not in (0, 137)
    assert "OCR_ANONYMOUS=true needs OCR_SECRET_KEY" in done.stderr.rstrip().splitlines()[-1]
