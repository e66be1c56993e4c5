"""Results as files, and the pages they were read on, through the real stack."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import requests
from PIL import Image

from tests.e2e import lines, pages
from tests.e2e.service import ROOT, Service, request
from tests.unit.frontend.formats.test_searchable_pdf import places, texts


def post(service: Service, path: str, data: dict[str, Any], *files: bytes) -> requests.Response:
    parts = [("image", (f"{number}.bin", file)) for number, file in enumerate(files)]
    return request("POST", f"{service.address}{path}", data=data, files=parts, headers=service.headers)


def test_a_page_that_was_read_becomes_a_searchable_pdf(service: Service) -> None:
    upright, sideways = pages.draw(11), pages.draw(12).transpose(Image.Transpose.ROTATE_90)
    files = [lines.encode(upright, "JPEG", quality=90), lines.encode(sideways)]
    files.append((ROOT / "tests/golden/vertical.png").read_bytes())
    answers = [service.post(file, detail="chars").json() for file in files]
    given = [{"name": f"{n}.png", "answer": answer} for n, answer in enumerate(answers)]
    response = post(service, "/render", {"format": "pdf", "answers": json.dumps(given)}, *files)
    assert response.status_code == 200, response.text
    first, second, third = texts(response.content)
    assert first == answers[0]["text"] == pages.text(11)
    assert second.split() == answers[1]["text"].split() == pages.text(12).split()
    assert third.split() == answers[2]["text"].split()
    assert files[0] in response.content
    row = next(line for line in answers[0]["lines"] if line["text"].startswith("RECEIPT"))
    (box,) = places(response.content, [row["text"]])
    (left, top), (right, bottom) = row["bbox"]
    assert all(abs(a - b) <= 4 for a, b in zip(box, (left, top, right, bottom), strict=True))


KINDS = ("rotated jpeg", "rotated tiff", "rgba", "rotated heic")


def _files() -> dict[str, bytes]:
    """Files whose pages have sizes that are easily taken for others."""
    document = pypdfium2.PdfDocument.new()
    for width, height, rotation in ((595.3, 841.9, 0), (300, 200.1, 90)):
        document.new_page(width, height).set_rotation(rotation)
    buffer = io.BytesIO()
    document.save(buffer)
    document.close()
    small = Image.new("L", (90, 70), 255)
    return {
        "pdf": buffer.getvalue(),
        "tiff": lines.encode(pages.draw(13), "TIFF", save_all=True, append_images=[small]),
        **{
            kind: lines.encodings("Total 42.50")[kind]
            for kind in ("rotated jpeg", "rotated tiff", "rgba", "rotated heic")
        },
    }


@pytest.mark.parametrize("kind", list(_files()))
def test_a_page_is_drawn_in_the_size_that_it_is_read_in(service: Service, kind: str) -> None:
    file = _files()[kind]
    answer = service.post(file, mode="page").json()
    for read in answer.get("pages") or [answer | {"page": 1}]:
        response = post(service, "/picture", {"page": read["page"], "max_side": 64}, file)
        assert response.status_code == 200, response.text
        facts = tuple(int(response.headers[name]) for name in ("X-Pages", "X-Width", "X-Height"))
        assert facts == (len(answer.get("pages", [1])), read["width"], read["height"])
        assert max(Image.open(io.BytesIO(response.content)).size) == 64


def test_the_command_line_makes_a_searchable_pdf(service: Service, tmp_path: Path) -> None:
    image, document = tmp_path / "page.png", tmp_path / "document.pdf"
    image.write_bytes(lines.encode(pages.draw(14)))
    document.write_bytes(pages.pdf(pages.draw(15), pages.draw(16)))
    command = [sys.executable, "-m", "frontend.client.command", "--url", service.address, "--pdf", "--async"]
    done = subprocess.run([*command, image, document], cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert texts(done.stdout) == [pages.text(number) for number in (14, 15, 16)]
