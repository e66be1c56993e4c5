"""`ocr feedback export` against a server that answers as the service does."""

from __future__ import annotations

import zipfile
from collections import deque
from pathlib import Path

import pytest

from frontend.client import command
from frontend.feedback.export import Label, zipped
from tests.unit.frontend.client.test_command import Capture, service
from tests.unit.frontend.fake_service import FakeService, Reply, problem
from training.labelled import read_labels

__all__ = ["service"]

LABELS = [Label("1-0-0", b"one", "TOTAL 总计", {}), Label("1-0-1", b"two", "Milk", {})]


@pytest.fixture
def exporting(service: FakeService) -> FakeService:
    """A service with LABELS, and no more afterwards."""
    replies = [Reply(200, b"".join(zipped(LABELS[:count]))) for count in (2, 1)]
    service.tasks["/feedback/export"] = deque(replies)
    return service


@pytest.mark.usefixtures("exporting")
def test_lines_come_into_a_folder(tmp_path: Path, capsys: Capture) -> None:
    """One with a former export may be used again."""
    folder = tmp_path / "my lines"
    for count in (2, 1):
        assert command.main(["feedback", "export", "-o", str(folder)]) == 0
        assert capsys.readouterr() == (f"{count} lines are in {folder}.\n", "")
        found = [(path.read_bytes(), text) for path, text in read_labels(folder)]
        assert found == [(b"one", "TOTAL 总计"), (b"two", "Milk")][:count]


@pytest.mark.usefixtures("exporting")
def test_lines_come_into_a_zip(tmp_path: Path) -> None:
    assert command.main(["feedback", "export", "-o", str(tmp_path / "lines.ZIP")]) == 0
    with zipfile.ZipFile(tmp_path / "lines.ZIP") as archive:
        assert set(archive.namelist()) == {"crops/1-0-0.png", "crops/1-0-1.png", "labels.tsv", "lines.jsonl"}


def test_files_of_others_are_left_alone(exporting: FakeService, tmp_path: Path, capsys: Capture) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    for output in (tmp_path, mine, tmp_path / "nowhere" / "lines.zip"):
        assert command.main(["feedback", "export", "-o", str(output)]) == 2
        assert str(output) in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert exporting.tasks["/feedback/export"], "it was asked for once, where a ZIP could not be written"


def test_a_service_that_cannot_says_why(service: FakeService, tmp_path: Path, capsys: Capture) -> None:
    service.tasks["/feedback/export"] = deque([problem(401, "An API key is needed.")])
    assert command.main(["feedback", "export", "-o", str(tmp_path / "a")]) == 1
    assert "An API key is needed." in capsys.readouterr().err
    assert command.main(["feedback", "export", "-o", str(tmp_path / "a"), "--url", "127.0.0.1:1"]) == 3
    assert not (tmp_path / "a").exists()
    for arguments in (["feedback"], ["feedback", "export"], ["feedback", "import", "-o", "a"]):
        with pytest.raises(SystemExit, match="2"):
            command.main(arguments)
