"""The OpenAPI document is the contract: whatever it allows is asked, and each answer is one it names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e import lines
from tests.e2e.service import ROOT, Service


def test_every_answer_is_one_that_the_document_names(service: Service, tmp_path: Path) -> None:
    """No 5xx, no status, media type, header or body but those documented; what is invalid is refused."""
    service.post(lines.png("a record to be found"))
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", ROOT / "tests/e2e/schemathesis.toml"),
            *("run", f"{service.address}/openapi.json"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Fuzzing" in done.stdout
