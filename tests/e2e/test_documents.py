"""The commands and examples in the documents work as printed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image
from playwright._impl._driver import compute_driver_executable

from tests.e2e.service import ROOT, Service, wait_for
from tests.golden import GOLDEN, PAGE, WIDE, Golden

FRONT_DOORS = ("README.md", "README.zh-CN.md")
API = "docs/api.md"


@pytest.mark.parametrize(("document", "commands"), [*((name, 1) for name in FRONT_DOORS), (API, 3)])
def test_curl_reads_an_image(service: Service, document: str, commands: int) -> None:
    others = ("/recognize/batch", "Accept:")
    found = [line for line in _curl_lines(document, service) if not any(other in line for other in others)]
    assert len(found) == commands
    for command in found:
        answer = _run(command)
        (golden,) = _golden_images(command)
        with Image.open(golden.path) as image:
            assert (answer["width"], answer["height"]) == image.size
        assert answer["text"] == golden.text


def test_curl_reads_markdown(service: Service) -> None:
    (command,) = (line for line in _curl_lines(API, service) if "Accept:" in line)
    told = _output(command).strip()
    answer = service.post(PAGE.path.read_bytes(), text_format="markdown").json()
    assert told == answer["text"]
    assert answer["text"].startswith("# ")


def test_curl_reads_a_batch(service: Service) -> None:
    (batch,) = (line for line in _curl_lines(API, service) if "/recognize/batch" in line)
    status = _run(batch)["status_url"]
    wait_for(lambda: service.get(status).json()["state"] == "success", 60)
    results = [item["result"]["text"] for item in service.get(status).json()["items"]]
    assert results == [golden.text for golden in _golden_images(batch)]


def test_curl_makes_a_searchable_pdf(service: Service, tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (block,) = (block for block in _blocks(API, "bash", service) if "/render" in block)
    subprocess.run(["bash", "-ec", block], cwd=tmp_path, check=True, timeout=60)
    with pypdfium2.PdfDocument(tmp_path / "page.pdf") as document:
        assert "Wholemeal bread" in document[0].get_textpage().get_text_range()


@pytest.mark.parametrize("document", FRONT_DOORS)
@pytest.mark.parametrize("language", ["python", "javascript"])
def test_a_program_reads_an_image(service: Service, tmp_path: Path, document: str, language: str) -> None:
    (program,) = _blocks(document, language, service)
    script = tmp_path / {"python": "read.py", "javascript": "read.mjs"}[language]
    script.write_text(program)
    runtime = {"python": sys.executable, "javascript": str(compute_driver_executable()[0])}[language]
    done = subprocess.run([runtime, script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    (golden,) = _golden_images(program)
    assert all(line in done.stdout for line in golden.text.splitlines())


def _run(command: str) -> dict[str, Any]:
    """The JSON that a command prints."""
    answer: dict[str, Any] = json.loads(_output(command))
    return answer


def _output(command: str) -> str:
    done = subprocess.run(
        shlex.split(command), cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def _golden_images(text: str) -> list[Golden]:
    """The golden images that a command or a program names, in its order."""
    named = {str(golden.path.relative_to(ROOT)): golden for golden in [*GOLDEN, *WIDE, PAGE]}
    return sorted((named[name] for name in named if name in text), key=lambda g: text.index(g.path.name))


def _curl_lines(document: str, service: Service) -> list[str]:
    """The commands that print what /recognize answers, in a document's shell blocks."""
    commands = [line for block in _blocks(document, "bash", service) for line in block.splitlines()]
    return [
        line for line in commands if line.startswith("curl") and "/recognize" in line and " > " not in line
    ]


def _blocks(document: str, language: str, service: Service) -> list[str]:
    """The code blocks of a document in a language, for this service's port."""
    text = (ROOT / document).read_text("utf-8")
    blocks = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return [b.replace("\\\n", " ").replace("127.0.0.1:8000", f"127.0.0.1:{service.port}") for b in blocks]
