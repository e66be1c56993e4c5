"""Fonts and a corpus for what is drawn: Pillow's own, and a small one, so that nothing is fetched."""

from pathlib import Path

import pytest
from PIL import ImageFont

from tests.unit.box_font import WIDE, box_font
from tests.unit.corpus import small_corpus
from training.fonts import coverage as fonts
from training.fonts import typefaces
from training.text import generator as text


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small one, the same for all: its languages take seconds to prepare, and are kept by its place."""
    folder = tmp_path_factory.mktemp("corpus")
    small_corpus(folder)
    return folder


@pytest.fixture
def one_font(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Pillow's own font in every section, a small corpus, and a working folder."""
    path = tmp_path / "pillow.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    sections = {section: (str(path),) for section in fonts.families()}
    monkeypatch.setattr(typefaces, "_fonts", lambda: sections)
    monkeypatch.setattr(text, "CORPUS", corpus)
    monkeypatch.chdir(tmp_path)
    return sections


@pytest.fixture
def wide_font(one_font: dict[str, tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A font with a box for each character of WIDE, in every wide section; the others have Pillow's own."""
    path = box_font(tmp_path / "wide.ttf", WIDE)
    sections = {name: (path,) if name.startswith("wide") else latin for name, latin in one_font.items()}
    monkeypatch.setattr(typefaces, "_fonts", lambda: sections)
    return path
